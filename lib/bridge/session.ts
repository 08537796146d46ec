import { deferred } from "../async/mod.ts";
import { CallKind } from "../protocol/mod.ts";
import type { Job, Worker } from "../worker/mod.ts";
import { ambient, runWithAmbient, type SessionScope } from "../session/mod.ts";
import { located } from "./call_site.ts";
import { type Core, currentScope } from "./core.ts";
import { definedOnly } from "./keywords.ts";
import type { CallOptions } from "./options.ts";
import { callNow } from "./pending.ts";
import { type Ref, refFace } from "./ref.ts";
import { proxyOf, type PyProxy } from "./proxy.ts";

/** Ends a session in one worker. */
class EndSessionJob implements Job {
  readonly single = false;
  readonly preferred = undefined;
  readonly worker: Worker;
  readonly promise: Promise<unknown>;
  readonly #session: string;
  readonly #resolve: (count: unknown) => void;

  constructor(session: string, worker: Worker) {
    this.#session = session;
    this.worker = worker;
    const { promise, resolve } = deferred<unknown>();
    this.promise = promise;
    this.#resolve = resolve;
  }

  get what(): string {
    return `end of session "${this.#session}"`;
  }

  start(worker: Worker, done: () => void): readonly number[] {
    worker.refs.functions.endSession(this.#session);
    const over = (count: unknown): void => {
      this.#resolve(count);
      done();
    };
    return [worker.peer.endSession(this.#session, { what: this.what, fulfil: over, fail: () => over(0) })];
  }

  reset(): void {}

  fail(): void {
    // A full line must not keep the objects alive; a worker that is gone has forgotten everything.
    if (this.worker.alive) {
      this.worker.refs.functions.endSession(this.#session);
      this.worker.peer.endSession(this.#session, { what: this.what, fulfil: () => {}, fail: () => {} });
    }
    this.#resolve(0);
  }
}

/** What both a bridge and a session of it can do. */
export abstract class Caller {
  /** @ignore */
  protected readonly core: Core;

  /** @ignore */
  protected constructor(core: Core) {
    this.core = core;
  }

  /**
   * Calls a Python function, class, or static or class method.
   *
   * The arguments must not be changed before the call has settled: they may still be on their way.
   *
   * @param module Dotted module name, such as `math`.
   * @param name Its name, dotted to go through attributes, such as `Path.cwd`.
   * @param args Positional arguments.
   * @param kwargs Keyword arguments.
   * @throws {PythonError} If Python raised.
   * @throws {CallTimeoutError} If it took longer than `timeoutMs`.
   * @throws {WorkerCrashedError} If the worker died meanwhile.
   */
  call(
    module: string,
    name: string,
    args: readonly unknown[] = [],
    kwargs?: object,
    options?: CallOptions,
  ): Promise<unknown> {
    if (typeof module !== "string" || module === "" || typeof name !== "string" || name === "") {
      return Promise.reject(
        new TypeError(`Cannot call ${show(module)}.${show(name)}: expected a module name and a function name`),
      );
    }
    if (!Array.isArray(args)) {
      return Promise.reject(
        new TypeError(`Cannot call ${module}.${name}: positional arguments are ${show(args)}, expected an array`),
      );
    }
    const plan = { kind: CallKind.function, target: module, name, args, kwargs: definedOnly(kwargs) };
    return located(callNow(this.core, this.scope(), plan, options, refFace));
  }

  /**
   * Calls a Python function that gives an iterator, a generator or an asynchronous one, and reads what that yields.
   *
   * Items come in batches as they are made, and no further ahead than the loop needs; leaving the loop closes the
   * generator. `timeoutMs` limits the wait for each batch.
   *
   * @param module Dotted module name.
   * @param name Its name, dotted to go through attributes.
   * @param args Positional arguments.
   * @param kwargs Keyword arguments.
   * @throws {PythonError} If Python raised; what it had yielded before comes first.
   *
   * @example Lines of a generator
   * ```ts
   * import { SnakeBridge } from "@snakebridge/snakebridge";
   *
   * await using bridge = await SnakeBridge.start();
   * for await (const pair of bridge.stream("itertools", "pairwise", ["abc"])) console.log(pair); // a b, then b c
   * ```
   */
  async *stream(
    module: string,
    name: string,
    args: readonly unknown[] = [],
    kwargs?: object,
    options?: CallOptions,
  ): AsyncGenerator<unknown, void, undefined> {
    const { returns: _items, ...transport } = options ?? {};
    const source = await this.call(module, name, args, kwargs, { ...transport, returns: "ref" }) as Ref;
    try {
      yield* source.iterate(options);
    } finally {
      source.release();
    }
  }

  /** Reads an attribute of a module, such as `math.pi`. */
  attr(module: string, name: string, options?: CallOptions): Promise<unknown> {
    const plan = { kind: CallKind.moduleAttr, target: module, name, args: [], kwargs: null };
    return located(callNow(this.core, this.scope(), plan, options, refFace));
  }

  /**
   * A proxy of a module: its functions as methods, chained and pipelined. Python imports it with the first call.
   *
   * @param module Dotted module name.
   */
  import(module: string): PyProxy {
    if (typeof module !== "string" || module === "") {
      throw new TypeError(`Cannot import ${show(module)}: expected a module name`);
    }
    return proxyOf(this.core, module);
  }

  /** @ignore */
  protected scope(): SessionScope {
    return currentScope(this.core);
  }
}

function show(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : String(value);
}

/**
 * A scope that owns references: what is made in it is given back when it ends, and cannot be used in another.
 */
export class Session extends Caller {
  readonly #own: SessionScope;

  /** Use {@linkcode SnakeBridge.session}. @ignore */
  constructor(core: Core, scope: SessionScope) {
    super({ ...core, root: scope, isSession: true });
    this.#own = scope;
  }

  /** Its name. */
  get id(): string {
    return this.#own.id;
  }

  /** Runs `fn` with this session bound to every call made in it, across awaits. */
  run<T>(fn: () => T): T {
    this.#own.check();
    return runWithAmbient({ bridge: this.core.bridge, scope: this.#own, callback: ambient()?.callback }, fn);
  }

  /** Ends the session: its references are given back. Harmless when done before. */
  async release(): Promise<void> {
    if (this.#own.released) return;
    const workers = this.#own.workers;
    this.#own.end();
    this.core.sessions.delete(this.#own.id);
    await Promise.all(workers.map((worker) => {
      const job = new EndSessionJob(this.#own.id, worker);
      this.core.pool.submit(job);
      return job.promise;
    }));
  }

  /** Ends the session. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  /** @ignore */
  protected override scope(): SessionScope {
    return this.#own;
  }
}
