/**
 * What generated code imports, and nothing else.
 *
 * @module
 */
export { type CallOptions, Entered, type EnterOptions, Kw, kw, Ref } from "../bridge/mod.ts";
export {
  type ArrayLike,
  ArrowData,
  Complex,
  Decimal,
  type DTypeLike,
  Ellipsis,
  float,
  FrozenSet,
  NdArray,
  type PathLike,
  type PyCallable,
  PyFloat,
  Slice,
  slice,
  // Generated code writes the types of all places: `Tuple<[number, string]>`.
  type TupleOf as Tuple,
} from "../protocol/mod.ts";
export * from "./py_object.ts";
