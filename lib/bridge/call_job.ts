import { type DeadlineEntry, deferred, type Expiring } from "../async/mod.ts";
import { CallCancelledError, CallTimeoutError, type ErrorMode, QueueTimeoutError } from "../errors/mod.ts";
import { CallKind, Returns } from "../protocol/mod.ts";
import type { Behind, Handle } from "../refs/mod.ts";
import type { Nesting, Reply } from "../rpc/mod.ts";
import type { SessionScope } from "../session/mod.ts";
import type { Job, Worker } from "../worker/mod.ts";
import { isInCallback, submitJob } from "./callbacks.ts";
import { type Core, pinOf } from "./core.ts";
import { errorModeOf, failedCall } from "./failed_call.ts";
import type { CallOptions } from "./options.ts";
import { remotesOf, workerOf } from "./remotes.ts";
import type { ResultCache } from "./result_cache.ts";
import { Retries } from "./retries.ts";
import { resolveTimeLimits } from "./time_limits.ts";

/** One call, before it has a worker. */
export interface CallPlan {
  /** What is called; a `CallKind`. */
  readonly kind: number;
  /** Module, or object. */
  readonly target: string | Handle;
  /** Dotted name, or operation. */
  readonly name: string;
  /** Positional arguments. */
  readonly args: readonly unknown[];
  /** Keyword arguments. */
  readonly kwargs: Readonly<Record<string, unknown>> | null;
}

/** Words for a call, such as `math.sqrt` or `DataFrame.head`. */
export function describeCall(target: string | Handle, name: string): string {
  const owner = typeof target === "string" ? target : target.info?.type ?? "object";
  return name === "" ? owner : `${owner}.${name}`;
}

/** The wire's word for {@linkcode CallOptions.returns}. */
export function returnFlags(options: CallOptions | undefined): number {
  switch (options?.returns) {
    case undefined:
    case "auto":
      return Returns.auto;
    case "value":
      return Returns.value;
    case "ref":
      return Returns.ref;
    default:
      throw new TypeError(`Cannot call: returns is "${String(options?.returns)}", expected "auto", "value" or "ref"`);
  }
}

/** The time limit of a call of something that belongs to `library` (a dotted name). */
export function timeoutOf(core: Core, options: CallOptions | undefined, library: string | undefined): number {
  const { times } = core;
  if (options === undefined && times.libraries === undefined) return times.timeoutMs;
  return resolveTimeLimits(times, options, library).timeoutMs;
}

/** What a target belongs to: a module, or the type of an object. */
export function libraryOf(target: string | Handle | undefined): string | undefined {
  return typeof target === "string" ? target : target?.info?.type;
}

/** Why a call ended whose time ran out: the line had the shorter limit, or the call did. */
export function timeUp(core: Core, what: string, timeoutMs: number, mayHaveRun: boolean): Error {
  return !mayHaveRun && core.queueTimeoutMs <= timeoutMs
    ? new QueueTimeoutError(what, core.queueTimeoutMs)
    : new CallTimeoutError(what, timeoutMs, mayHaveRun);
}

/** One call on its way: through the line, to a worker, and back. */
class CallJob implements Job, Reply, Expiring {
  readonly single = true;
  readonly worker: Worker | undefined;
  readonly deadlineAt: number;
  readonly promise: Promise<unknown>;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #core: Core;
  readonly #scope: SessionScope;
  readonly #plan: CallPlan;
  readonly #flags: number;
  readonly #timeoutMs: number;
  readonly #errorMode: ErrorMode;
  readonly #signal: AbortSignal | undefined;
  #id = 0;
  #runningOn: Worker | undefined;
  #deadline: DeadlineEntry | undefined;
  #done: (() => void) | undefined;
  /** What it names; kept in Python until it has ended. */
  readonly #named: readonly Handle[];
  #settled = false;
  readonly #retries: Retries | undefined;

  constructor(
    core: Core,
    scope: SessionScope,
    plan: CallPlan,
    options: CallOptions | undefined,
    remotes: readonly Behind[],
  ) {
    this.#core = core;
    this.#scope = scope;
    this.#plan = plan;
    this.#flags = returnFlags(options);
    this.#timeoutMs = timeoutOf(core, options, libraryOf(plan.target));
    this.#errorMode = errorModeOf(core, options);
    this.#signal = options?.signal;
    this.deadlineAt = core.clock.now() + this.#timeoutMs;
    const { target } = plan;
    let start: Worker | undefined;
    this.#named = namedBy(target, remotes);
    for (const handle of this.#named) handle.admit(scope.id);
    if (typeof target !== "string") start = target.table.owner as Worker;
    this.worker = workerOf(this.what, remotes, start) ?? pinOf(core, scope);
    this.#retries = options?.idempotent === true && this.worker === undefined
      ? new Retries(core, this, options)
      : undefined;
    for (const handle of this.#named) handle.pin();
    const { promise, resolve, reject } = deferred<unknown>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get what(): string {
    return describeCall(this.#plan.target, this.#plan.name);
  }

  get preferred(): Worker | undefined {
    return this.#scope.preferred;
  }

  handleOf(id: number): Handle | undefined {
    return this.#named.find((handle) => handle.id === id);
  }

  submit(): void {
    const signal = this.#signal;
    if (signal !== undefined) {
      if (signal.aborted) return this.fail(new CallCancelledError(this.what, false, signal.reason));
      signal.addEventListener("abort", this.#onAbort, { once: true });
    }
    this.#deadline = this.#core.deadlines.add(this);
    submitJob(this.#core, this);
  }

  start(worker: Worker, done: () => void, nesting?: Nesting): readonly number[] {
    if (this.#settled) return [];
    const { kind, target, name, args, kwargs } = this.#plan;
    const session = this.#scope.id;
    this.#scope.touch(worker);
    worker.refs.callbackFace = undefined;
    try {
      const id = worker.peer.call(
        {
          session,
          kind,
          target: typeof target === "string" ? target : worker.refs.use(target, session),
          name,
          args,
          kwargs,
          flags: this.#flags,
        },
        this,
        nesting === undefined ? undefined : { nesting },
      );
      this.#id = id;
      this.#runningOn = worker;
      this.#done = done;
      return [id];
    } catch (error) {
      this.#settle(error, true);
      return [];
    }
  }

  reset(): void {
    this.#runningOn = undefined;
    this.#done = undefined;
  }

  fulfil(value: unknown): void {
    this.#settle(value, false);
    this.#done?.();
  }

  again(): void {
    this.#core.pool.submit(this);
  }

  fail(error: Error): void {
    if (!this.#settled && this.#retries?.plan(error) === true) return this.reset();
    this.#settle(error, true);
    this.#done?.();
  }

  expire(): void {
    this.#giveUp((mayHaveRun) => timeUp(this.#core, this.what, this.#timeoutMs, mayHaveRun));
  }

  readonly #onAbort = (): void => {
    this.#giveUp((mayHaveRun) => new CallCancelledError(this.what, mayHaveRun, this.#signal?.reason));
  };

  /** Tells the caller first, then frees the place in the line or the worker. */
  #giveUp(makeError: (mayHaveRun: boolean) => Error): void {
    if (this.#settled) return;
    const worker = this.#runningOn;
    this.#settle(makeError(worker !== undefined || (this.#retries?.failed ?? 0) > 0), true);
    this.#retries?.cancel();
    if (worker === undefined) this.#core.pool.withdraw(this);
    else worker.stop(this);
  }

  #settle(outcome: unknown, failed: boolean): void {
    if (this.#settled) return;
    this.#settled = true;
    for (const handle of this.#named) handle.unpin();
    this.#core.deadlines.delete(this.#deadline);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    if (failed) this.#reject(failedCall(outcome, this.#errorMode, this.#runningOn, this.#id));
    else this.#resolve(outcome);
  }
}

const NOTHING: readonly Handle[] = [];

function namedBy(target: string | Handle, remotes: readonly Behind[]): readonly Handle[] {
  if (remotes.length === 0) return typeof target === "string" ? NOTHING : [target];
  const named = remotes.map(({ handle }) => handle).filter((handle) => handle !== undefined);
  return typeof target === "string" ? named : [target, ...named];
}

/**
 * Makes a call and gives its result.
 *
 * @param remotes What stands behind the Python objects in the arguments; all of it must have been sent.
 */
export function submitCall(
  core: Core,
  scope: SessionScope,
  plan: CallPlan,
  options: CallOptions | undefined,
  remotes: readonly Behind[] = remotesOf(plan.args, plan.kwargs),
): Promise<unknown> {
  try {
    scope.check();
    if (core.results !== undefined && options?.idempotent === true && remotes.length === 0) {
      return submitCached(core, core.results, scope, plan, options);
    }
    const job = new CallJob(core, scope, plan, options, remotes);
    job.submit();
    return job.promise;
  } catch (error) {
    return Promise.reject(failedCall(error, "raw", undefined, 0));
  }
}

/** Makes a call whose result may be kept: it names a module and no object. */
function submitCached(
  core: Core,
  results: ResultCache,
  scope: SessionScope,
  plan: CallPlan,
  options: CallOptions,
): Promise<unknown> {
  const { kind, target, name, args, kwargs } = plan;
  const run = (timeoutMs: number): Promise<unknown> => {
    const job = new CallJob(core, scope, plan, { ...options, timeoutMs }, []);
    job.submit();
    return job.promise;
  };
  const timeoutMs = timeoutOf(core, options, libraryOf(target));
  const returns = returnFlags(options);
  const isByName = kind === CallKind.function || kind === CallKind.moduleAttr;
  if (!isByName || typeof target !== "string" || returns === Returns.ref || core.pool.closed) return run(timeoutMs);
  return results.call({
    what: describeCall(target, name),
    parts: [kind, target, name, args, kwargs, returns],
    failureForm: errorModeOf(core, options),
    timeoutMs,
    signal: options.signal,
    mayJoin: !isInCallback(),
    run,
  });
}
