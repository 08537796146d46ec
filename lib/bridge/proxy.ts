import { RefNotFoundError } from "../errors/mod.ts";
import { CallKind } from "../protocol/mod.ts";
import { type Behind, behindKey, type Handle } from "../refs/mod.ts";
import { locatedThen } from "./call_site.ts";
import { type Core, currentScope } from "./core.ts";
import { type Enterable, enterContext, type EnterOptions, exitAndRelease } from "./contexts.ts";
import { iterate } from "./iterate.ts";
import { type KwLast, splitArguments } from "./keywords.ts";
import { Pending } from "./pending.ts";
import { Ref } from "./ref.ts";
import { INSPECT_KEYS, showHandle } from "./show.ts";

/**
 * A Python module or object as it looks from TypeScript: every property is a Python attribute, every call a Python
 * call. Chains travel in one message; `await` gives a value, or the proxy of an object: a {@linkcode SettledProxy}.
 *
 * Nothing is known of the attributes, so a step from one is `any`: write down what comes of it
 * (`const mean: number = await np.mean(x)`), or give {@linkcode SnakeBridge.import} the shape of the module, whose chains
 * are then typed throughout.
 *
 * @typeParam T What awaiting it gives.
 */
export type PyProxy<T = unknown> = PromiseLike<T> & SettledProxy;

/**
 * The proxy of an object that was awaited: all that a {@linkcode PyProxy} is, but nothing to wait for.
 *
 * @example A function that stays in Python
 * ```ts
 * import { py, type SettledProxy } from "@snakebridge/snakebridge";
 *
 * using twice = await py<SettledProxy>`lambda x: 2 * x`;
 * console.log(await twice(21)); // 42
 * ```
 */
export type SettledProxy =
  & AsyncIterable<unknown>
  & Disposable
  & AsyncDisposable
  & Enterable
  & FunctionMembers
  & {
    /** Calls it; {@linkcode kw} goes last. */
    <const A extends readonly unknown[]>(...args: KwLast<A>): PyProxy;
    /** The explicit {@linkcode Ref} of a settled object. */
    readonly $: Ref;
    /** The same, with a type for what awaiting it gives; nothing is checked. No Python name is `as`. */
    as<V>(): PyProxy<V>;
    /**
     * An attribute: a {@linkcode PyProxy}. It is not typed as one because with `noUncheckedIndexedAccess` every step of
     * a chain would then have to be checked for undefined, which it never is.
     */
    // deno-lint-ignore no-explicit-any -- as said above
    readonly [name: string]: any;
  };

/** Names that a function has in TypeScript; on a proxy they are Python attributes like all others. */
export interface FunctionMembers {
  /** The Python attribute. */
  readonly apply: PyProxy;
  /** The Python attribute. */
  readonly arguments: PyProxy;
  /** The Python attribute. */
  readonly bind: PyProxy;
  /** The Python attribute. */
  readonly call: PyProxy;
  /** The Python attribute. */
  readonly caller: PyProxy;
  /** The Python attribute. */
  readonly length: PyProxy;
  /** The Python attribute. */
  readonly name: PyProxy;
  /** The Python attribute. */
  readonly prototype: PyProxy;
}

/**
 * Where a proxy stands: at a module or an object, and the attributes walked from there. It is the handler of its proxy,
 * too: chains make many, and one object less each counts.
 */
class Place implements ProxyHandler<() => void> {
  readonly #core: Core;
  readonly #root: string | Behind;
  readonly #path: string;
  #attribute: Pending | undefined;

  constructor(core: Core, root: string | Behind, path: string) {
    this.#core = core;
    this.#root = root;
    this.#path = path;
  }

  /** What stands behind it when it is used as an argument. */
  get behind(): Behind {
    if (this.#path === "" && typeof this.#root !== "string") return this.#root;
    return this.#read();
  }

  /** Whether awaiting means something; a module and a settled object are what they are. */
  get thenable(): boolean {
    return this.#path !== "" || this.#root instanceof Pending;
  }

  get what(): string {
    const root = typeof this.#root === "string"
      ? this.#root
      : this.#root instanceof Pending
      ? this.#root.what
      : this.#root.handle?.info?.type ?? "object";
    return this.#path === "" ? root : `${root}.${this.#path}`;
  }

  get(_target: () => void, key: string | symbol): unknown {
    if (typeof key === "string") {
      if (key === "then") {
        if (!this.thenable) return undefined;
        return (resolve?: (value: unknown) => unknown, reject?: (reason: unknown) => unknown) =>
          locatedThen(this.result(), resolve, reject);
      }
      if (key === "$enter") return (options?: EnterOptions) => this.enter(options);
      if (key === "toJSON") return () => this.refuseJson();
      if (key === "$") return this.ref();
      // A keyword of Python, so no attribute has this name.
      if (key === "as") return () => makeProxy(this);
      return this.child(key);
    }
    if (key === behindKey) return this.behind;
    if (key === Symbol.asyncIterator) return () => this.iterate();
    if (key === Symbol.dispose) return () => this.release();
    if (key === Symbol.asyncDispose) return () => this.dispose();
    if (key === placeKey) return this;
    if (key === Symbol.toPrimitive) return () => this.show();
    if (INSPECT_KEYS.includes(key)) return showPlace;
    return undefined;
  }

  apply(_target: () => void, _self: unknown, values: readonly unknown[]): PyProxy {
    return this.call(values);
  }

  set(_target: () => void, key: string | symbol): never {
    const name = String(key);
    throw new TypeError(
      `Cannot assign ${this.what}.${name}: an assignment cannot be awaited; use .$.set("${name}", value)`,
    );
  }

  deleteProperty(_target: () => void, key: string | symbol): never {
    const name = String(key);
    throw new TypeError(`Cannot delete ${this.what}.${name} like this; use .$.delete("${name}")`);
  }

  has(): boolean {
    return false;
  }

  child(name: string): PyProxy {
    return makeProxy(new Place(this.#core, this.#root, this.#path === "" ? name : `${this.#path}.${name}`));
  }

  call(values: readonly unknown[]): PyProxy {
    const { args, kwargs, options } = splitArguments(values);
    if (typeof this.#root === "string" && this.#path === "") {
      throw new TypeError(`Cannot call module ${this.#root}: call one of its functions`);
    }
    const kind = typeof this.#root === "string" ? CallKind.function : CallKind.method;
    const plan = { kind, target: this.#root, name: this.#path, args, kwargs, options };
    return proxyOf(this.#core, new Pending(this.#core, this.#scope(), plan, settledProxy));
  }

  result(): Promise<unknown> {
    return this.#path === "" && this.#root instanceof Pending ? this.#root.result() : this.#read().result();
  }

  iterate(): AsyncGenerator<unknown, void, undefined> {
    return iterate(this.#core, this.#scope(), this.behind);
  }

  enter(options?: EnterOptions): ReturnType<Enterable["$enter"]> {
    return enterContext(this.#core, this.#scope(), this.behind, options, settledProxy);
  }

  /** The explicit reference; only a settled object has one. */
  ref(): Ref {
    const handle = this.#path === "" && typeof this.#root !== "string" ? this.#root.handle : undefined;
    if (handle === undefined) throw new RefNotFoundError(this.what, "it has no reference before it was awaited");
    return new Ref(this.#core, handle);
  }

  release(): void {
    if (typeof this.#root !== "string") this.#root.handle?.release();
  }

  dispose(): Promise<void> {
    return exitAndRelease(typeof this.#root === "string" ? undefined : this.#root.handle);
  }

  /** `JSON.stringify` asks every object for this; a Python attribute of that name is reached through `$`. */
  refuseJson(): never {
    throw new TypeError(`Cannot write ${this.what} as JSON: await it, and .$.value() for a settled object, first`);
  }

  show(): string {
    if (typeof this.#root === "string") return `<module ${this.what}>`;
    return this.#path === "" ? showHandle(this.#root.handle, this.what) : `<attribute ${this.what}>`;
  }

  /** Reads the attribute it stands at; once, however often it is used. */
  #read(): Pending {
    const kind = typeof this.#root === "string" ? CallKind.moduleAttr : CallKind.getAttr;
    this.#attribute ??= new Pending(
      this.#core,
      this.#scope(),
      { kind, target: this.#root, name: this.#path, args: [], kwargs: null, options: undefined },
      settledProxy,
    );
    return this.#attribute;
  }

  #scope(): ReturnType<typeof currentScope> {
    const root = this.#root;
    const session = typeof root === "string"
      ? undefined
      : root instanceof Pending
      ? root.scope.id
      : root.handle?.session;
    return currentScope(this.#core, session);
  }
}

/** What a proxy stands before: a function, so that it can be called. */
type Target = (() => void) & { [placeKey]: Place; [inspectKey: symbol]: unknown };

const placeKey: unique symbol = Symbol("snakebridge.place");
const [NODE_INSPECT, DENO_INSPECT, DENO_PRIVATE_INSPECT] = INSPECT_KEYS as [symbol, symbol, symbol];

/** Shows a proxy. Some printers call it on the proxy, some look through it and call it on the function behind. */
function showPlace(this: { readonly [placeKey]: Place }): string {
  return this[placeKey].show();
}

function makeProxy(place: Place): PyProxy {
  const target = ((): void => {}) as Target;
  target[placeKey] = place;
  target[NODE_INSPECT] = showPlace;
  target[DENO_INSPECT] = showPlace;
  target[DENO_PRIVATE_INSPECT] = showPlace;
  return new Proxy(target, place) as unknown as PyProxy;
}

/** The proxy as the face of a result. */
export const settledProxy = (core: Core, handle: Handle): PyProxy => proxyOf(core, { handle, failure: undefined });

/** The proxy of a module (by name), of an object, or of a result on its way. */
export function proxyOf(core: Core, root: string | Behind): PyProxy {
  return makeProxy(new Place(core, root, ""));
}
