import {
  type Core,
  coreOf,
  currentScope,
  defaultBridge,
  type Enterable,
  enterContext,
  type Entered,
  type EnterOptions,
  exitAndRelease,
  type FaceMaker,
  iterate,
  Kw,
  locatedThen,
  Pending as PendingCall,
  Ref,
  refFace,
  showHandle,
  showWith,
  splitArguments,
} from "../bridge/mod.ts";
import { RefNotFoundError } from "../errors/mod.ts";
import { CallKind } from "../protocol/mod.ts";
import { type Behind, type Handle, setBehind } from "../refs/mod.ts";

/** Name of the member through which generated code calls a method; no Python name has a `$`. */
export const callMethod = "$call" as const;
/** Name of the member through which generated code reads an attribute. */
export const getAttribute = "$get" as const;
/** Name of the member through which generated code sets an attribute. */
export const setAttribute = "$set" as const;

/** Name of the member through which generated code enters a context manager. */
export const enterMethod = "$enterAs" as const;

/** What awaiting a call gives; the part of a `Promise` that people use. */
export interface PyPromise<V> extends PromiseLike<V> {
  /** As that of a `Promise`. */
  catch<R = never>(onRejected?: ((reason: unknown) => R | PromiseLike<R>) | null): Promise<V | R>;
  /** As that of a `Promise`. */
  finally(onFinally?: (() => void) | null): Promise<V>;
}

/**
 * A Python object on its way: go on with it at once (calls on it travel in the same message), or await it for its
 * value `V`, which for objects without one is the object itself.
 */
export type Pending<R extends object, V = R> = R & PyPromise<V> & Keepable<R>;

/** Something that {@linkcode keep} can hold on to; the member only tells the compiler as what. */
export interface Keepable<R extends object> {
  /** Never there. @ignore */
  readonly $type?: R;
}

/** A generated class, or a function that gives it where classes name each other. */
export type ResultOf = PyClass | (() => PyClass);

/** A generated class as a value. */
export interface PyClass {
  /** Its instances. */
  readonly prototype: PyObject;
}

type Constructor = new (link: Link) => PyObject;

const KEPT = { returns: "ref" } as const;
const registered = new Map<string, Constructor>();
const links = new WeakMap<PyObject, Link>();

/** What an instance of a generated class is made from. */
export class Link {
  /** @ignore */
  readonly core: Core;
  /** @ignore */
  readonly behind: Behind;

  /** Made by the bridge. @ignore */
  constructor(core: Core, behind: Behind) {
    this.core = core;
    this.behind = behind;
  }
}

/** Base of generated classes: a Python object with typed members. */
export class PyObject implements Enterable {
  readonly #core: Core;
  readonly #behind: Behind;

  /** Made by the bridge. @ignore */
  constructor(link: Link) {
    this.#core = link.core;
    this.#behind = link.behind;
    links.set(this, link);
    setBehind(this, link.behind);
    refuseToBeCopied(this);
    if (link.behind instanceof PendingCall) makeThenable(this, link.behind);
  }

  static {
    showWith(this, (object) => object.toString());
  }

  /**
   * The explicit reference of a settled object: names that mean something here, operators, release.
   *
   * @throws {RefNotFoundError} If the object was not awaited yet.
   */
  get $(): Ref {
    const { handle } = this.#behind;
    if (handle === undefined) throw new RefNotFoundError(showBehind(this.#behind), "await it first");
    return new Ref(this.#core, handle);
  }

  /** Calls a method. @ignore */
  $call<R>(name: string, args: readonly unknown[], result?: ResultOf): R {
    return plan<R>(this.#core, CallKind.method, this.#behind, name, args, result);
  }

  /** Reads an attribute. @ignore */
  $get<R>(name: string, result?: ResultOf): R {
    return plan<R>(this.#core, CallKind.getAttr, this.#behind, name, [], result);
  }

  /** Sets an attribute. @ignore */
  $set(name: string, value: unknown): PyPromise<void> {
    return plan<PyPromise<void>>(this.#core, CallKind.setAttr, this.#behind, name, [value], undefined);
  }

  /**
   * Enters the object as the `with` statement does: calls `__enter__`, and `__exit__` when what this gives is disposed
   * of; see {@linkcode withPython}.
   */
  $enter(options?: EnterOptions): Promise<Entered<unknown>> {
    return this.$enterAs(options);
  }

  /** Enters it; `result` is the class of what `__enter__` gives. @ignore */
  async $enterAs<V>(options?: EnterOptions, result?: ResultOf): Promise<Entered<V>> {
    const make = result === undefined ? undefined : constructorOf(result);
    const scope = currentScope(
      this.#core,
      this.#behind instanceof PendingCall ? this.#behind.scope.id : this.#behind.handle?.session,
    );
    return await enterContext(this.#core, scope, this.#behind, options, faceOf(make));
  }

  /** Leaves what was entered through this object, as if all went well, and gives it back. */
  [Symbol.asyncDispose](): Promise<void> {
    return exitAndRelease(this.#behind.handle);
  }

  /** Reads the object item by item, in batches. */
  [Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    return iterate(this.#core, currentScope(this.#core, this.#behind.handle?.session), this.#behind);
  }

  /** Gives the object back. */
  [Symbol.dispose](): void {
    this.#behind.handle?.release();
  }

  /** Python's representation, as far as it is known here. */
  toString(): string {
    return showBehind(this.#behind);
  }
}

/**
 * Makes generated classes known by their Python type, so that a result gets the class of what it is, not of what a
 * signature promised: `groupby().size()` may be a table or a column. Generated modules call it.
 */
export function registerClasses(...classes: readonly (PyClass & { readonly pythonName: string })[]): void {
  for (const each of classes) registered.set(each.pythonName, each as unknown as Constructor);
}

/** What generated modules call through. */
export interface PyModule {
  /** Calls a function or class of the module; the arguments may end with {@linkcode kw}. */
  call<R>(name: string, args: readonly unknown[], result?: ResultOf): R;
  /** Reads an attribute of the module. */
  attr<R>(name: string, result?: ResultOf): R;
}

/** The module `name` of the default bridge, or of the one bound around the code that calls. */
export function pyModule(name: string): PyModule {
  return {
    call: <R>(member: string, args: readonly unknown[], result?: ResultOf): R =>
      plan<R>(coreOf(defaultBridge()), CallKind.function, name, member, args, result),
    attr: <R>(member: string, result?: ResultOf): R =>
      plan<R>(coreOf(defaultBridge()), CallKind.moduleAttr, name, member, [], result),
  };
}

/**
 * Holds on to an object that would come as a value when awaited, such as a numpy array.
 *
 * @example An array that stays in Python
 * ```ts
 * import { keep } from "@snakebridge/snakebridge";
 * import * as np from "./py/numpy/mod.ts";
 *
 * using grid = await keep(np.eye(3));
 * console.log(await grid.sum()); // 3
 * ```
 */
export async function keep<R extends PyObject>(object: Keepable<R>): Promise<R> {
  const link = links.get(object as R);
  if (link === undefined) throw new TypeError(`Cannot keep ${String(object)}: it is no Python object`);
  const { core, behind } = link;
  if (!(behind instanceof PendingCall)) return object as R;
  const make = object.constructor as Constructor;
  const step = { kind: CallKind.value, target: behind, name: "", args: [], kwargs: null, options: KEPT };
  return await new PendingCall(core, behind.scope, step, (_core, handle) => new make(settled(core, handle)))
    .result() as R;
}

function settled(core: Core, handle: Handle): Link {
  return new Link(core, { handle, failure: undefined });
}

function showBehind(behind: Behind): string {
  return showHandle(behind.handle, behind instanceof PendingCall ? behind.what : "object");
}

/** What stands for a settled object: the class of what it is, where that is known, else the one that was promised. */
function faceOf(make: Constructor | undefined): FaceMaker {
  return (core, handle) => {
    const known = handle.info === undefined ? undefined : registered.get(handle.info.type);
    const settledClass = known ?? make;
    return settledClass === undefined ? refFace(core, handle) : new settledClass(settled(core, handle));
  };
}

/** Plans a call and gives what its result looks like until it is there. */
function plan<R>(
  core: Core,
  kind: number,
  target: string | Behind,
  name: string,
  values: readonly unknown[],
  result: ResultOf | undefined,
): R {
  const { args, kwargs, options } = splitArguments(withoutTrailingUndefined(values));
  const make = result === undefined ? undefined : constructorOf(result);
  const session = typeof target === "string"
    ? undefined
    : target instanceof PendingCall
    ? target.scope.id
    : target.handle?.session;
  const step = { kind, target, name, args, kwargs, options };
  const pending = new PendingCall(core, currentScope(core, session), step, faceOf(make));
  return new (make ?? PyObject)(new Link(core, pending)) as R;
}

/** Classes that name each other are given by functions; an arrow function has no prototype. */
function constructorOf(result: ResultOf): Constructor {
  return ("prototype" in result ? result : (result as () => PyClass)()) as Constructor;
}

/** Optional parameters that were left out; one in the middle stays, and is `None`. */
function withoutTrailingUndefined(values: readonly unknown[]): readonly unknown[] {
  let length = values.length;
  // Keyword arguments go last, so what was left out stands before them.
  const marked = length > 0 && values[length - 1] instanceof Kw ? values[length - 1] : undefined;
  if (marked !== undefined) length -= 1;
  while (length > 0 && values[length - 1] === undefined) length -= 1;
  const given = values.slice(0, length);
  return marked === undefined ? given : [...given, marked];
}

/**
 * JSON would be an empty object, and so would a clone, which refuses functions. Python's own method of that name, which
 * generated classes have on their prototype, wins.
 */
function refuseToBeCopied(object: PyObject): void {
  if (!("toJSON" in object)) (object as { toJSON?: unknown }).toJSON = refuseJson;
}

function refuseJson(this: PyObject): never {
  throw new TypeError(`Cannot write ${this.toString()} as JSON: await it, and its $.value(), first`);
}

/** A pending object can be awaited; a settled one cannot, or awaiting it would never end. */
function makeThenable(object: PyObject, pending: PendingCall): void {
  const define = (name: string, value: unknown): void => {
    Object.defineProperty(object, name, { value, enumerable: false });
  };
  define(
    "then",
    (onFulfilled?: (value: unknown) => unknown, onRejected?: (reason: unknown) => unknown) =>
      locatedThen(pending.result(), onFulfilled, onRejected),
  );
  define("catch", (onRejected?: (reason: unknown) => unknown) => pending.result().catch(onRejected));
  define("finally", (onFinally?: () => void) => pending.result().finally(onFinally));
}
