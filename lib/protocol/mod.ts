/**
 * The protocol: version, limits, messages, values, and codecs. Section numbers in here are those of
 * `proto/PROTOCOL.md`.
 *
 * @module
 */
export * from "./arrow_data.ts";
export * from "./atom.ts";
export * from "./containers.ts";
export * from "./dict.ts";
export { type DTypeInfo, parseDType } from "./dtype.ts";
export * from "./failures.ts";
export * from "./frame_reader.ts";
export * from "./limits.ts";
export * from "./message_codec.ts";
export * from "./messages.ts";
export {
  NdArray,
  type NdArrayFromOptions,
  type NdItem,
  type Nested,
  type NestedInput,
  type NumericArray,
} from "./ndarray.ts";
export { Complex, Decimal, float, PyFloat } from "./number_values.ts";
export * from "./opaque.ts";
export { MessageDecodeError, ValueEncodeError } from "./protocol_errors.ts";
export * from "./ref_port.ts";
export * from "./slice.ts";
export { fromTaggedJson, type JsonValue, toTaggedJson } from "./tagged_json.ts";
export * from "./unserializable.ts";
export * from "./table_port.ts";
export * from "./value_types.ts";
export * from "./version.ts";
