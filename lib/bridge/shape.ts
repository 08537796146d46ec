// Types only: what a module looks like whose shape the program states. At run time all of it is a proxy.
import type {
  ArrowData,
  Complex,
  Decimal,
  FrozenSet,
  NdArray,
  OpaqueValue,
  PyFloat,
  RemoteLike,
  Slice,
} from "../protocol/mod.ts";
import type { Kw } from "./keywords.ts";
import type { PyProxy } from "./proxy.ts";
import type { Ref } from "./ref.ts";

/**
 * Whether a type describes an object that stays in Python: one with a method, and none that TypeScript has for values.
 * Functions and classes are neither.
 */
export type StaysInPython<T> = T extends
  | readonly unknown[]
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | FrozenSet
  | ArrayBufferLike
  | ArrayBufferView
  | Date
  | Temporal.Instant
  | Temporal.PlainDateTime
  | Temporal.ZonedDateTime
  | Temporal.PlainDate
  | Temporal.PlainTime
  | Temporal.Duration
  | NdArray
  | ArrowData
  | Complex
  | Decimal
  | PyFloat
  | Slice
  | OpaqueValue
  | ((...args: never[]) => unknown)
  | (abstract new (...args: never[]) => unknown) ? false
  : T extends object ? Extract<T[keyof T], (...args: never[]) => unknown> extends never ? false : true
  : false;

/** What awaiting a result of type `T` gives: values as they are, objects as {@linkcode RemoteObject}. */
export type Settled<T> = unknown extends T ? T
  : T extends unknown ? StaysInPython<T> extends true ? RemoteObject<T> : T
  : never;

/** The attributes and methods of a shape, as remote ones. */
export type RemoteMembers<S> = { readonly [K in keyof S]: RemoteMember<S[K]> };

/** A Python object whose shape is `S`: its members, chained and pipelined. */
export type RemoteObject<S> =
  & RemoteMembers<S>
  & AsyncIterable<unknown>
  & Disposable
  & {
    /** The explicit {@linkcode Ref}. */
    readonly $: Ref;
  };

/**
 * A result of type `T` on its way: await it for {@linkcode Settled}, or go on with it at once.
 *
 * An interface with at least one method is an object that stays in Python, and its members are there to chain on;
 * anything else is a value.
 */
export type Remote<T> = unknown extends T ? PyProxy
  : [T] extends [PromiseLike<unknown>] ? T
  : [StaysInPython<T>] extends [true] ? RemoteObject<T> & PromiseLike<RemoteObject<T>>
  : PyProxy<Settled<T>>;

/** A function or class of a shape as a remote one; anything else is an attribute. */
export type RemoteMember<M> = unknown extends M ? PyProxy
  : M extends abstract new (...args: infer A) => infer R ? RemoteCallable<A, R> & RemoteMembers<Omit<M, "prototype">>
  : M extends (...args: infer A) => infer R ? RemoteCallable<A, R> & RemoteMembers<M>
  : Remote<M>;

/** A Python function or class; classes are called without `new`, too. */
export type RemoteCallable<A extends readonly unknown[], R> = (...args: RemoteArguments<A>) => Remote<R>;

/** What a parameter of type `T` takes: it, or a remote object that stands for it. */
export type RemoteArgument<T> = unknown extends T ? T
  // Another call signature in the union would leave parameters of a function written there without a type.
  : [T] extends [(...args: never[]) => unknown] ? T | RemoteLike
  : T | Ref | Remote<T> | Settled<T>;

/**
 * Positional arguments, of which any number at the end may come by name: then {@linkcode kw} is the last. Where a
 * function says itself which keywords it takes, with a parameter of type {@linkcode Kw}, only those are.
 */
export type RemoteArguments<A extends readonly unknown[]> =
  | { [I in keyof A]: [NonNullable<A[I]>] extends [Kw<object, PropertyKey>] ? A[I] : RemoteArgument<A[I]> }
  | (Extract<A[number], Kw<object, PropertyKey>> extends never
    ? [...RemoteBeginning<{ [I in keyof A]: RemoteArgument<A[I]> }>, Kw<object, PropertyKey>]
    : never);

/** Every beginning of a tuple. */
export type RemoteBeginning<A extends readonly unknown[]> = A extends readonly [] ? []
  : A extends readonly [infer First, ...infer Rest] ? [] | [First, ...RemoteBeginning<Rest>]
  : number extends A["length"] ? A
  : A extends readonly [(infer First)?, ...infer Rest] ? [] | [First, ...RemoteBeginning<Rest>]
  : A;
