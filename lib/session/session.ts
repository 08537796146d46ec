import { AsyncLocalStorage } from "node:async_hooks";
import { ClosedError } from "../errors/mod.ts";
import type { Nesting } from "../rpc/mod.ts";
import type { Worker } from "../worker/mod.ts";

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

  /** Notes that a call of this session goes to `worker`. */
  touch(worker: Worker): void {
    if (this.preferred === worker) return;
    this.preferred = worker;
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
