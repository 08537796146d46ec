import { AsyncLocalStorage } from "node:async_hooks";
import { ClosedError } from "../errors/mod.ts";
import type { Nesting } from "../rpc/mod.ts";
import type { Worker } from "../worker/mod.ts";

/** A context manager that is entered, for the session it belongs to. */
export interface EnteredContext {
  /** Where it lives. */
  readonly worker: Worker;
  /** Leaves it because its session ends; never rejects. */
  abandon(): Promise<void>;
}

/**
 * The scope that owns references and gives calls a worker to stay with.
 */
export class SessionScope {
  /** Its name, unique in its bridge. */
  readonly id: string;
  /** The worker its last call went to. */
  preferred: Worker | undefined;
  readonly #workers = new Set<Worker>();
  #released = false;
  /** Context managers, outermost first. */
  #entered: EnteredContext[] | undefined;

  /** Makes a scope; no worker knows of it yet. */
  constructor(id: string) {
    this.id = id;
  }

  /** Whether it has ended. */
  get released(): boolean {
    return this.#released;
  }

  /** Workers that may hold objects of it. */
  get workers(): readonly Worker[] {
    return [...this.#workers].filter((worker) => worker.alive);
  }

  /**
   * The worker of the innermost context manager that is entered: what it sets up, such as a decimal context or a lock,
   * holds in that process alone, so calls that could go anywhere go there.
   */
  get pinned(): Worker | undefined {
    return this.#entered?.at(-1)?.worker;
  }

  /** Notes that a context manager was entered. */
  enter(context: EnteredContext): void {
    (this.#entered ??= []).push(context);
  }

  /** Notes that a context manager was left, if it was noted before. */
  left(context: EnteredContext): void {
    const index = this.#entered?.lastIndexOf(context) ?? -1;
    if (index !== -1) this.#entered?.splice(index, 1);
  }

  /** Leaves what is still entered, innermost first; undefined when nothing is. */
  leaveAll(): Promise<unknown> | undefined {
    const open = this.#entered;
    this.#entered = undefined;
    return open === undefined || open.length === 0
      ? undefined
      : Promise.all(open.reverse().map((context) => context.abandon()));
  }

  /** Notes that a call of this session goes to `worker`. */
  touch(worker: Worker): void {
    if (this.preferred === worker) return;
    // Calls made before the end still go out after it; what they give belongs to nobody.
    if (this.#released) return;
    this.preferred = worker;
    worker.refs.enter(this);
    this.#workers.add(worker);
    for (const known of this.#workers) if (known.state.kind === "gone") this.#workers.delete(known);
  }

  /**
   * Checks that calls may be made in it.
   *
   * @throws {ClosedError} If it has ended.
   */
  check(): void {
    if (this.#released) throw new ClosedError(`session "${this.id}"`);
  }

  /** Ends it on this side. */
  end(): void {
    this.#released = true;
    this.preferred = undefined;
    for (const worker of this.#workers) worker.refs.leave(this);
    this.#workers.clear();
  }
}

/** What is bound to the running asynchronous flow. */
export interface Ambient {
  /** The bridge calls go to. */
  readonly bridge: object | undefined;
  /** The session calls belong to; there is one when there is a bridge. */
  readonly scope: SessionScope | undefined;
  /** The callback of Python that this code answers; calls made for it run inside the call that waits for it. */
  readonly callback?: OpenCallback | undefined;
  /** Options of calls, which only the folder above understands. */
  readonly options?: object | undefined;
}

/** A callback of Python that is being answered. */
export interface OpenCallback extends Nesting {
  /** The worker that waits. */
  readonly worker: Worker;
  /** Whether it still waits. */
  isOpen: boolean;
}

const storage = new AsyncLocalStorage<Ambient>();

/** What {@linkcode runWithAmbient} bound around this code, across awaits. */
export function ambient(): Ambient | undefined {
  return storage.getStore();
}

/** Runs `fn` with a bridge and session bound to it and to everything it starts. */
export function runWithAmbient<T>(bound: Ambient, fn: () => T): T {
  return storage.run(bound, fn);
}

/** A flow whose calls stay with one worker, inside others that may be bound to other bridges. */
interface Pin {
  readonly bridge: object;
  readonly worker: Worker;
  readonly outer: Pin | undefined;
}

// Made when first needed: asking a store costs each call a little, and most programs pin nothing.
let pins: AsyncLocalStorage<Pin> | undefined;

/** Runs `fn` with its calls, and those of everything it starts, bound to `worker` where no object binds them elsewhere. */
export function runPinned<T>(bridge: object, worker: Worker, fn: () => T): T {
  pins ??= new AsyncLocalStorage<Pin>();
  return pins.run({ bridge, worker, outer: pins.getStore() }, fn);
}

/** The worker that calls of this flow are bound to. */
export function pinnedWorker(bridge: object): Worker | undefined {
  for (let pin = pins?.getStore(); pin !== undefined; pin = pin.outer) {
    if (pin.bridge === bridge && pin.worker.alive) return pin.worker;
  }
  return undefined;
}
