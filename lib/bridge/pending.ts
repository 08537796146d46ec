import { type DeadlineEntry, type Deferred, deferred, type Expiring } from "../async/mod.ts";
import { CallCancelledError, CallTimeoutError, RefNotFoundError } from "../errors/mod.ts";
import { CallFlag, CallKind, Returns } from "../protocol/mod.ts";
import { type Behind, behindOf, type Handle, HandleGroup } from "../refs/mod.ts";
import type { Pool } from "../pool/mod.ts";
import type { CallPlace, Nesting, Reply } from "../rpc/mod.ts";
import type { SessionScope } from "../session/mod.ts";
import type { Job, Worker } from "../worker/mod.ts";
import { type CallPlan, libraryOf, returnFlags, submitCall, timeoutOf, timeUp } from "./call_job.ts";
import { submitJob } from "./callbacks.ts";
import { type Core, pinOf } from "./core.ts";
import { errorModeOf, failedCall } from "./failed_call.ts";
import { type CallOptions, checkCallOptions } from "./options.ts";
import { remotesOf, workerOf } from "./remotes.ts";
import { Retries } from "./retries.ts";
import { withAmbientOptions } from "./runtime_options.ts";

/** Makes the face that a settled object gets. */
export type FaceMaker = (core: Core, handle: Handle) => unknown;

/** One step of a chain, before it has a worker. */
export interface StepPlan {
  /** What is called; a `CallKind`. */
  readonly kind: number;
  /** Module, or object: one that lives, or the result of an earlier step. */
  readonly target: string | Behind;
  /** Dotted name, or operation. */
  readonly name: string;
  /** Positional arguments. */
  readonly args: readonly unknown[];
  /** Keyword arguments. */
  readonly kwargs: Readonly<Record<string, unknown>> | null;
  /** Options of the call. */
  readonly options: CallOptions | undefined;
  /** Where it must run, whatever its objects say. */
  readonly home?: Home;
}

/** Says where a step must run. */
export interface Home {
  /** What must have been sent before it. */
  readonly after: Behind | undefined;
  /** Whether it stays with the worker that it was handed to, because later steps count on that. */
  readonly stays: boolean;
  /** The worker for the step, given the one that the objects of its job need. */
  choose(needed: Worker | undefined, what: string): Worker | undefined;
}

const planners = new WeakMap<Pool, Planner>();

/**
 * The result of a call that may not have been made yet.
 *
 * It is sent at the end of the turn in which it was made, together with the steps that use it; only what somebody
 * awaits travels back.
 *
 * ```
 *  planned ──turn ends──▶ sent ──answer──▶ settled
 * ```
 */
export class Pending implements Behind, Reply {
  /** Session it belongs to. */
  readonly scope: SessionScope;
  /** What it does. */
  readonly plan: StepPlan;
  /** Its options, with what the flow around it says filled in. */
  readonly options: CallOptions | undefined;
  /** The hold on the result; there is one once it was sent and is kept. */
  handle: Handle | undefined;
  /** Why there is no result. */
  failure: Error | undefined;
  /** How many steps of its own turn use it. */
  dependents = 0;
  /** Whether any call uses it; that one then reports its failure. */
  used = false;
  /** Whether its call is out. */
  open = false;
  /** The step that stands for those it goes together with, while a turn is sorted. */
  leader: Pending | undefined;
  /** The worker it goes to where no object says otherwise. */
  readonly pin: Worker | undefined;
  /** What stands behind the objects it uses: its target, and those in its arguments. */
  readonly uses: readonly Behind[];
  readonly #core: Core;
  readonly #face: FaceMaker;
  #result: Deferred<unknown> | undefined;
  #sent = false;
  #answers = false;
  #answered = false;
  #waiters: (() => void)[] | undefined;
  #job: ChainJob | undefined;
  #id = 0;
  /** What it names, as far as it had a name before the step was sent; it stays in Python until the step has ended. */
  #pinned: Handle[] | undefined;
  #lacksNames = false;
  /** Why it may not be sent. */
  #refused: Error | undefined;

  /** Plans a step. */
  constructor(core: Core, scope: SessionScope, plan: StepPlan, face: FaceMaker) {
    scope.check();
    this.#core = core;
    this.scope = scope;
    this.plan = plan;
    this.options = withAmbientOptions(plan.options);
    this.#face = face;
    // Before it joins the turn: looking at an attribute in the arguments plans a step of its own, which goes first.
    this.uses = usedBy(plan);
    // Now: the turn ends in the flow of whoever made its first step.
    this.pin = pinOf(core, scope);
    markUsed(this.uses);
    this.#pinUses();
    let planner = planners.get(core.pool);
    if (planner === undefined) planners.set(core.pool, planner = new Planner(core));
    planner.add(this);
  }

  /** Words for messages. */
  get what(): string {
    const { target, name } = this.plan;
    if (typeof target === "string") return name === "" ? target : `${target}.${name}`;
    const owner = target instanceof Pending ? "…" : target.handle?.info?.type ?? "object";
    return name === "" ? owner : `${owner}.${name}`;
  }

  /** What it belongs to: the module or the type of the object that its chain starts from. */
  get library(): string | undefined {
    const { target, home } = this.plan;
    if (home !== undefined) return undefined;
    if (target instanceof Pending) return target.library;
    return libraryOf(typeof target === "string" ? target : target.handle);
  }

  /** @inheritdoc */
  get keeps(): Handle | undefined {
    return this.handle;
  }

  /**
   * Whether it is known how calls can use it: it has failed, its result has a name, or, where only the value was asked
   * for, the answer is there.
   */
  get usable(): boolean {
    return this.failure !== undefined || this.handle !== undefined || this.#answered;
  }

  /** Settles when {@linkcode Pending.usable} becomes true. */
  whenUsable(): Promise<void> {
    return this.usable ? Promise.resolve() : new Promise((resolve) => (this.#waiters ??= []).push(resolve));
  }

  /** Whether somebody awaits it. */
  get wanted(): boolean {
    return this.#result !== undefined;
  }

  /** What awaiting gives: the value, or the settled face of the object. */
  result(): Promise<unknown> {
    if (this.#result === undefined) {
      this.#result = deferred();
      if (this.failure !== undefined) this.#result.reject(this.failure);
      else if (this.#sent) this.#fetch(this.#result);
    }
    return this.#result.promise;
  }

  /**
   * Sends the step; undefined when it could not be sent, and was failed.
   *
   * @param last Whether it is the last of its job, which must be answered.
   * @param group Where results go that only other steps of the job use.
   * @param place Where the job stands among others.
   */
  send(
    worker: Worker,
    job: ChainJob,
    last: boolean,
    group: () => HandleGroup,
    place: CallPlace,
  ): number | undefined {
    const { kind, target, name, args, kwargs } = this.plan;
    const session = this.scope.id;
    this.#job = job;
    this.#sent = true;
    this.#answers = this.wanted;
    const kept = this.dependents > 0 || !this.wanted;
    // What no other step uses is answered: nothing else would tell it from the ones that a later failure undoes.
    const silent = !last && this.dependents > 0;
    const flags = (this.wanted ? returnFlags(this.options) : Returns.none | (silent ? CallFlag.silent : 0)) |
      (kept ? CallFlag.keep : 0);
    const id = worker.peer.lastId + 1;
    worker.refs.callbackFace = this.#face;
    try {
      if (typeof target !== "string" && target.failure !== undefined) throw target.failure;
      const handle = typeof target === "string" ? undefined : target.handle;
      if (typeof target !== "string" && handle === undefined) {
        throw new RefNotFoundError(
          `the object of ${this.what}`,
          "it was awaited as a value and not kept; hold it with keep(), or start from the awaited value",
        );
      }
      if (kept) {
        this.handle = worker.refs.hold(id, session, this.wanted || this.dependents === 0 ? undefined : group());
      }
      this.#id = worker.peer.call(
        {
          session,
          kind,
          target: handle === undefined ? target as string : worker.refs.use(handle, session),
          name,
          args,
          kwargs,
          flags,
        },
        this,
        place,
      );
      if (kept) this.#wakeWaiters();
      return this.#id;
    } catch (error) {
      // Nothing was sent under this id: the next call takes it.
      if (this.handle !== undefined) worker.refs.drop(this.handle);
      this.handle = undefined;
      this.#failed(error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  }

  /** @inheritdoc */
  handleOf(id: number): Handle | undefined {
    return this.uses.find(({ handle }) => handle?.id === id)?.handle;
  }

  /** What its call names; what it only comes after is not named. */
  get #named(): readonly Behind[] {
    return this.plan.home?.after === undefined ? this.uses : this.uses.slice(1);
  }

  /** Keeps what the step names in Python until it has ended, and checks that it may be named. */
  #pinUses(): void {
    for (const { handle } of this.#named) {
      if (handle === undefined) {
        this.#lacksNames = true;
        continue;
      }
      try {
        handle.admit(this.scope.id);
        handle.pin();
        (this.#pinned ??= []).push(handle);
      } catch (error) {
        this.#refused ??= error as Error;
      }
    }
  }

  /** Fails it at once when it names what cannot be used; true when it has failed. */
  refuse(): boolean {
    const reason = this.#refused ?? this.#named.find(({ failure }) => failure !== undefined)?.failure;
    if (reason !== undefined) this.#failed(reason);
    return this.failure !== undefined;
  }

  /** Keeps what got its name since the step was made; what is sent along with it needs no keeping. */
  pinLate(): void {
    if (!this.#lacksNames || this.failure !== undefined) return;
    this.#lacksNames = false;
    const known = this.#pinned;
    for (const { handle } of this.#named) {
      if (handle === undefined || known?.includes(handle) === true) continue;
      handle.pin();
      (this.#pinned ??= []).push(handle);
    }
  }

  #unpin(): void {
    const pinned = this.#pinned;
    if (pinned === undefined) return;
    this.#pinned = undefined;
    for (const handle of pinned) handle.unpin();
  }

  /** Undoes {@linkcode Pending.send}: the step was never begun and will be sent again. */
  reset(): void {
    this.#sent = false;
    this.open = false;
    this.handle = undefined;
    this.#job = undefined;
  }

  /** @inheritdoc */
  fulfil(value: unknown): void {
    const found = behindOf(value)?.handle;
    if (found?.id === this.#id) this.handle ??= found;
    this.#unpin();
    this.#answered = true;
    this.#wakeWaiters();
    // Awaited only after it was sent without asking for a value: that is fetched on its own.
    if (this.#answers) {
      this.#result?.resolve(found !== undefined && found.id === this.#id ? this.#face(this.#core, found) : value);
    }
    this.#job?.answered(this);
  }

  /** @inheritdoc */
  fail(error: Error): void {
    if (this.#job?.retries(error) === true) return;
    this.#failed(error);
    this.#job?.answered(this);
  }

  /** Whether it may be tried again. Expressions may not: what they see and change is the state of a session. */
  get isRepeatable(): boolean {
    return this.options?.idempotent === true && this.plan.home === undefined;
  }

  /** Whether it goes alone, by the way of calls that are no part of a chain: those can be answered by a kept result. */
  get isSingle(): boolean {
    return this.isRepeatable && this.wanted && this.dependents === 0 && this.uses.length === 0 &&
      this.pin === undefined;
  }

  /** Sends it alone. */
  sendAlone(): void {
    const { kind, target, name, args, kwargs } = this.plan;
    this.#sent = true;
    this.#answers = true;
    const plan = { kind, target: target as string, name, args, kwargs };
    submitCall(this.#core, this.scope, plan, this.options, this.uses).then((value) => {
      const found = behindOf(value)?.handle;
      // What came as a whole has a face of its own, of which the one given here is a stand-in.
      if (found !== undefined) this.#id = found.id;
      this.fulfil(value);
    }, (error) => this.#failed(error));
  }

  /** Fails it before it was sent, or while its answer is out. */
  abandon(error: Error): void {
    this.#failed(error);
  }

  #failed(error: Error): void {
    if (this.failure !== undefined) return;
    const mode = this.options?.errorMode ?? this.#core.errorMode;
    this.failure = failedCall(error, mode, this.#job?.runningOn, this.#id) as Error;
    this.#unpin();
    this.#wakeWaiters();
    // A step that others use passes its failure on to them; one that nobody uses behaves like a promise nobody awaits.
    if (this.#result === undefined && !this.used) void this.result();
    else this.#result?.reject(this.failure);
  }

  #wakeWaiters(): void {
    const waiters = this.#waiters;
    if (waiters === undefined) return;
    this.#waiters = undefined;
    for (const resolve of waiters) resolve();
  }

  /** Asks for a result that was kept in Python when its call was sent. */
  #fetch(result: Deferred<unknown>): void {
    const handle = this.handle;
    if (handle === undefined) return;
    const plan = { kind: CallKind.value, target: handle, name: "", args: [], kwargs: null };
    submitCall(this.#core, this.scope, plan, this.options).then((value) => {
      const found = behindOf(value)?.handle;
      if (found === undefined) return result.resolve(value);
      // The worker names an object that is kept already by its own id; both names are one object.
      handle.info ??= found.info;
      result.resolve(this.#face(this.#core, handle));
    }, (error) => {
      // Otherwise the step went back unbegun, and is answered when it is sent again.
      if (this.handle === handle) result.reject(error);
    });
  }
}

/** Steps that depend on each other; they go to one worker, in order. */
class ChainJob implements Job, Expiring {
  readonly deadlineAt: number;
  readonly #core: Core;
  readonly #steps: readonly Pending[];
  readonly #timeoutMs: number;
  readonly #signals: readonly AbortSignal[];
  #worker: Worker | undefined;
  #runningOn: Worker | undefined;
  #deadline: DeadlineEntry | undefined;
  #done: (() => void) | undefined;
  #open = 0;
  #submitted = false;
  #over = false;
  #isAnswered = false;
  #isRetrying = false;
  #retries: Retries | undefined;

  constructor(core: Core, steps: readonly Pending[]) {
    this.#core = core;
    this.#steps = steps;
    let timeoutMs = Infinity;
    const signals: AbortSignal[] = [];
    const asksLibrary = core.times.libraries !== undefined;
    for (const step of steps) {
      const { options } = step;
      timeoutMs = Math.min(timeoutMs, timeoutOf(core, options, asksLibrary ? step.library : undefined));
      // Checked while it can still be refused: an exception must not come out of a worker that was just given the job.
      returnFlags(options);
      errorModeOf(core, options);
      if (options?.signal !== undefined) signals.push(options.signal);
    }
    this.#timeoutMs = timeoutMs;
    this.#signals = signals;
    this.deadlineAt = core.clock.now() + timeoutMs;
  }

  get what(): string {
    return (this.#steps.at(-1) as Pending).what;
  }

  get worker(): Worker | undefined {
    return this.#worker;
  }

  get preferred(): Worker | undefined {
    return this.#steps[0]?.scope.preferred;
  }

  /** Where it was sent. */
  get runningOn(): Worker | undefined {
    return this.#runningOn;
  }

  /** What later steps may name stays where it is. */
  get single(): boolean {
    const [step, ...others] = this.#steps;
    return others.length === 0 && step !== undefined && step.wanted && step.dependents === 0 &&
      step.plan.home?.stays !== true;
  }

  /** Starts its time, which also covers the wait for earlier steps that it uses. */
  begin(): void {
    for (const signal of this.#signals) {
      if (signal.aborted) return this.fail(new CallCancelledError(this.what, false, signal.reason));
      signal.addEventListener("abort", this.#onAbort, { once: true });
    }
    this.#deadline = this.#core.deadlines.add(this);
  }

  submit(): void {
    if (this.#over) return;
    let refused = 0;
    for (const step of this.#steps) if (step.refuse()) refused += 1;
    // Nobody must wait in line to be told.
    if (refused === this.#steps.length) return this.#finish();
    try {
      for (const step of this.#steps) {
        step.pinLate();
        this.#worker = workerOf(step.what, step.uses, this.#worker);
      }
      for (const { plan: { home }, what } of this.#steps) {
        if (home !== undefined) this.#worker = home.choose(this.#worker, what);
      }
      this.#worker ??= this.#steps.find((step) => step.pin?.alive === true)?.pin;
    } catch (error) {
      return this.fail(error instanceof Error ? error : new Error(String(error)));
    }
    this.#submitted = true;
    const isRepeatable = this.#worker === undefined && this.#steps.every((step) => step.isRepeatable);
    if (isRepeatable) this.#retries = new Retries(this.#core, this, this.#steps.at(-1)?.options as CallOptions);
    submitJob(this.#core, this);
  }

  /**
   * Whether a step that failed with its worker is tried again, with all of its chain. What was answered before may have
   * been used by then, so a chain of which anything was answered is not.
   */
  retries(error: Error): boolean {
    // The other steps fail in the same moment.
    if (this.#isRetrying) return true;
    const retries = this.#retries;
    if (this.#over || this.#isAnswered || retries === undefined) return false;
    if (this.#steps.some((step) => step.failure !== undefined)) return false;
    this.#isRetrying = retries.plan(error);
    return this.#isRetrying;
  }

  again(): void {
    this.#isRetrying = false;
    this.reset();
    this.#core.pool.submit(this);
  }

  start(worker: Worker, done: () => void, nesting?: Nesting): readonly number[] {
    if (this.#over) return [];
    this.#done = done;
    this.#runningOn = worker;
    const ids: number[] = [];
    let last = this.#steps.length - 1;
    // The last step must be answered, or nobody would know when the chain is through.
    while (last >= 0 && this.#steps[last]?.failure !== undefined) last -= 1;
    const place = { chain: worker.peer.lastId + 1, nesting };
    let group: HandleGroup | undefined;
    const grouped = (): HandleGroup => group ??= new HandleGroup(worker.refs);
    for (let index = 0; index < this.#steps.length; index += 1) {
      const step = this.#steps[index] as Pending;
      if (step.failure !== undefined) continue;
      step.scope.touch(worker);
      const id = step.send(worker, this, index === last, grouped, place);
      if (id === undefined) continue;
      step.open = true;
      this.#open += 1;
      ids.push(id);
    }
    if (ids.length === 0) this.#finish();
    else if (this.#steps[last]?.failure !== undefined) ids.push(this.#fence(worker, place));
    return ids;
  }

  /** Asks for nothing, to hear that what went before is through: the step meant for that could not be sent. */
  #fence(worker: Worker, place: CallPlace): number {
    const over = (): void => {
      this.#open = 0;
      this.#finish();
      this.#done?.();
    };
    const session = (this.#steps[0] as Pending).scope.id;
    const flags = Returns.none;
    return worker.peer.call(
      {
        session,
        kind: CallKind.moduleAttr,
        target: "builtins",
        name: "None",
        args: [],
        kwargs: null,
        flags,
      },
      { what: this.what, fulfil: over, fail: over },
      place,
    );
  }

  reset(): void {
    this.#runningOn = undefined;
    this.#done = undefined;
    this.#open = 0;
    for (const step of this.#steps) if (step.failure === undefined) step.reset();
  }

  answered(step: Pending): void {
    if (!step.open) return;
    this.#isAnswered = true;
    step.open = false;
    this.#open -= 1;
    if (this.#open > 0) return;
    this.#finish();
    this.#done?.();
  }

  fail(error: Error): void {
    this.#finish();
    for (const step of this.#steps) step.abandon(error);
  }

  expire(): void {
    this.#giveUp((mayHaveRun) =>
      this.#submitted
        ? timeUp(this.#core, this.what, this.#timeoutMs, mayHaveRun)
        : new CallTimeoutError(this.what, this.#timeoutMs, false)
    );
  }

  readonly #onAbort = (): void => {
    const reason = this.#signals.find((signal) => signal.aborted)?.reason;
    this.#giveUp((mayHaveRun) => new CallCancelledError(this.what, mayHaveRun, reason));
  };

  #giveUp(makeError: (mayHaveRun: boolean) => Error): void {
    if (this.#over) return;
    const worker = this.#isRetrying ? undefined : this.#runningOn;
    const error = makeError(worker !== undefined || (this.#retries?.failed ?? 0) > 0);
    this.#finish();
    this.#retries?.cancel();
    const unanswered = worker === undefined ? this.#steps : this.#steps.filter((step) => step.open);
    for (const step of unanswered) step.abandon(error);
    if (worker === undefined) this.#core.pool.withdraw(this);
    else worker.stop(this);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#core.deadlines.delete(this.#deadline);
    for (const signal of this.#signals) signal.removeEventListener("abort", this.#onAbort);
  }
}

/** The step that stands for those `step` goes together with. */
function leaderOf(step: Pending): Pending {
  let leader = step;
  while (leader.leader !== undefined && leader.leader !== leader) leader = leader.leader;
  step.leader = leader;
  return leader;
}

/** Steps by leader, each in the order of the turn. */
function sorted(steps: readonly Pending[]): Pending[][] {
  const jobs = new Map<Pending, Pending[]>();
  for (const step of steps) {
    const leader = leaderOf(step);
    const job = jobs.get(leader);
    if (job === undefined) jobs.set(leader, [step]);
    else job.push(step);
  }
  return [...jobs.values()];
}

/** Settles when the steps made before have been sent, or stand in line. */
export function stepsSent(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
}

/** Collects the steps of a turn and sends those that belong together as one job. */
class Planner {
  readonly #core: Core;
  #steps: Pending[] = [];

  constructor(core: Core) {
    this.#core = core;
  }

  add(step: Pending): void {
    this.#steps.push(step);
    if (this.#steps.length > 1) return;
    // Two microtasks: `await` looks for `then` one microtask late, and by then it must be known what is wanted.
    queueMicrotask(() => queueMicrotask(() => this.#flush()));
  }

  #flush(): void {
    const steps = this.#steps;
    this.#steps = [];
    if (steps.length === 1) return this.#submit(steps);
    for (const step of steps) step.leader = step;
    for (const step of steps) {
      for (const used of step.uses) {
        if (!(used instanceof Pending) || used.leader === undefined) continue;
        used.dependents += 1;
        leaderOf(step).leader = leaderOf(used);
      }
    }
    // A step that nobody waits for was made for what it does, so what follows it must find it done: one job, in order.
    const together = steps.some((step) => !step.wanted && step.dependents === 0);
    const jobs = together ? [steps] : sorted(steps);
    for (const step of steps) step.leader = undefined;
    for (const job of jobs) this.#submit(job);
  }

  /** Sends steps as one job, once the steps of earlier turns that they use can be named. */
  #submit(steps: readonly Pending[]): void {
    let earlier: Pending[] | undefined;
    for (const { uses } of steps) {
      for (const used of uses) {
        if (used instanceof Pending && !used.usable && !steps.includes(used)) (earlier ??= []).push(used);
      }
    }
    const [only] = steps;
    if (steps.length === 1 && only?.isSingle === true) return only.sendAlone();
    let job: ChainJob;
    try {
      job = new ChainJob(this.#core, steps);
    } catch (error) {
      for (const step of steps) step.abandon(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    job.begin();
    if (earlier === undefined) return job.submit();
    void this.#submitLater(job, earlier);
  }

  async #submitLater(job: ChainJob, earlier: readonly Pending[]): Promise<void> {
    // One that went back unbegun after a crash is not usable any more.
    while (earlier.some((step) => !step.usable)) await Promise.all(earlier.map((step) => step.whenUsable()));
    job.submit();
  }
}

function markUsed(uses: readonly Behind[]): void {
  for (const used of uses) if (used instanceof Pending) used.used = true;
}

function usedBy({ target, args, kwargs, home }: StepPlan): readonly Behind[] {
  const remotes = remotesOf(args, kwargs);
  if (home?.after !== undefined) return [home.after, ...remotes];
  return typeof target === "string" ? remotes : [target, ...remotes];
}

/**
 * Makes a call and gives its result; at once when it can be, with its turn when it uses results on their way.
 */
export function callNow(
  core: Core,
  scope: SessionScope,
  plan: CallPlan,
  options: CallOptions | undefined,
  face: FaceMaker,
): Promise<unknown> {
  try {
    checkCallOptions(options);
    const remotes = remotesOf(plan.args, plan.kwargs);
    if (!remotes.some((found) => found instanceof Pending && !found.usable)) {
      markUsed(remotes);
      return submitCall(core, scope, plan, withAmbientOptions(options), remotes);
    }
    const target = typeof plan.target === "string" ? plan.target : { handle: plan.target, failure: undefined };
    return new Pending(core, scope, { ...plan, target, options }, face).result();
  } catch (error) {
    return Promise.reject(failedCall(error, "raw", undefined, 0));
  }
}
