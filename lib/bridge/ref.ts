import { RefReleasedError } from "../errors/mod.ts";
import { CallKind, Trait } from "../protocol/mod.ts";
import { type Behind, type Handle, setBehind } from "../refs/mod.ts";
import { located } from "./call_site.ts";
import { type Core, currentScope } from "./core.ts";
import { type Enterable, enterContext, type Entered, type EnterOptions, exitAndRelease } from "./contexts.ts";
import { iterate } from "./iterate.ts";
import { definedOnly } from "./keywords.ts";
import type { CallOptions } from "./options.ts";
import { callNow } from "./pending.ts";
import { proxyOf, type PyProxy } from "./proxy.ts";
import { INSPECT_KEYS, showHandle } from "./show.ts";

/** How two objects are compared; see {@linkcode Ref.compare}. */
export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";

const COMPARISONS: Record<Comparison, string> = {
  "==": "eq",
  "!=": "ne",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
};

/**
 * A hold on a Python object.
 *
 * It belongs to a session and lives in one worker. It is given back by {@linkcode Ref.release}, by `using`, at the end
 * of its session, or when it is garbage collected.
 *
 * @example An object that stays in Python
 * ```ts
 * import { Ref, SnakeBridge } from "@snakebridge/snakebridge";
 *
 * await using bridge = await SnakeBridge.start();
 * using counter = await bridge.call("collections", "Counter", ["banana"]) as Ref;
 * console.log(await counter.call("most_common", [1])); // [ Tuple(2) [ "a", 3 ] ]
 * ```
 */
export class Ref implements Enterable {
  readonly #core: Core;
  readonly #handle: Handle;
  readonly #behind: Behind;

  /** Made by the bridge. @ignore */
  constructor(core: Core, handle: Handle) {
    this.#core = core;
    this.#handle = handle;
    this.#behind = { handle, failure: undefined };
    setBehind(this, this.#behind);
    for (const key of INSPECT_KEYS) {
      Object.defineProperty(this, key, { value: () => showHandle(handle, ""), enumerable: false });
    }
  }

  /** Itself: whatever stands for a Python object has its explicit reference under this name. */
  get $(): this {
    return this;
  }

  /** Qualified Python type, such as `pandas.core.frame.DataFrame`. */
  get type(): string {
    return this.#handle.info?.type ?? "object";
  }

  /** Session it belongs to. */
  get session(): string {
    return this.#handle.session;
  }

  /** Whether it was given back. */
  get released(): boolean {
    return this.#handle.released;
  }

  /** Whether it can be called. */
  get callable(): boolean {
    return this.#has(Trait.callable);
  }

  /** Whether it can be iterated. */
  get iterable(): boolean {
    return this.#has(Trait.iterable);
  }

  /** Whether it is a context manager, for `with` or `async with`. */
  get enterable(): boolean {
    return this.#has(Trait.contextManager | Trait.asyncContextManager);
  }

  /** The object as a proxy: attributes by name, calls chained and pipelined. */
  get py(): PyProxy {
    return proxyOf(this.#core, this.#behind);
  }

  /**
   * Calls a method.
   *
   * @param name Its name; dotted to go through attributes.
   * @param args Positional arguments.
   * @param kwargs Keyword arguments.
   * @throws {PythonError} If Python raised.
   */
  call<T = unknown>(name: string, args: readonly unknown[] = [], kwargs?: object, options?: CallOptions): Promise<T> {
    return this.#submit(CallKind.method, name, args, kwargs, options);
  }

  /** Calls the object itself. */
  invoke<T = unknown>(args: readonly unknown[] = [], kwargs?: object, options?: CallOptions): Promise<T> {
    return this.#submit(CallKind.method, "", args, kwargs, options);
  }

  /** Reads an attribute; `name` may be dotted. */
  get<T = unknown>(name: string, options?: CallOptions): Promise<T> {
    return this.#submit(CallKind.getAttr, name, [], undefined, options);
  }

  /** Sets an attribute. */
  async set(name: string, value: unknown, options?: CallOptions): Promise<void> {
    await this.#submit(CallKind.setAttr, name, [value], undefined, options);
  }

  /** Deletes an attribute. */
  async delete(name: string, options?: CallOptions): Promise<void> {
    await this.#submit(CallKind.delAttr, name, [], undefined, options);
  }

  /** The object as a value, where it has an encoding. */
  value<T = unknown>(options?: CallOptions): Promise<T> {
    return this.#submit(CallKind.value, "", [], undefined, { returns: "value", ...options });
  }

  /** `len(object)`. */
  async len(options?: CallOptions): Promise<number> {
    return await this.#operate<number>("len", [], options);
  }

  /** `str(object)`. */
  async str(options?: CallOptions): Promise<string> {
    return await this.#operate<string>("str", [], options);
  }

  /** `repr(object)`, whole. */
  async repr(options?: CallOptions): Promise<string> {
    return await this.#operate<string>("repr", [], options);
  }

  /** `bool(object)`. */
  async bool(options?: CallOptions): Promise<boolean> {
    return await this.#operate<boolean>("bool", [], options);
  }

  /** `dir(object)`. */
  async dir(options?: CallOptions): Promise<string[]> {
    return await this.#operate<string[]>("dir", [], options);
  }

  /** `item in object`. */
  async contains(item: unknown, options?: CallOptions): Promise<boolean> {
    return await this.#operate<boolean>("contains", [item], options);
  }

  /** `object[key]`; pass {@linkcode slice} for a slice, a `Tuple` for several axes. */
  at<T = unknown>(key: unknown, options?: CallOptions): Promise<T> {
    return this.#operate("getitem", [key], options);
  }

  /** `object[key] = value`. */
  async setAt(key: unknown, value: unknown, options?: CallOptions): Promise<void> {
    await this.#operate("setitem", [key, value], options);
  }

  /** `del object[key]`. */
  async deleteAt(key: unknown, options?: CallOptions): Promise<void> {
    await this.#operate("delitem", [key], options);
  }

  /** `object == other` and its kin; the result is whatever Python gives, an array for arrays. */
  compare<T = unknown>(comparison: Comparison, other: unknown, options?: CallOptions): Promise<T> {
    const name = COMPARISONS[comparison];
    if (name === undefined) {
      throw new TypeError(`Cannot compare: got "${comparison}", expected one of ${Object.keys(COMPARISONS).join(" ")}`);
    }
    return this.#operate(name, [other], options);
  }

  /** The table as Arrow data (pandas, polars or pyarrow). Needs `pyarrow` in Python. */
  toArrow(options?: CallOptions): Promise<unknown> {
    return this.#operate("to_arrow", [], options);
  }

  /** Reads the object item by item, in batches. */
  iterate(options?: CallOptions): AsyncGenerator<unknown, void, undefined> {
    return iterate(this.#core, this.#scope(), this.#behind, options);
  }

  /** Reads the object item by item, in batches. */
  [Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    return this.iterate();
  }

  /**
   * Enters the object as the `with` statement does: calls `__enter__`, and `__exit__` when what this gives is disposed
   * of. {@linkcode withPython} does it around a function and tells Python of its errors.
   *
   * @throws {PythonError} If it is no context manager, or `__enter__` raised.
   */
  async enter<V = unknown>(options?: EnterOptions): Promise<Entered<V>> {
    return await located(enterContext<V>(this.#core, this.#scope(), this.#behind, options, refFace));
  }

  /** @ignore */
  $enter(options?: EnterOptions): Promise<Entered<unknown>> {
    return this.enter(options);
  }

  /** Gives the object back; harmless when done before. A later use throws {@linkcode RefReleasedError}. */
  release(): void {
    this.#handle.release();
  }

  /** Gives the object back. */
  [Symbol.dispose](): void {
    this.release();
  }

  /** Leaves what was entered through this reference, as if all went well, and gives the object back. */
  [Symbol.asyncDispose](): Promise<void> {
    return exitAndRelease(this.#handle);
  }

  /** Python's representation, as far as it is known here; {@linkcode Ref.repr} asks for all of it. */
  toString(): string {
    return showHandle(this.#handle, "");
  }

  /** Refuses: a Python object is no JSON; ask for its {@linkcode Ref.value}. */
  toJSON(): never {
    throw new TypeError(`Cannot write ${this.#handle.describe()} as JSON: await its value() first`);
  }

  #has(trait: number): boolean {
    return ((this.#handle.info?.traits ?? 0) & trait) !== 0;
  }

  #scope(): ReturnType<typeof currentScope> {
    if (this.#handle.released) throw new RefReleasedError(this.#handle.describe());
    return currentScope(this.#core, this.#handle.session);
  }

  #operate<T>(name: string, args: readonly unknown[], options?: CallOptions): Promise<T> {
    return this.#submit(CallKind.operation, name, args, undefined, options);
  }

  async #submit<T>(
    kind: number,
    name: string,
    args: readonly unknown[],
    kwargs: object | undefined,
    options: CallOptions | undefined,
  ): Promise<T> {
    const plan = { kind, target: this.#handle, name, args, kwargs: definedOnly(kwargs) };
    return await located(callNow(this.#core, this.#scope(), plan, options, refFace) as Promise<T>);
  }
}

/** The explicit reference as the face of a result. */
export const refFace = (core: Core, handle: Handle): Ref => new Ref(core, handle);
