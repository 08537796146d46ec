import { deferred } from "../async/mod.ts";
import { CallKind } from "../protocol/mod.ts";
import type { Job, Worker } from "../worker/mod.ts";
import { ambient, runWithAmbient, type SessionScope } from "../session/mod.ts";
import { located } from "./call_site.ts";
import { type Core, currentScope } from "./core.ts";
import { definedOnly } from "./keywords.ts";
import type { CallOptions } from "./options.ts";
import { type CallPayload, PAYLOAD_RUNNER, payloadOptions } from "./payload.ts";
import { callNow, stepsSent } from "./pending.ts";
import { type Ref, refFace } from "./ref.ts";
import { proxyOf, type PyProxy } from "./proxy.ts";
import type { RemoteMembers } from "./shape.ts";
import { execute, type PyTemplate, templateOf } from "./template.ts";
import { makeSubclass, type PySubclass, type SubclassDefinition } from "./subclass.ts";

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
  #template: PyTemplate | undefined;

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
   * @typeParam T What the result is, as far as the program knows; nothing is checked.
   * @throws {PythonError} If Python raised.
   * @throws {CallTimeoutError} If it took longer than `timeoutMs`.
   * @throws {WorkerCrashedError} If the worker died meanwhile.
   */
  call<T = unknown>(
    module: string,
    name: string,
    args: readonly unknown[] = [],
    kwargs?: object,
    options?: CallOptions,
  ): Promise<T> {
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
    return located(callNow(this.core, this.scope(), plan, options, refFace) as Promise<T>);
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
   * for await (const letter of bridge.stream("builtins", "reversed", ["abc"])) console.log(letter); // c
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
  attr<T = unknown>(module: string, name: string, options?: CallOptions): Promise<T> {
    const plan = { kind: CallKind.moduleAttr, target: module, name, args: [], kwargs: null };
    return located(callNow(this.core, this.scope(), plan, options, refFace) as Promise<T>);
  }

  /**
   * Makes a call that is given in the dictionary form of Snakepit's tools, in the session that it names.
   *
   * @throws {ProtocolVersionError} If it speaks no version that the worker speaks. One without versions is refused unless
   * the worker's environment has `SNAKEBRIDGE_ALLOW_LEGACY_PROTOCOL=1`.
   * @throws {ProtocolError} If a field is missing, has the wrong type, or is not known; the message names it.
   */
  callPayload(payload: CallPayload, options?: CallOptions): Promise<unknown> {
    try {
      const resolved = payloadOptions(payload, options);
      const [module, name] = PAYLOAD_RUNNER;
      return this.payloadCaller(payload.session_id).call(module, name, [payload], undefined, resolved);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * A proxy of a module: its functions as methods, chained and pipelined. Python imports it with the first call.
   *
   * With the shape of the module as a type, chains are typed: functions, classes and attributes by their Python names,
   * where an interface with at least one method is an object that stays in Python and anything else a value. Nothing is
   * checked at run time; wrappers that `codegen` writes are made from what Python says.
   *
   * @param module Dotted module name.
   * @typeParam S What it has; without it, whatever one asks for.
   *
   * @example State what a module has
   * ```ts
   * import { kw, SnakeBridge } from "@snakebridge/snakebridge";
   *
   * interface Fraction {
   *   numerator: number;
   *   limit_denominator(max: number): Fraction;
   * }
   * await using bridge = await SnakeBridge.start();
   * const { Fraction } = bridge.import<{ Fraction(value: string): Fraction }>("fractions");
   * const numerator = await Fraction("3.1415926535").limit_denominator(kw({ max_denominator: 1000 })).numerator;
   * console.log(numerator.toFixed(1)); // 355.0: `numerator` is a number, which the compiler knows
   * ```
   */
  import(module: string): PyProxy;
  /** A proxy of a module whose shape is `S`. */
  import<S>(module: string): RemoteMembers<S>;
  import(module: string): PyProxy {
    if (typeof module !== "string" || module === "") {
      throw new TypeError(`Cannot import ${show(module)}: expected a module name`);
    }
    return proxyOf(this.core, module);
  }

  /**
   * Evaluates a Python expression, written as a template; see {@linkcode PyTemplate}.
   *
   * @example What has no spelling in TypeScript
   * ```ts
   * import { SnakeBridge } from "@snakebridge/snakebridge";
   *
   * await using bridge = await SnakeBridge.start();
   * const { py } = bridge;
   * console.log(await py<number[]>`[x ** 2 for x in ${[1, 2, 3, 4]} if x % 2 == 0]`); // [ 4, 16 ]
   * console.log(await py`${"snake"}[::-1]`.upper()); // EKANS
   * ```
   */
  get py(): PyTemplate {
    return this.#template ??= templateOf(() => ({ core: this.core, scope: this.scope() }));
  }

  /**
   * Runs Python statements, and gives the value of the expression that they end with, if they do.
   *
   * Each session has names of its own, which last until it ends or its worker is replaced: what one `exec` defines, the
   * next one and {@linkcode Caller.py} of the same session can use. They live in one worker, and so does what runs there.
   *
   * @param code Statements; indentation that all lines share is taken off.
   * @param variables Set among the names first: values, references, results on their way.
   * @throws {PythonError} If Python raised; a `SyntaxError` shows the place.
   * @throws {RefWorkerError} If `variables` live in another worker than the names of the session.
   *
   * @example Define, then use
   * ```ts
   * import { SnakeBridge } from "@snakebridge/snakebridge";
   *
   * await using bridge = await SnakeBridge.start();
   * await bridge.exec(`
   *   def scaled(values):
   *       return [factor * value for value in values]
   * `, { factor: 3 });
   * console.log(await bridge.py`scaled(${[1, 2]})`); // [ 3, 6 ]
   * ```
   */
  exec<T = unknown>(
    code: string,
    variables?: Readonly<Record<string, unknown>>,
    options?: CallOptions,
  ): Promise<T> {
    try {
      return located(execute(this.core, this.scope(), code, variables, options, refFace) as Promise<T>);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Makes a Python class whose methods are functions of this program.
   *
   * @param base Its base, or several: a dotted name such as `logging.Handler`, a reference, a proxy, a generated
   * class, a class made here.
   * @param definition Its name and members.
   * @throws {PythonError} If Python refuses the class.
   *
   * @example A logging handler
   * ```ts
   * import { type Ref, SnakeBridge } from "@snakebridge/snakebridge";
   *
   * await using bridge = await SnakeBridge.start();
   * const lines: string[] = [];
   * const Handler = await bridge.subclass("logging.Handler", {
   *   name: "Lines",
   *   methods: {
   *     async emit(_self: Ref, record: Ref) {
   *       lines.push(await record.call("getMessage") as string);
   *     },
   *   },
   * });
   * const logger = bridge.import("logging").getLogger("app");
   * await logger.addHandler(Handler.create());
   * await logger.warning("%d left", 3);
   * console.log(lines); // [ "3 left" ]
   * ```
   */
  subclass(base: unknown, definition: SubclassDefinition, options?: CallOptions): Promise<PySubclass> {
    return makeSubclass(this.core, base, definition, options);
  }

  /** @ignore */
  protected scope(): SessionScope {
    return currentScope(this.core);
  }

  /** Who makes the call of a payload that names this session. @ignore */
  protected abstract payloadCaller(session: string | undefined): Caller;
}

function show(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : String(value);
}

/**
 * A scope that owns references: what is made in it is given back when it ends, and cannot be used in another.
 */
export class Session extends Caller {
  readonly #own: SessionScope;
  #ending: Promise<void> | undefined;

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
    const around = ambient();
    const bound = { bridge: this.core.bridge, scope: this.#own, callback: around?.callback, options: around?.options };
    return runWithAmbient(bound, fn);
  }

  /**
   * Ends the session: context managers that are still entered are left with a `GeneratorExit`, like those of a generator
   * that nobody finishes, and its references are given back. Harmless when done before.
   */
  release(): Promise<void> {
    return this.#ending ??= this.#end();
  }

  async #end(): Promise<void> {
    if (this.#own.released) return;
    const leaving = this.#own.leaveAll();
    if (leaving !== undefined) await leaving;
    const workers = this.#own.workers;
    this.#own.end();
    this.core.sessions.delete(this.#own.id);
    // The calls of this turn go first.
    await stepsSent();
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

  /** @ignore */
  protected override payloadCaller(session: string | undefined): Caller {
    if (session === undefined || session === this.id) return this;
    throw new TypeError(`Cannot run payload: it names session "${session}", this is session "${this.id}"`);
  }
}
