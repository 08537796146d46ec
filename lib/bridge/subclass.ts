import { CallKind } from "../protocol/mod.ts";
import { behindOf, setBehind } from "../refs/mod.ts";
import { located } from "./call_site.ts";
import { type Core, currentScope } from "./core.ts";
import type { CallOptions } from "./options.ts";
import { callNow } from "./pending.ts";
import { proxyOf, type PyProxy } from "./proxy.ts";
import { type Ref, refFace } from "./ref.ts";
import { INSPECT_KEYS } from "./show.ts";

/** A method written in TypeScript; `self` is the object, as a reference. Python waits for what it gives. */
// deno-lint-ignore no-explicit-any -- what Python calls it with is known to its author alone
export type HostMethod = (self: any, ...args: any[]) => unknown;

/** A property of a Python class, written in TypeScript. */
export interface HostProperty {
  /** Reads it. */
  readonly get?: HostMethod;
  /** Sets it; gets the value after `self`. */
  readonly set?: HostMethod;
  /** Deletes it. */
  readonly delete?: HostMethod;
}

/** A Python class written in TypeScript; see {@linkcode Caller.subclass}. */
export interface SubclassDefinition {
  /** Name of the class. */
  readonly name: string;
  /**
   * Its methods. One called `__init__` gets the arguments of `create` and must call that of its base itself, through
   * {@linkcode PySubclass.super}; without one the base's is inherited.
   */
  readonly methods?: Readonly<Record<string, HostMethod>>;
  /** Attributes of the class. */
  readonly attributes?: Readonly<Record<string, unknown>>;
  /** Properties. */
  readonly properties?: Readonly<Record<string, HostProperty>>;
  /** Methods that get no object. */
  // deno-lint-ignore no-explicit-any -- as for methods
  readonly staticMethods?: Readonly<Record<string, (...args: any[]) => unknown>>;
  /** Methods that get the class first. */
  readonly classMethods?: Readonly<Record<string, HostMethod>>;
  /**
   * Parameters of methods as Python writes them, without the first one: `{ fit: "X, y=None" }`. Arguments then arrive in
   * that order, with defaults filled in, and Python code that looks at signatures sees them. One for `__init__` without
   * such a method makes one that keeps each argument as an attribute, as scikit-learn wants of its estimators.
   */
  readonly signatures?: Readonly<Record<string, string>>;
  /** Keywords of the class statement, such as `metaclass`. */
  readonly keywords?: Readonly<Record<string, unknown>>;
  /** Its documentation. */
  readonly doc?: string;
}

/**
 * A Python class whose methods are TypeScript functions; made by {@linkcode Caller.subclass}.
 *
 * It belongs to a session and ends with it: its methods fail then.
 */
export class PySubclass implements Disposable {
  /** Name of the class. */
  readonly name: string;
  /** The class itself. */
  readonly $: Ref;
  readonly #core: Core;

  /** Made by the bridge. @ignore */
  constructor(core: Core, name: string, ref: Ref) {
    this.#core = core;
    this.name = name;
    this.$ = ref;
    const behind = behindOf(ref);
    // So that it can be passed to Python like any other object.
    if (behind !== undefined) setBehind(this, behind);
    for (const key of INSPECT_KEYS) {
      Object.defineProperty(this, key, { value: () => ref.toString(), enumerable: false });
    }
  }

  /** The class as a proxy. */
  get py(): PyProxy {
    return this.$.py;
  }

  /** Makes an instance; keyword arguments are marked with `kw` and go last. */
  create(...args: unknown[]): PyProxy {
    return this.$.py(...args);
  }

  /**
   * Python's `super()` of an object, inside a method of this class: `await Handler.super(self).emit(record)`.
   *
   * @param self The first argument of the method.
   */
  super(self: unknown): PyProxy {
    return proxyOf(this.#core, "builtins").super(this.$, self) as PyProxy;
  }

  /** Gives the class back; Python keeps it as long as there are instances. */
  release(): void {
    this.$.release();
  }

  /** Gives the class back. */
  [Symbol.dispose](): void {
    this.release();
  }
}

/** Makes a Python class in the session `core` is called in. */
export async function makeSubclass(
  core: Core,
  base: unknown,
  definition: SubclassDefinition,
  options: CallOptions | undefined,
): Promise<PySubclass> {
  const { name, methods = {}, attributes, properties, staticMethods, classMethods, signatures, keywords, doc } =
    definition;
  if (typeof name !== "string" || name === "") {
    throw new TypeError(`Cannot make subclass: name is ${String(name)}, expected the name of a class`);
  }
  for (const group of [methods, staticMethods ?? {}, classMethods ?? {}]) checkFunctions(name, group);
  for (const [key, property] of Object.entries(properties ?? {})) checkFunctions(`${name}.${key}`, property);
  const given = {
    attributes,
    properties,
    static_methods: staticMethods,
    class_methods: classMethods,
    signatures,
    keywords,
    doc,
  };
  const kwargs = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const bases = (base === undefined ? [] : Array.isArray(base) ? base : [base]).map(nameOfGenerated);
  const plan = {
    kind: CallKind.function,
    target: "snakebridge._internal.subclassing",
    name: "make_class",
    args: [name, bases, methods],
    kwargs,
  };
  const made = callNow(core, currentScope(core), plan, { ...options, returns: "ref" }, refFace);
  return new PySubclass(core, name, await located(made) as Ref);
}

/** Generated classes go by their name: they are classes of this program. */
function nameOfGenerated(base: unknown): unknown {
  const name = typeof base === "function" && behindOf(base) === undefined
    ? (base as { readonly pythonName?: unknown }).pythonName
    : undefined;
  return typeof name === "string" ? name : base;
}

function checkFunctions(owner: string, group: object): void {
  for (const [key, value] of Object.entries(group)) {
    if (typeof value !== "function") {
      throw new TypeError(`Cannot make subclass: ${owner}.${key} is ${typeof value}, expected a function`);
    }
  }
}
