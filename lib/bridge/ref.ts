import { CallKind, EllipsisType, Slice, Trait } from "../protocol/mod.ts";
import { type Behind, behindOf, type Handle, setBehind } from "../refs/mod.ts";
import { located } from "./call_site.ts";
import { type Core, currentScope } from "./core.ts";
import { type Enterable, enterContext, type Entered, type EnterOptions, exitAndRelease } from "./contexts.ts";
import { iterate } from "./iterate.ts";
import { definedOnly } from "./keywords.ts";
import {
  type ArithmeticOperator,
  type BinaryOperator,
  type Comparison,
  comparisonName,
  operatorName,
  reflectedName,
  requireOperand,
  unaryName,
  type UnaryOperator,
} from "./operators.ts";
import type { CallOptions } from "./options.ts";
import { callNow } from "./pending.ts";
import { proxyOf, type PyProxy } from "./proxy.ts";
import { showHandle, showWith } from "./show.ts";

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
    this.toJSON = refuseJson;
  }

  static {
    showWith(this, (ref) => ref.toString());
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

  /** `type(object)` as a reference; {@linkcode Ref.type} is its name. */
  async classRef(options?: CallOptions): Promise<Ref> {
    return await this.#operate("class", [], { ...options, returns: "ref" }) as Ref;
  }

  /**
   * `isinstance(object, kinds)`.
   *
   * @param kinds A class (a reference or proxy), its name such as `numbers.Number` or `dict`, or an array of those.
   */
  async isInstance(kinds: unknown, options?: CallOptions): Promise<boolean> {
    return await this.#operate("isinstance", [requireOperand("isInstance", kinds)], options) as boolean;
  }

  /**
   * `object is other`: whether both stand for one object.
   *
   * @param other A reference or proxy, or one of `null`, `true`, `false` and `Ellipsis`, of which Python has one each.
   * @throws {TypeError} If `other` is another value: each comes as a new object, so the answer would mean nothing.
   */
  async is(other: unknown, options?: CallOptions): Promise<boolean> {
    const isOne = other === null || typeof other === "boolean" || other instanceof EllipsisType;
    if (!isOne && behindOf(other) === undefined) {
      throw new TypeError(
        `Cannot tell whether a Python object is ${String(other)}: a value becomes a new object in Python; use equals()`,
      );
    }
    return await this.#operate("is", [other], options) as boolean;
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

  /** `hash(object)`. */
  async hash(options?: CallOptions): Promise<number | bigint> {
    return await this.#operate("hash", [], options) as number | bigint;
  }

  /** `dir(object)`. */
  async dir(options?: CallOptions): Promise<string[]> {
    return await this.#operate<string[]>("dir", [], options);
  }

  /** `item in object`. */
  async contains(item: unknown, options?: CallOptions): Promise<boolean> {
    return await this.#operate<boolean>("contains", [item], options);
  }

  /** `object[key]`; pass {@linkcode slice} for a slice, {@linkcode tuple} and `Ellipsis` for several axes. */
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

  /**
   * `object[start:stop:step]`, whatever Python gives for it.
   *
   * @param start First index, negative ones from the end; null for the beginning.
   * @param stop Index after the last; null for the end.
   * @param step Step; null for 1.
   */
  slice<T = unknown>(
    start: unknown = null,
    stop: unknown = null,
    step: unknown = null,
    options?: CallOptions,
  ): Promise<T> {
    return this.at(new Slice(start, stop, step), options);
  }

  /** `object == other` and its kin; the result is whatever Python gives, an array for arrays. */
  async compare<T = unknown>(comparison: Comparison, other: unknown, options?: CallOptions): Promise<T> {
    return await this.#operate(comparisonName(comparison), [requireOperand(comparison, other)], options);
  }

  /** `bool(object == other)`. */
  async equals(other: unknown, options?: CallOptions): Promise<boolean> {
    return await this.#operate("equals", [requireOperand("equals", other)], options) as boolean;
  }

  /**
   * `object + other` and its kin; with `=`, such as `+=`, in place where the object can, and the result is the object.
   *
   * @param operator As Python writes it.
   * @param other The right operand: a value, a reference or a proxy.
   * @throws {PythonError} What Python raises, mostly a `TypeError`, for operands that do not go together.
   *
   * @example Sets
   * ```ts
   * import { Ref, SnakeBridge } from "@snakebridge/snakebridge";
   *
   * await using bridge = await SnakeBridge.start();
   * using letters = await bridge.call("builtins", "set", ["banana"], {}, { returns: "ref" }) as Ref;
   * console.log(await letters.op("-", new Set(["n"]))); // Set(2) { "a", "b" }
   * console.log(await letters.rop("-", new Set(["a", "z"]))); // Set(1) { "z" }
   * ```
   */
  async op<T = unknown>(operator: BinaryOperator, other: unknown, options?: CallOptions): Promise<T> {
    return await this.#operate(operatorName(operator), [requireOperand(operator, other)], options);
  }

  /** `left + object` and its kin: {@linkcode Ref.op} with the object on the right. */
  async rop<T = unknown>(operator: ArithmeticOperator, left: unknown, options?: CallOptions): Promise<T> {
    return await this.#operate(reflectedName(operator), [requireOperand(operator, left)], options);
  }

  /** `-object`, `+object`, `~object` or `abs(object)`. */
  async unary<T = unknown>(operator: UnaryOperator, options?: CallOptions): Promise<T> {
    return await this.#operate(unaryName(operator), [], options);
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

  /**
   * Refuses: a Python object is no JSON; ask for its {@linkcode Ref.value}.
   *
   * A property of its own, because `structuredClone` would make an empty object of a reference; it refuses functions.
   */
  readonly toJSON: () => never;

  #has(trait: number): boolean {
    return ((this.#handle.info?.traits ?? 0) & trait) !== 0;
  }

  #scope(): ReturnType<typeof currentScope> {
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

function refuseJson(this: Ref): never {
  throw new TypeError(`Cannot write ${this.toString()} as JSON: await its value() first`);
}

/** The explicit reference as the face of a result. */
export const refFace = (core: Core, handle: Handle): Ref => new Ref(core, handle);
