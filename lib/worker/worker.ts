import { existsSync } from "node:fs";
import { deferred, LinkedQueue, type QueueNode, type Timer } from "../async/mod.ts";
import {
  describeExit,
  PythonNotFoundError,
  PythonVersionError,
  RefNotFoundError,
  SnakeBridgeError,
  WorkerCrashedError,
  type WorkerExit,
  WorkerStartError,
} from "../errors/mod.ts";
import { asPermissionError, Child, mayReadPath } from "../host/mod.ts";
import type { WorkerHello } from "../protocol/mod.ts";
import { RefTable } from "../refs/mod.ts";
import { type CallbackRequest, Lane, type Nesting, Peer } from "../rpc/mod.ts";
import { SocketPairCarrier } from "../transport/mod.ts";
import { bootRecord, STUB } from "./boot.ts";
import type { Job } from "./job.ts";
import type { WorkerOptions } from "./options.ts";

/** Where a worker is in its life. */
export type WorkerState =
  | { readonly kind: "starting" } // spawned; calls may be sent, nothing was heard yet
  | { readonly kind: "ready"; readonly hello: WorkerHello } // takes calls
  | { readonly kind: "stopping" } // takes no calls; finishes or is being killed
  | { readonly kind: "gone"; readonly exit: WorkerExit }; // ended

/** What a worker tells its pool. */
export interface WorkerEvents {
  /** It said hello. */
  ready(worker: Worker): void;
  /** A job was finished; there is room for another. */
  free(worker: Worker): void;
  /** It gave jobs back unstarted, oldest first, because another one holds them up. */
  returned(worker: Worker, jobs: readonly Job[]): void;
  /** It ended; `orphans` are the jobs it never began, `startError` is why it never said hello. */
  gone(worker: Worker, orphans: readonly Job[], startError: Error | undefined): void;
}

/** A job in the hands of a worker. */
interface Assigned {
  readonly job: Job;
  readonly nesting: Nesting | undefined;
  ids: readonly number[];
  startedAt: number;
  /** Its calls that have become tasks. */
  tasks: Set<number> | undefined;
}

// A worker may be handed calls ahead while they are quick: about this much work, so that a slow one holds up little.
const WINDOW_MS = 2;
const MAX_WINDOW = 64;
// A call that runs this long has stalled the ones handed ahead behind it: they are taken back.
const STALL_MS = 5;
// Between the end of the stream and the end of the process, and the other way round.
const EXIT_WAIT_MS = 1000;
const STREAM_WAIT_MS = 100;
// What our functions threw is kept this many times, to be recognised when it comes back through Python.
const MAX_THROWN = 256;

/**
 * One Python process and the conversation with it.
 *
 * ```
 *  starting ──hello──▶ ready ──close()──▶ stopping ──exit──▶ gone
 *      └───────────── exit, kill, silence ──────────────────▶┘
 * ```
 */
export class Worker {
  /** The conversation. */
  readonly peer: Peer;
  /** The objects held in it. */
  readonly refs: RefTable;
  /** Settles when the process is gone. */
  readonly ended: Promise<void>;
  readonly #ended = deferred<void>();
  readonly #child: Child;
  readonly #options: WorkerOptions;
  readonly #events: WorkerEvents;
  /** What it does one after the other. */
  readonly #jobs = new LinkedQueue<Assigned>();
  /** What it does beside that: jobs that have become tasks, and jobs that belong to callbacks. */
  readonly #beside = new Set<Assigned>();
  /** Jobs taken back, of which the pool has not heard yet. */
  readonly #returning = new Set<Job[]>();
  readonly #thrown = new Map<number, unknown>();
  #holds = 0;
  #state: WorkerState = { kind: "starting" };
  #serviceMs = Infinity;
  #lastAnswerAt = 0;
  #startTimer: Timer | undefined;
  #stallTimer: Timer | undefined;
  #killReason: Error | undefined;
  #saidHello = false;

  private constructor(child: Child, options: WorkerOptions, events: WorkerEvents) {
    this.#child = child;
    this.#options = options;
    this.#events = events;
    this.ended = this.#ended.promise;
    this.refs = new RefTable({
      owner: this,
      face: options.face,
      kept: (id) => this.peer.keptUnder(id),
      release: (ids) => this.peer.release(ids),
    });
    const carrier = new SocketPairCarrier(child);
    this.peer = new Peer(carrier, {
      limits: options.limits,
      refs: this.refs,
      hello: {
        host: "snakebridge",
        pythonPaths: options.pythonPaths,
        reprMaxChars: options.reprMaxChars,
        ...(options.policy === undefined ? {} : { policy: options.policy }),
        ...options.refLimits,
      },
      onCallback: (request) => this.#onCallback(request),
      onAwaiting: (id) => this.#onAwaiting(id),
      thrown: (number) => this.#thrown.get(number),
      onClosed: (error) => void this.#onClosed(error),
    });
    carrier.send([bootRecord()]);
    this.peer.open();
    this.#startTimer = options.clock.setTimer(() => this.#onStartTimeout(), options.startTimeoutMs);
    this.peer.hello.then((hello) => this.#onHello(hello), () => {});
    // A forked grandchild may hold the data stream open after the worker has ended.
    void child.exited.then(() => options.clock.setTimer(() => this.peer.close(), STREAM_WAIT_MS));
  }

  /**
   * Starts a process. Calls may be handed to it at once.
   *
   * @throws {PermissionRequiredError} If the runtime may not start it.
   * @throws {PythonNotFoundError} If there is no such program.
   */
  static async start(options: WorkerOptions, events: WorkerEvents): Promise<Worker> {
    let child: Child;
    try {
      child = Child.start({
        executable: options.executable,
        args: ["-c", STUB],
        env: { ...options.env, PYTHONUNBUFFERED: "1" },
        cwd: options.cwd,
        stdout: options.stdout,
        stderr: options.stderr,
      });
    } catch (error) {
      // A runtime may refuse at once what another reports as the child's end.
      if (error instanceof SnakeBridgeError) throw error;
      throw spawnError(error as Error, options);
    }
    if (!child.started) {
      const { error } = await child.exited;
      throw spawnError(error, options);
    }
    return new Worker(child, options, events);
  }

  /** Where it is in its life. */
  get state(): WorkerState {
    return this.#state;
  }

  /** Process id. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** How many jobs it has. */
  get load(): number {
    return this.#jobs.size + this.#beside.size;
  }

  /** Whether it would take another job now: when idle, or when its calls are quick enough to hand some ahead. */
  get hasRoom(): boolean {
    const load = this.#jobs.size;
    if (this.#state.kind === "starting") return load === 0;
    if (this.#state.kind !== "ready") return false;
    return load === 0 || (load < MAX_WINDOW && load * this.#serviceMs < WINDOW_MS);
  }

  /** Whether it can be given jobs at all. */
  get alive(): boolean {
    return this.#state.kind === "starting" || this.#state.kind === "ready";
  }

  /** Starts a job. */
  run(job: Job): void {
    const assigned = this.#assign(job, undefined);
    const place = this.#jobs.push(assigned);
    this.#hold();
    if (this.#jobs.size > 1) this.#stallTimer ??= this.#options.clock.setTimer(() => this.#onStall(), STALL_MS);
    assigned.ids = job.start(this, () => this.#finish(assigned, place));
    if (assigned.ids.length === 0) this.#finish(assigned, place);
  }

  /** Starts a job that belongs to a callback which this worker waits for. */
  runNested(job: Job, nesting: Nesting): void {
    if (!this.alive) return job.fail(new RefNotFoundError(`a reference in ${job.what}`, "its worker has ended"));
    const assigned = this.#assign(job, nesting);
    this.#beside.add(assigned);
    this.#hold();
    assigned.ids = job.start(this, () => this.#finish(assigned), nesting);
    if (assigned.ids.length === 0) this.#finish(assigned);
  }

  /** Keeps what callback `number` threw, so that it is recognised when it comes back through Python. */
  rememberThrown(number: number, error: unknown): void {
    this.#thrown.set(number, error);
    if (this.#thrown.size > MAX_THROWN) this.#thrown.delete(this.#thrown.keys().next().value as number);
  }

  #assign(job: Job, nesting: Nesting | undefined): Assigned {
    return { job, nesting, ids: [], startedAt: this.#options.clock.now(), tasks: undefined };
  }

  /** Keeps this process alive until {@linkcode #letGo} has been called as often. */
  #hold(): void {
    this.#holds += 1;
    if (this.#holds === 1) this.#child.ref();
  }

  #letGo(): void {
    this.#holds -= 1;
    if (this.#holds === 0 && this.#state.kind !== "gone") this.#child.unref();
  }

  /**
   * Stops a job: takes it back when it has not begun, else interrupts it, else kills the process.
   *
   * The caller has been told already; this only frees the worker.
   */
  stop(job: Job): void {
    const beside = [...this.#beside].find((assigned) => assigned.job === job);
    if (beside !== undefined) return this.#stopBeside(beside);
    const place = this.#placeOf(job);
    if (place === undefined) return;
    for (const id of place.value.ids) this.peer.cancel(id);
    const graceMs = this.#options.cancelGraceMs;
    const check = (): void => {
      // It may have become a task meanwhile.
      if (!place.queued) return this.#stopBeside(place.value);
      // What stands behind a call that holds the interpreter lock cannot be taken back yet; its own time begins when
      // that call is through, which must not pay for it.
      const isFirst = this.#jobs.peek() === place.value;
      const ranMs = this.#options.clock.now() - Math.max(place.value.startedAt, this.#lastAnswerAt);
      if (isFirst && ranMs >= graceMs) {
        this.kill(new Error(`${job.what} did not stop within ${graceMs} ms of being cancelled`));
      } else this.#options.clock.setTimer(check, isFirst ? Math.max(1, graceMs - ranMs) : graceMs);
    };
    this.#options.clock.setTimer(check, graceMs);
  }

  #stopBeside(assigned: Assigned): void {
    if (!this.#beside.has(assigned)) return;
    for (const id of assigned.ids) this.peer.cancel(id);
    // A thread of Python cannot be stopped; what it does for a callback is left to it.
    if (assigned.nesting?.lane === Lane.control) return;
    const graceMs = this.#options.cancelGraceMs;
    this.#options.clock.setTimer(() => {
      if (!this.#beside.has(assigned)) return;
      this.kill(new Error(`${assigned.job.what} did not stop within ${graceMs} ms of being cancelled`));
    }, graceMs);
  }

  /** Ends the process at once. `reason` becomes the cause of what its calls are rejected with. */
  kill(reason?: Error): void {
    if (this.#state.kind === "gone") return;
    this.#killReason ??= reason;
    this.#state = { kind: "stopping" };
    this.#child.kill("SIGKILL");
  }

  /** Lets the process end by itself, with its exit handlers; kills it when that takes longer than `graceMs`. */
  async close(graceMs: number): Promise<void> {
    if (this.alive) {
      this.#state = { kind: "stopping" };
      this.peer.bye();
    }
    if (this.#state.kind === "gone") return;
    this.#child.ref();
    const timer = this.#options.clock.setTimer(() => this.#child.kill("SIGKILL"), graceMs);
    await this.ended;
    timer.cancel();
  }

  #onHello(hello: WorkerHello): void {
    this.#startTimer?.cancel();
    this.#saidHello = true;
    if (this.#state.kind !== "starting") return;
    this.#state = { kind: "ready", hello };
    this.#lastAnswerAt = this.#options.clock.now();
    this.#events.ready(this);
  }

  #onStartTimeout(): void {
    if (this.#state.kind === "starting") {
      this.kill(
        new Error(
          `it said nothing within ${this.#options.startTimeoutMs} ms; raise startTimeoutMs on a slow machine`,
        ),
      );
    }
  }

  #placeOf(job: Job): QueueNode<Assigned> | undefined {
    for (const place of this.#jobs) if (place.value.job === job) return place;
    return undefined;
  }

  #finish(assigned: Assigned, place?: QueueNode<Assigned>): void {
    if (place !== undefined && this.#jobs.remove(place)) this.#noteTime(assigned);
    else if (!this.#beside.delete(assigned)) return;
    this.#letGo();
    this.#events.free(this);
  }

  /** A job at the front of the line was through, as far as it holds up others. */
  #noteTime(assigned: Assigned): void {
    const now = this.#options.clock.now();
    // Time in Python, as far as it can be seen from here: since it was sent, or since the one before was answered.
    const took = now - Math.max(assigned.startedAt, this.#lastAnswerAt);
    this.#lastAnswerAt = now;
    if (this.#state.kind !== "ready") return;
    this.#serviceMs = took > this.#serviceMs || this.#serviceMs === Infinity
      ? Math.min(took, 1000)
      : this.#serviceMs * 0.8 + took * 0.2;
  }

  /** A call has become a task; a job of which nothing else is left makes room for others. */
  #onAwaiting(id: number): void {
    for (const place of this.#jobs) {
      const assigned = place.value;
      if (!assigned.ids.includes(id)) continue;
      const tasks = assigned.tasks ??= new Set();
      tasks.add(id);
      if (!assigned.ids.every((each) => tasks.has(each) || !this.peer.isPending(each))) return;
      this.#jobs.remove(place);
      this.#beside.add(assigned);
      this.#noteTime(assigned);
      this.#events.free(this);
      return;
    }
  }

  #onCallback(request: CallbackRequest): void {
    this.#hold();
    this.#options.callback(this, request, () => this.#letGo());
  }

  /** The first job has run for long: those handed ahead behind it go back to the pool. */
  #onStall(): void {
    this.#stallTimer = undefined;
    const [head, ...behind] = [...this.#jobs].map(({ value }) => value);
    if (head === undefined || behind.length === 0) return;
    const ranFor = this.#options.clock.now() - Math.max(head.startedAt, this.#lastAnswerAt);
    if (ranFor < STALL_MS) {
      this.#stallTimer = this.#options.clock.setTimer(() => this.#onStall(), STALL_MS - ranFor);
      return;
    }
    this.#serviceMs = Math.max(this.#serviceMs, ranFor);
    const ahead = new Map<number, Job>();
    for (const { job, ids } of behind) if (job.single && ids[0] !== undefined) ahead.set(ids[0], job);
    const returned: Job[] = [];
    this.#returning.add(returned);
    let left = ahead.size;
    this.peer.withdraw([...ahead.keys()], (id, outcome) => {
      const job = ahead.get(id);
      const place = job === undefined || outcome !== "withdrawn" ? undefined : this.#placeOf(job);
      if (job !== undefined && place !== undefined) {
        this.#jobs.remove(place);
        this.#letGo();
        returned.push(job);
      }
      left -= 1;
      // Together, so that they keep their order.
      if (left > 0) return;
      this.#returning.delete(returned);
      if (returned.length > 0) this.#events.returned(this, returned);
    });
  }

  async #onClosed(error: Error | undefined): Promise<void> {
    this.#startTimer?.cancel();
    this.#stallTimer?.cancel();
    this.#killReason ??= error;
    const neverReady = !this.#saidHello;
    this.#state = { kind: "stopping" };
    const exit = await this.#reap(error !== undefined);
    this.#state = { kind: "gone", exit };
    this.refs.end(`its worker (process ${exit.pid ?? "unknown"}) has ended`);
    const jobs = [...this.#jobs].map((place) => {
      this.#jobs.remove(place);
      return place.value;
    });
    if (this.#holds > 0) this.#child.unref();
    // They are answered in order, so only the first can have been hit, and what runs beside it; the others never began.
    const hit = neverReady ? [] : [...jobs.splice(0, 1), ...this.#beside].flatMap(({ ids }) => ids);
    const ids = new Set(hit);
    for (const { id, reply } of this.peer.takePending()) {
      if (ids.has(id)) reply.fail(new WorkerCrashedError(reply.what, exit, this.#killReason));
    }
    this.#beside.clear();
    const startError = neverReady ? startFailure(exit, this.#options.executable, this.#killReason) : undefined;
    const orphans = [...[...this.#returning].flat(), ...jobs.map(({ job }) => job)];
    this.#events.gone(this, orphans, startError);
    this.#ended.resolve();
  }

  /** Waits for the end of the process, and helps when it does not come. */
  async #reap(atOnce: boolean): Promise<WorkerExit> {
    const timer = this.#options.clock.setTimer(() => this.#child.kill("SIGKILL"), atOnce ? 0 : EXIT_WAIT_MS);
    const { exitCode, signal } = await this.#child.waitExit();
    timer.cancel();
    return { pid: this.#child.pid, exitCode, signal, stderrTail: this.#child.stderrTail };
  }
}

function spawnError(error: Error | undefined, { executable, startAdvice, cwd }: WorkerOptions): Error {
  const permission = asPermissionError(error, "start Python", startAdvice);
  if (permission !== undefined) return permission;
  // The system gives the same error for a missing folder as for a missing program.
  if (cwd !== undefined && mayReadPath(cwd) && !existsSync(cwd)) {
    return new WorkerStartError(
      `Cannot start Python: there is no folder "${cwd}", which the option cwd names`,
      "",
      error,
    );
  }
  if ((error as { code?: unknown } | undefined)?.code === "ENOENT") {
    return new PythonNotFoundError(
      `Cannot start Python: there is no program "${executable}"; install Python 3.10 or newer, or name another one ` +
        `with the option python or the variable SNAKEBRIDGE_PYTHON`,
      [executable],
      error,
    );
  }
  return new WorkerStartError(`Cannot start "${executable}": ${error?.message ?? "no reason was given"}`, "", error);
}

function startFailure(exit: WorkerExit, executable: string, reason: Error | undefined): SnakeBridgeError {
  if (reason instanceof SnakeBridgeError) return reason;
  const old = /snakebridge: too old: ([\d.]+)/.exec(exit.stderrTail);
  if (old?.[1] !== undefined) {
    return new PythonVersionError(
      `Cannot use Python ${old[1]} (${executable}): SnakeBridge needs 3.10 or newer; name another interpreter with ` +
        `the option python or the variable SNAKEBRIDGE_PYTHON`,
      old[1],
      "3.10",
    );
  }
  return new WorkerStartError(
    `Cannot start Python worker with "${executable}": ${reason?.message ?? describeExit(exit)}`,
    exit.stderrTail,
    reason,
  );
}
