import { type CallOptions, checkCallOptions } from "./options.ts";

/**
 * Keyword arguments, marked as such; made by {@linkcode kw}.
 *
 * The names stand in the type a second time, so that one name too many is an error even beside a right one.
 */
export class Kw<T extends object = object, K extends PropertyKey = keyof T> {
  /** The names; only for the compiler. @ignore */
  declare readonly keys: K;
  /** The keyword arguments. */
  readonly kwargs: T;
  /** Options of the call. */
  readonly options: CallOptions | undefined;

  /** Use {@linkcode kw}. */
  constructor(kwargs: T, options: CallOptions | undefined) {
    this.kwargs = kwargs;
    this.options = options;
  }
}

/**
 * Marks keyword arguments; it goes last.
 *
 * A plain object is a `dict`, so keywords need a mark. `undefined` values are left out, as if not given.
 *
 * @param kwargs The keyword arguments, by their Python names.
 * @param options Options of the call, such as a time limit.
 * @throws {TypeError} If there is no option of a given name.
 *
 * @example Keyword arguments
 * ```ts
 * import { kw, SnakeBridge } from "@snakebridge/snakebridge";
 *
 * await using bridge = await SnakeBridge.start();
 * const json = bridge.import("json");
 * console.log(await json.dumps({ b: 1, a: 2 }, kw({ sort_keys: true }))); // {"a": 2, "b": 1}
 * ```
 */
export function kw<const T extends object>(kwargs: T, options?: CallOptions): Kw<T> {
  if (typeof kwargs !== "object" || kwargs === null || Array.isArray(kwargs)) {
    throw new TypeError(
      `Cannot mark keyword arguments: got ${kwargs === null ? "null" : typeof kwargs}, expected an object`,
    );
  }
  checkCallOptions(options);
  return new Kw(kwargs, options);
}

/** Arguments as they are, where {@linkcode kw} is at most the last of them; elsewhere it meets a type that says so. */
export type KwLast<A extends readonly unknown[]> = A extends readonly [...infer Before, infer Last]
  // The first question is whether it is `any`, which may be anything.
  ? readonly [
    ...{
      readonly [I in keyof Before]: 0 extends 1 & Before[I] ? Before[I]
        : [Before[I]] extends [Kw<object, PropertyKey>] ? "kw() goes last"
        : Before[I];
    },
    Last,
  ]
  : A;

/** Arguments taken apart. */
export interface SplitArguments {
  /** The positional ones. */
  readonly args: readonly unknown[];
  /** The keyword ones, without those that are undefined; null when there are none. */
  readonly kwargs: Readonly<Record<string, unknown>> | null;
  /** Options of the call. */
  readonly options: CallOptions | undefined;
}

/** Takes arguments apart that may end with {@linkcode Kw}. */
export function splitArguments(args: readonly unknown[]): SplitArguments {
  const last = args.length === 0 ? undefined : args[args.length - 1];
  for (let index = 0; index < args.length - 1; index += 1) {
    if (args[index] instanceof Kw) {
      throw new TypeError(`Cannot call: kw() is argument ${index + 1} of ${args.length}, expected it to be the last`);
    }
  }
  if (!(last instanceof Kw)) return { args, kwargs: null, options: undefined };
  return { args: args.slice(0, -1), kwargs: definedOnly(last.kwargs), options: last.options };
}

/** A copy without undefined values; null when nothing is left. */
export function definedOnly(kwargs: object | null | undefined): Readonly<Record<string, unknown>> | null {
  if (kwargs === null || kwargs === undefined) return null;
  const entries = Object.entries(kwargs).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? null : Object.fromEntries(entries);
}
