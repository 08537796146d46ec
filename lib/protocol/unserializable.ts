/** What a marker says of the object that it stands for. */
export interface UnserializableInfo {
  /** Its Python type as `module.QualName`; empty when the marker does not say. */
  readonly type: string;
  /** A text of it, when `SNAKEBRIDGE_UNSERIALIZABLE_DETAIL` of the worker asked for one. */
  readonly repr?: string;
}

/**
 * Whether a value is the marker that the Python module `snakebridge.serialization` puts in the place of an object without
 * an encoding.
 *
 * Bridge calls give references to such objects; markers come from adapter tools and from `to_plain`.
 *
 * @example Ask for plain values
 * ```ts
 * import { isUnserializable, SnakeBridge } from "@snakebridge/snakebridge";
 *
 * await using bridge = await SnakeBridge.start();
 * const lock = await bridge.call("threading", "Lock");
 * const plain = await bridge.call("snakebridge.serialization", "to_plain", [{ n: 1, lock }]) as Record<string, unknown>;
 * console.log(isUnserializable(plain.n), isUnserializable(plain.lock)); // false true
 * ```
 */
export function isUnserializable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && Object.hasOwn(value, MARKER_KEY) &&
    (value as Readonly<Record<string, unknown>>)[MARKER_KEY] === true;
}

/**
 * What a marker says; undefined when the value is none.
 *
 * @example Name what could not be sent
 * ```ts
 * import { unserializableInfo } from "@snakebridge/snakebridge";
 *
 * const answer = { __ffi_unserializable__: true, __type__: "_thread.lock" };
 * console.log(unserializableInfo(answer)?.type); // _thread.lock
 * ```
 */
export function unserializableInfo(value: unknown): UnserializableInfo | undefined {
  if (!isUnserializable(value)) return undefined;
  const { __type__: type, __repr__: repr } = value;
  return { type: typeof type === "string" ? type : "", ...(typeof repr === "string" ? { repr } : {}) };
}

const MARKER_KEY = "__ffi_unserializable__";
