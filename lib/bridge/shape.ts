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
import type { IsKw, Kw } from "./keywords.ts";
import type { PyProxy } from "./proxy.ts";
import type { Ref } from "./ref.ts";

/** Types of TypeScript that have methods and are values on the wire all the same. */
type ValueObject =
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
  | OpaqueValue;

type AnyFunction = (...args: never[]) => unknown;
type AnyClass = abstract new (...args: never[]) => unknown;

/** Whether a type describes an object that stays in Python: one with a method. */
type IsShape<T> = T extends ValueObject | AnyFunction | AnyClass ? false
  : T extends object ? Extract<T[keyof T], AnyFunction> extends never ? false : true
  : false;

/** What awaiting a result of type `T` gives: values as they are, objects as {@linkcode RemoteObject}. */
export type Settled<T> = unknown extends T ? T
  : T extends unknown ? IsShape<T> extends true ? RemoteObject<T> : T
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
  : [IsShape<T>] extends [true] ? RemoteObject<T> & PromiseLike<RemoteObject<T>>
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
  : [T] extends [AnyFunction] ? T | RemoteLike
  : T | Ref | Remote<T> | Settled<T>;

/** Positional arguments, of which any number at the end may come by name: then {@linkcode kw} is the last. */
export type RemoteArguments<A extends readonly unknown[]> = HasKw<A> extends true ? Each<A>
  : Each<A> | [...Firsts<Each<A>>, Kw<object, PropertyKey>];

type Each<A extends readonly unknown[]> = {
  [I in keyof A]: IsKw<NonNullable<A[I]>> extends true ? A[I] : RemoteArgument<A[I]>;
};

type HasKw<A extends readonly unknown[]> = true extends { [I in keyof A]: IsKw<NonNullable<A[I]>> }[number] ? true
  : false;

/** Every beginning of a tuple. */
type Firsts<A extends readonly unknown[]> = A extends readonly [] ? []
  : A extends readonly [infer First, ...infer Rest] ? [] | [First, ...Firsts<Rest>]
  : number extends A["length"] ? A
  : A extends readonly [(infer First)?, ...infer Rest] ? [] | [First, ...Firsts<Rest>]
  : A;
