import type { ArrowData } from "./arrow_data.ts";
import type { Atom } from "./atom.ts";
import type { FrozenSet, Tuple } from "./containers.ts";
import type { NdArray, NdItem, NumericArray } from "./ndarray.ts";
import type { Complex, Decimal, PyFloat } from "./number_values.ts";
import type { OpaqueValue } from "./opaque.ts";
import type { EllipsisType, Slice } from "./slice.ts";

/** Anything that stands for an object in Python: pending or settled, a proxy or an instance of a generated class. */
export interface RemoteLike {
  /** The explicit handle. */
  readonly $: object;
}

/** What Python sends as a value, not as a ref. */
export type PyValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PyValue[]
  | Tuple
  | Set<unknown>
  | FrozenSet
  | { readonly [key: string]: PyValue }
  | Map<unknown, unknown>
  | Complex
  | Decimal
  | Temporal.PlainDateTime
  | Temporal.ZonedDateTime
  | Temporal.PlainDate
  | Temporal.PlainTime
  | Temporal.Duration
  | NdArray
  | ArrowData
  | Slice
  | EllipsisType
  | OpaqueValue;

/** What Python can call: a function of this program, or a remote object that stands for a function or class. */
// deno-lint-ignore no-explicit-any -- what Python calls it with is known to nobody here
export type PyCallable = RemoteLike | ((...args: any[]) => unknown);

/** What may be passed to Python: everything that comes from it, and what JavaScript has beside. */
export type PyInput =
  | PyValue
  | undefined
  | PyFloat
  | Atom
  | Date
  | Temporal.Instant
  | ArrayBufferLike
  | ArrayBufferView
  | PyCallable
  | readonly PyInput[]
  | ReadonlySet<unknown>
  | ReadonlyMap<unknown, unknown>
  | { readonly [key: string]: PyInput };

/** One number or text as numpy takes it. */
export type ScalarLike = NdItem | PyFloat | RemoteLike;

/** What numpy makes an array of: a scalar, arrays in arrays, a typed array, an {@linkcode NdArray}, a remote array. */
export type ArrayLike = ScalarLike | NumericArray | NdArray | ArrayBufferView | readonly ArrayLike[];

/** What numpy takes as a dtype: a name such as `float32` or `<f8`, or a remote dtype or scalar type. */
export type DTypeLike = string | RemoteLike | null;

/** What Python takes as a path: text, bytes, or a remote path object. */
export type PathLike = string | Uint8Array | RemoteLike;

/** What numpy and pandas take as an index. */
export type IndexLike =
  | ScalarLike
  | Slice
  | EllipsisType
  | null
  | ArrayLike
  | Tuple;
