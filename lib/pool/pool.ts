import {
  type Clock,
  type DeadlineEntry,
  Deadlines,
  type Expiring,
  LinkedQueue,
  type QueueNode,
  systemClock,
} from "../async/mod.ts";
import {
  ClosedError,
  PermissionRequiredError,
  PythonNotFoundError,
  PythonVersionError,
  QueueFullError,
  QueueTimeoutError,
  RefLostError,
  RefWorkerError,
} from "../errors/mod.ts";
import { DEFAULTS, type Job, Worker, type WorkerEvents, type WorkerOptions } from "../worker/mod.ts";

/** What a pool is made of. */
export interface PoolOptions {
  /** How its workers are started. */
  readonly worker: WorkerOptions;
  /** Most workers at a time. */
  readonly size: number;
  /**
   * Start workers only when calls wait for them.
   *
   * @default {false}
   */
  readonly lazy?: boolean;
  /**
   * Most calls that may wait for a worker.
   *
   * @default {1000}
   */
  readonly maxQueueSize?: number;
  /**
   * Longest wait for a worker, in milliseconds.
   *
   * @default {Infinity}
   */
  readonly queueTimeoutMs?: number;
  /** Source of time; for tests. */
  readonly clock?: Clock;
}

/** A look at a pool. */
export interface PoolStats {
  /** Most workers at a time. */
  readonly size: number;
  /** Workers that live, starting ones included. */
  readonly workers: number;
  /** Workers with nothing to do. */
  readonly idle: number;
  /** Workers with calls in hand. */
  readonly busy: number;
  /** Calls that wait for a worker. */
  readonly queued: number;
  /** Workers started since the pool began. */
  readonly started: number;
  /** Workers that ended without being asked to. */
  readonly crashed: number;
}

/** Where a worker is in its life. */
export type WorkerStateName = "starting" | "ready" | "stopping" | "gone";

/** A look at one worker. */
export interface WorkerSnapshot {
  /** Process id. */
  readonly pid: number | undefined;
  /** Where it is in its life. */
  readonly state: WorkerStateName;
  /** Calls or chains in its hands. */
  readonly load: number;
  /** Version of its Python, such as `3.11.7`; undefined until it has said hello. */
  readonly python: string | undefined;
}

/** A job that waits. */
interface Waiting extends Expiring {
  readonly job: Job;
  readonly sequence: number;
  node: QueueNode<Waiting> | undefined;
  deadline: DeadlineEntry | undefined;
  queue: LinkedQueue<Waiting>;
}

// After this many failed starts in a row, those who wait are told instead of made to wait for the next try.
const START_ATTEMPTS = 2;
const RESPAWN_DELAY_MS = 50;
const RESPAWN_MAX_DELAY_MS = 5_000;

/**
 * Workers, and the line of jobs before them.
 *
 * First in, first out. A job goes to the worker it is bound to, else to the one it prefers, else to an idle one, else
 * ahead to one whose calls are quick, else it waits. A worker that dies is replaced; only the job it had begun is lost.
 */
export class Pool {
  readonly #options: Required<PoolOptions>;
  readonly #workers = new Set<Worker>();
  readonly #queue = new LinkedQueue<Waiting>();
  readonly #bound = new Map<Worker, LinkedQueue<Waiting>>();
  readonly #waiting = new Map<Job, Waiting>();
  readonly #deadlines: Deadlines;
  readonly #events: WorkerEvents;
  readonly #spawns = new Set<Promise<void>>();
  #sequence = 0;
  #spawning = 0;
  #failedStarts = 0;
  #crashesInRow = 0;
  #started = 0;
  #crashed = 0;
  #closing: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;
  #readyWaiters: { readonly count: number; resolve(): void; reject(error: Error): void }[] = [];

  /** Makes a pool; nothing is started. */
  constructor(options: PoolOptions) {
    if (!Number.isSafeInteger(options.size) || options.size < 1) {
      throw new RangeError(`Cannot make pool: size is ${options.size}, expected a whole number from 1`);
    }
    this.#options = {
      lazy: false,
      maxQueueSize: DEFAULTS.maxQueueSize,
      queueTimeoutMs: DEFAULTS.queueTimeoutMs,
      clock: systemClock,
      ...options,
    };
    this.#deadlines = new Deadlines(this.#options.clock);
    this.#events = {
      ready: () => this.#onReady(),
      free: (worker) => this.#onFree(worker),
      returned: (_worker, jobs) => {
        this.#requeue(jobs);
        this.#checkIdle();
      },
      gone: (worker, orphans, startError) => this.#onGone(worker, orphans, startError),
    };
  }

  /** Starts workers: all of them, or none when lazy. */
  start(): void {
    if (!this.#options.lazy) this.#fill();
  }

  /** Whether {@linkcode Pool.close} was called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Waits until `count` workers have said hello.
   *
   * @throws What kept a worker from starting.
   */
  ready(count: number = this.#options.size): Promise<void> {
    if (this.closed) return Promise.reject(new ClosedError("pool"));
    const wanted = Math.min(count, this.#options.size);
    return new Promise((resolve, reject) => {
      // Idle workers do not keep the process alive, and until they are ready these are idle.
      const hold = this.#options.clock.setTimer(() => {}, Infinity, true);
      this.#readyWaiters.push({
        count: wanted,
        resolve: () => {
          hold.cancel();
          resolve();
        },
        reject: (error) => {
          hold.cancel();
          reject(error);
        },
      });
      for (let missing = wanted - this.#workers.size - this.#spawning; missing > 0; missing -= 1) this.#spawn();
      this.#onReady();
    });
  }

  /** Whether a worker is one of its own. */
  has(worker: Worker): boolean {
    return this.#workers.has(worker);
  }

  /** Takes a job; its end is told to the job. */
  submit(job: Job): void {
    if (this.closed) return job.fail(new ClosedError("pool"));
    const bound = job.worker;
    if (bound !== undefined) {
      if (!bound.alive) return job.fail(new RefLostError(`a reference in ${job.what}`, "its worker has ended"));
      if (!this.#workers.has(bound)) {
        return job.fail(new RefWorkerError(job.what, "one of its references belongs to another bridge"));
      }
      if (bound.hasRoom && (this.#bound.get(bound)?.size ?? 0) === 0) return bound.run(job);
      return this.#wait(job, this.#boundQueue(bound));
    }
    const worker = this.#queue.size === 0 ? this.#choose(job) : undefined;
    if (worker !== undefined) return worker.run(job);
    this.#wait(job, this.#queue);
    this.#grow();
  }

  /** Takes a job back that nobody waits for any more; false when it was not waiting. */
  withdraw(job: Job): boolean {
    const waiting = this.#waiting.get(job);
    if (waiting === undefined) return false;
    this.#leave(waiting);
    return true;
  }

  /** A look at the pool. */
  stats(): PoolStats {
    const workers = [...this.#workers];
    const busy = workers.filter((worker) => worker.load > 0).length;
    return {
      size: this.#options.size,
      workers: workers.length + this.#spawning,
      idle: workers.length - busy,
      busy,
      queued: this.#waiting.size,
      started: this.#started,
      crashed: this.#crashed,
    };
  }

  /** A look at each worker. */
  workers(): WorkerSnapshot[] {
    return [...this.#workers].map(({ pid, state, load }) => ({
      pid,
      state: state.kind,
      load,
      python: state.kind === "ready" ? state.hello.python.slice(0, 3).join(".") : undefined,
    }));
  }

  /** Tells every living worker something, such as the end of a session. */
  forEachWorker(visit: (worker: Worker) => void): void {
    for (const worker of this.#workers) if (worker.alive) visit(worker);
  }

  /**
   * Ends the pool: rejects calls that wait, lets those in flight finish, then ends the processes.
   *
   * @param graceMs How long calls in flight may take, and again how long Python's exit handlers may.
   */
  close(graceMs: number = DEFAULTS.closeGraceMs): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    for (const waiting of [...this.#waiting.values()]) {
      this.#leave(waiting);
      waiting.job.fail(new ClosedError("pool"));
    }
    for (const { reject } of this.#readyWaiters.splice(0)) reject(new ClosedError("pool"));
    const deadline = this.#options.clock.now() + graceMs;
    if ([...this.#workers].some((worker) => worker.load > 0) && graceMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#options.clock.setTimer(resolve, graceMs);
        this.#whenIdle = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    // Those being started in this very moment end themselves.
    await Promise.all(this.#spawns);
    await Promise.all([...this.#workers].map((worker) => {
      if (worker.load > 0) worker.kill(new ClosedError("pool", true));
      return worker.close(Math.max(deadline - this.#options.clock.now(), graceMs / 2));
    }));
  }

  #choose(job: Job): Worker | undefined {
    const preferred = job.preferred;
    if (preferred !== undefined && preferred.alive && preferred.load === 0) return preferred;
    let quick: Worker | undefined;
    for (const worker of this.#workers) {
      if (!worker.hasRoom) continue;
      if (worker.load === 0) return worker;
      if (quick === undefined || worker.load < quick.load) quick = worker;
    }
    return quick;
  }

  #wait(job: Job, queue: LinkedQueue<Waiting>, first = false): void {
    if (!first && this.#waiting.size >= this.#options.maxQueueSize) {
      return job.fail(new QueueFullError(this.#options.maxQueueSize));
    }
    const limit = this.#options.queueTimeoutMs;
    const waiting: Waiting = {
      job,
      queue,
      sequence: first ? 0 : ++this.#sequence,
      deadlineAt: this.#options.clock.now() + limit,
      node: undefined,
      deadline: undefined,
      expire: () => {
        this.#leave(waiting);
        job.fail(new QueueTimeoutError(job.what, limit));
      },
    };
    waiting.node = first ? queue.unshift(waiting) : queue.push(waiting);
    this.#waiting.set(job, waiting);
    waiting.deadline = this.#deadlines.add(waiting);
  }

  #leave(waiting: Waiting): void {
    this.#waiting.delete(waiting.job);
    this.#deadlines.delete(waiting.deadline);
    if (waiting.node !== undefined) waiting.queue.remove(waiting.node);
  }

  #boundQueue(worker: Worker): LinkedQueue<Waiting> {
    let queue = this.#bound.get(worker);
    if (queue === undefined) this.#bound.set(worker, queue = new LinkedQueue());
    return queue;
  }

  /** Hands a worker the oldest of what may go to it, while it has room. */
  #onFree(worker: Worker): void {
    this.#crashesInRow = 0;
    this.#feed(worker);
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#whenIdle !== undefined && [...this.#workers].every((each) => each.load === 0)) this.#whenIdle();
  }

  #feed(worker: Worker): void {
    if (this.#waiting.size === 0) return;
    const own = this.#bound.get(worker);
    while (worker.hasRoom) {
      const bound = own?.peek();
      const open = this.#queue.peek();
      const next = bound === undefined || (open !== undefined && open.sequence < bound.sequence) ? open : bound;
      if (next === undefined) return;
      this.#leave(next);
      worker.run(next.job);
    }
  }

  /** Puts jobs that were never begun back at the front, in their order, and sees to it that somebody takes them. */
  #requeue(jobs: readonly Job[]): void {
    this.#putBack(jobs);
    if (jobs.length === 0) return;
    for (const worker of this.#workers) this.#feed(worker);
    this.#grow();
  }

  #putBack(jobs: readonly Job[]): void {
    for (const job of [...jobs].reverse()) {
      job.reset();
      if (this.closed) job.fail(new ClosedError("pool"));
      else if (job.worker === undefined) this.#wait(job, this.#queue, true);
      else if (job.worker.alive) this.#wait(job, this.#boundQueue(job.worker), true);
      else job.fail(new RefLostError(`a reference in ${job.what}`, "its worker has ended"));
    }
  }

  #onReady(): void {
    this.#failedStarts = 0;
    const ready = [...this.#workers].filter((worker) => worker.state.kind === "ready").length;
    this.#readyWaiters = this.#readyWaiters.filter((waiter) => {
      if (ready < waiter.count) return true;
      waiter.resolve();
      return false;
    });
    for (const worker of this.#workers) this.#feed(worker);
  }

  #onGone(worker: Worker, orphans: readonly Job[], startError: Error | undefined): void {
    this.#workers.delete(worker);
    const own = this.#bound.get(worker);
    this.#bound.delete(worker);
    for (const { value } of own ?? []) {
      this.#leave(value);
      value.job.fail(new RefLostError(`a reference in ${value.job.what}`, "its worker has ended"));
    }
    if (this.closed) {
      this.#requeue(orphans);
      this.#checkIdle();
      return;
    }
    this.#crashed += 1;
    if (startError !== undefined) {
      // Whether another one is started depends on how many have failed, not on who waits.
      this.#putBack(orphans);
      this.#onStartFailed(startError);
      return;
    }
    this.#requeue(orphans);
    this.#crashesInRow += 1;
    if (!this.#options.lazy || this.#waiting.size > 0) this.#respawn();
  }

  #respawn(): void {
    if (this.#crashesInRow <= 1) return this.#options.lazy ? this.#grow() : this.#fill();
    // Workers that die one after the other without finishing a call must not become a storm of processes.
    const delay = Math.min(RESPAWN_DELAY_MS * 2 ** (this.#crashesInRow - 2), RESPAWN_MAX_DELAY_MS);
    this.#options.clock.setTimer(
      () => {
        if (!this.closed) this.#options.lazy ? this.#grow() : this.#fill();
      },
      delay,
      this.#waiting.size > 0,
    );
  }

  #fill(): void {
    while (this.#workers.size + this.#spawning < this.#options.size) this.#spawn();
  }

  /** Starts one more worker when calls wait and there is room for it. */
  #grow(): void {
    if (this.#queue.size > this.#spawning && this.#workers.size + this.#spawning < this.#options.size) this.#spawn();
  }

  #spawn(): void {
    this.#spawning += 1;
    this.#started += 1;
    const spawn = Worker.start(this.#options.worker, this.#events).then((worker) => {
      this.#spawning -= 1;
      this.#workers.add(worker);
      if (this.closed) return worker.kill();
      this.#feed(worker);
      this.#grow();
    }, (error) => {
      this.#spawning -= 1;
      this.#onStartFailed(error);
    }).finally(() => this.#spawns.delete(spawn));
    this.#spawns.add(spawn);
  }

  #onStartFailed(error: Error): void {
    this.#failedStarts += 1;
    const hopeless = error instanceof PermissionRequiredError || error instanceof PythonNotFoundError ||
      error instanceof PythonVersionError;
    const isReady = [...this.#workers].some(({ state }) => state.kind === "ready");
    if (hopeless || this.#failedStarts >= START_ATTEMPTS) {
      for (const { reject } of this.#readyWaiters.splice(0)) reject(error);
      if (isReady) return;
      for (const waiting of [...this.#waiting.values()]) {
        this.#leave(waiting);
        waiting.job.fail(error);
      }
      return;
    }
    const hasRoom = this.#workers.size + this.#spawning < this.#options.size;
    if (hasRoom && (this.#waiting.size > 0 || this.#readyWaiters.length > 0)) this.#spawn();
  }
}
