// Section 5, the JSON columns. For carriers that move text: no buffers, and no trap of JSON.stringify either, so what
// comes out is made of null, booleans, numbers, strings, arrays and plain objects alone.
import { Buffer } from "node:buffer";
import { ArrowData, isArrowLibrary } from "./arrow_data.ts";
import { Atom } from "./atom.ts";
import { asBytes, checkText, isPlainObject, pathStep, refusal, steady, tagName, typeName } from "./classify.ts";
import { FrozenSet, Tuple } from "./containers.ts";
import { isAwkwardKey } from "./extension.ts";
import { type Limits, resolveLimits } from "./limits.ts";
import { checkDistinct, decodedNdArray, decodedRef, setOf } from "./message_decoder.ts";
import { dtypeOfView, NdArray } from "./ndarray.ts";
import { Complex, Decimal, floatText, isDecimalText, PyFloat } from "./number_values.ts";
import { OpaqueValue } from "./opaque.ts";
import { cycleError, decodeError, limitError, Undecodable, Unencodable, ValueEncodeError } from "./protocol_errors.ts";
import type { RefPort } from "./ref_port.ts";
import { Ellipsis, EllipsisType, Slice } from "./slice.ts";
import { arrowDataOf } from "./table_port.ts";
import {
  dateText,
  durationOf,
  instantText,
  jsDateText,
  parseDate,
  parseDateTime,
  parseTime,
  plainDateTimeText,
  timedeltaParts,
  timeText,
  zonedDateTimeText,
} from "./time_values.ts";

/** What `JSON.stringify` writes as it is. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

const NO_REFS: RefPort = {
  encodeRef: () => undefined,
  decodeRef: () => {
    throw new Undecodable("it holds a ref, and there is nobody to keep refs");
  },
};

const DEFAULT_LIMITS = resolveLimits();
const NO_ATOMS: ReadonlySet<string> = new Set();

/**
 * Turns a value into tagged JSON: a structure for `JSON.stringify`.
 *
 * An {@linkcode Atom} is written as text; `atoms` names those that the peer gets as atoms.
 *
 * @throws {ValueEncodeError} if a value in it has no encoding.
 * @throws {LimitExceededError} if it is too deep or too large, or contains itself.
 *
 * @example A tuple
 * ```ts
 *
 * console.log(JSON.stringify(toTaggedJson(new Tuple([1])))); // {"__type__":"tuple","__schema__":1,"items":[1]}
 * ```
 */
export function toTaggedJson(
  value: unknown,
  refs: RefPort = NO_REFS,
  limits: Limits = DEFAULT_LIMITS,
  atoms: ReadonlySet<string> = NO_ATOMS,
): JsonValue {
  return new JsonEncoder(refs, limits, atoms).value(value);
}

/**
 * Turns tagged JSON, as `JSON.parse` gives it, into the value.
 *
 * @throws {MessageDecodeError} if it is malformed or beyond a limit.
 *
 * @example A complex number
 * ```ts
 *
 * console.log(String(fromTaggedJson({ __type__: "complex", __schema__: 1, real: 0, imag: 1 }))); // (0+1j)
 * ```
 */
export function fromTaggedJson(json: unknown, refs: RefPort = NO_REFS, limits: Limits = DEFAULT_LIMITS): unknown {
  try {
    return new JsonDecoder(refs, limits).value(json, 0);
  } catch (error) {
    throw decodeError("tagged JSON", error);
  }
}

/** A tagged object. */
function tagged(type: string, fields: Record<string, JsonValue>): JsonValue {
  return { __type__: type, __schema__: 1, ...fields };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

class JsonEncoder {
  readonly #refs: RefPort;
  readonly #limits: Limits;
  readonly #atoms: ReadonlySet<string>;
  readonly #open: object[] = [];
  readonly #steps: (string | number)[] = [];
  #elements = 0;

  constructor(refs: RefPort, limits: Limits, atoms: ReadonlySet<string>) {
    this.#refs = refs;
    this.#limits = limits;
    this.#atoms = atoms;
  }

  value(value: unknown): JsonValue {
    if (++this.#elements > this.#limits.maxElements) {
      throw limitError("encode", "maxElements", this.#elements, this.#limits.maxElements, this.#path());
    }
    try {
      return this.#convert(value);
    } catch (error) {
      if (!(error instanceof Unencodable)) throw error;
      throw new ValueEncodeError(this.#path(), typeName(value), error.message, error.advice);
    }
  }

  #path(): string {
    return `$${this.#steps.map(pathStep).join("")}`;
  }

  #convert(value: unknown): JsonValue {
    switch (typeof value) {
      case "undefined":
        return null;
      case "boolean":
        return value;
      case "string":
        checkText(value);
        return value;
      case "number":
        return numberJson(value);
      case "bigint": {
        const near = Number(value);
        return Number.isSafeInteger(near) ? near : tagged("int", { value: String(value) });
      }
      case "object":
        return value === null ? null : this.#object(value);
      case "function": {
        const id = this.#refs.encodeRef(value);
        if (id === undefined) throw refusal(value);
        return tagged("ref", { id });
      }
      default:
        throw refusal(value);
    }
  }

  /** Runs `build` one level deeper. */
  #inside<T>(value: object, build: () => T): T {
    if (this.#open.includes(value)) throw cycleError(this.#path());
    this.#open.push(value);
    if (this.#open.length > this.#limits.maxDepth) {
      throw limitError("encode", "maxDepth", this.#open.length, this.#limits.maxDepth, this.#path());
    }
    const result = build();
    this.#open.pop();
    return result;
  }

  #step(step: string | number, value: unknown): JsonValue {
    this.#steps.push(step);
    const json = this.value(value);
    this.#steps.pop();
    return json;
  }

  #items(owner: object, items: Iterable<unknown>): JsonValue[] {
    return this.#inside(owner, () => {
      const out: JsonValue[] = [];
      for (const item of items) out.push(this.#step(out.length, item));
      return out;
    });
  }

  #pairs(owner: object, pairs: Iterable<readonly [unknown, unknown]>): JsonValue {
    return this.#inside(owner, () => {
      const out: JsonValue[] = [];
      for (const [key, item] of pairs) {
        const step = typeof key === "string" || typeof key === "number" ? key : out.length;
        out.push([this.#step(step, key), this.#step(step, item)]);
      }
      return tagged("dict", { pairs: out });
    });
  }

  #plainObject(value: Record<string, unknown>): JsonValue {
    const keys = Object.keys(value);
    if (keys.some((key) => key === "__type__" || isAwkwardKey(key))) {
      return this.#pairs(value, keys.map((key) => [key, value[key]]));
    }
    return this.#inside(value, () => {
      const out: { [key: string]: JsonValue } = {};
      for (const key of keys) {
        checkText(key);
        out[key] = this.#step(key, value[key]);
      }
      return out;
    });
  }

  #ndarray(dtype: string, shape: readonly number[], order: "C" | "F", data: Uint8Array): JsonValue {
    return tagged("ndarray", { dtype, shape: [...shape], order, data: base64(data) });
  }

  #object(value: object): JsonValue {
    if (Array.isArray(value)) {
      const items = this.#items(value, value);
      return value instanceof Tuple ? tagged("tuple", { items }) : items;
    }
    if (isPlainObject(value)) return this.#plainObject(value);
    const bytes = asBytes(value);
    if (bytes !== undefined) return tagged("bytes", { data: base64(bytes) });
    if (ArrayBuffer.isView(value)) {
      const dtype = dtypeOfView(value);
      if (dtype === undefined) throw refusal(value);
      return this.#ndarray(dtype, [(value as Float64Array).length], "C", steady(value));
    }
    const id = this.#refs.encodeRef(value);
    if (id !== undefined) return tagged("ref", { id });
    if (value instanceof Map) return this.#pairs(value, value);
    if (value instanceof FrozenSet) return tagged("frozenset", { items: this.#items(value, value) });
    if (value instanceof Set) return tagged("set", { items: this.#items(value, value) });
    if (value instanceof NdArray) return this.#ndarray(value.dtype, value.shape, value.order, steady(value.bytes));
    if (value instanceof PyFloat) return floatJson(value.value);
    if (value instanceof Complex) return tagged("complex", { real: numberJson(value.re), imag: numberJson(value.im) });
    if (value instanceof Atom) {
      checkText(value.name);
      return this.#atoms.has(value.name) ? tagged("atom", { value: value.name }) : value.name;
    }
    if (value instanceof Decimal) return tagged("decimal", { value: value.value });
    if (value instanceof Date) return tagged("datetime", { value: jsDateText(value) });
    if (value instanceof Slice) {
      const [start, stop, step] = this.#items(value, [value.start, value.stop, value.step]);
      return tagged("slice", { start: start!, stop: stop!, step: step! });
    }
    if (value instanceof EllipsisType) return tagged("ellipsis", {});
    const table = value instanceof ArrowData ? value : arrowDataOf(value);
    if (table !== undefined) return tagged("arrow", { library: table.library, data: base64(steady(table.data)) });
    if (value instanceof OpaqueValue) {
      if (typeof value.tag === "string") return value.payload as JsonValue;
      throw new Unencodable("it came in MessagePack", "send it back over the same carrier");
    }
    return timeJson(value);
  }
}

function floatJson(value: number): JsonValue {
  if (Number.isFinite(value) && !Object.is(value, -0)) return tagged("float", { value: floatText(value) });
  return tagged("special_float", { value: floatText(value) });
}

/** JSON.stringify writes -0 as 0, NaN as null, and 1e20 without a point, which Python would read as an int. */
function numberJson(value: number): JsonValue {
  if (Number.isSafeInteger(value) ? !Object.is(value, -0) : !Number.isInteger(value) && Number.isFinite(value)) {
    return value;
  }
  return Math.abs(value) >= 1e21 && Number.isFinite(value) ? value : floatJson(value);
}

function timeJson(value: object): JsonValue {
  switch (tagName(value)) {
    case "Temporal.PlainDateTime":
      return tagged("datetime", { value: plainDateTimeText(value as Temporal.PlainDateTime) });
    case "Temporal.ZonedDateTime":
      return tagged("datetime", { value: zonedDateTimeText(value as Temporal.ZonedDateTime) });
    case "Temporal.Instant":
      return tagged("datetime", { value: instantText(value as Temporal.Instant) });
    case "Temporal.PlainDate":
      return tagged("date", { value: dateText(value as Temporal.PlainDate) });
    case "Temporal.PlainTime":
      return tagged("time", { value: timeText(value as Temporal.PlainTime) });
    case "Temporal.Duration": {
      const [days, seconds, microseconds] = timedeltaParts(value as Temporal.Duration);
      return tagged("timedelta", { days, seconds, microseconds });
    }
    default:
      throw refusal(value);
  }
}

const INTEGER = /^-?\d+$/;
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const SPECIAL: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, "-inf": -Infinity, "-0.0": -0 };

type Tagged = Readonly<Record<string, unknown>>;

class JsonDecoder {
  readonly #refs: RefPort;
  readonly #limits: Limits;
  #elements = 0;

  constructor(refs: RefPort, limits: Limits) {
    this.#refs = refs;
    this.#limits = limits;
  }

  value(json: unknown, depth: number): unknown {
    if (++this.#elements > this.#limits.maxElements) {
      throw limitError("decode", "maxElements", this.#elements, this.#limits.maxElements);
    }
    if (typeof json !== "object" || json === null) {
      if (typeof json === "string" && !json.isWellFormed()) throw new Undecodable("it has text with a lone surrogate");
      return json;
    }
    if (depth >= this.#limits.maxDepth) throw limitError("decode", "maxDepth", depth + 1, this.#limits.maxDepth);
    if (Array.isArray(json)) return json.map((item) => this.value(item, depth + 1));
    if (Object.hasOwn(json, "__type__")) return this.#tagged(json as Tagged, depth);
    const keys = Object.keys(json);
    const fields = json as Tagged;
    if (keys.some(isAwkwardKey)) return new Map(keys.map((key) => [key, this.value(fields[key], depth + 1)]));
    const out: Record<string, unknown> = {};
    for (const key of keys) out[key] = this.value(fields[key], depth + 1);
    return out;
  }

  #items(tag: Tagged, depth: number): unknown[] {
    const { items } = tag;
    if (!Array.isArray(items)) throw new Undecodable(`${tag.__type__} has no items`);
    return items.map((item) => this.value(item, depth + 1));
  }

  #tagged(tag: Tagged, depth: number): unknown {
    const type = tag.__type__;
    if (typeof type !== "string") throw new Undecodable("it has a __type__ that is not text");
    // Older writers left the schema out; a newer schema is something that we do not know.
    if ((tag.__schema__ ?? 1) !== 1) return new OpaqueValue(type, tag);
    switch (type) {
      case "int":
        return integerOf(text(tag, "value"));
      case "float": {
        const value = text(tag, "value");
        if (!FLOAT.test(value)) throw new Undecodable(`float ${JSON.stringify(value.slice(0, 100))} is not a number`);
        return Number(value);
      }
      case "special_float": {
        const value = text(tag, "value");
        if (!Object.hasOwn(SPECIAL, value)) throw new Undecodable("special_float has an unknown value");
        return SPECIAL[value];
      }
      case "atom":
        return text(tag, "value");
      case "bytes":
        return bytes(tag);
      case "tuple":
        return new Tuple(this.#items(tag, depth));
      case "set":
        return setOf(Set, this.#items(tag, depth));
      case "frozenset":
        return setOf(FrozenSet, this.#items(tag, depth));
      case "dict":
        return this.#dict(tag, depth);
      case "complex":
        return new Complex(this.#float(tag.real, depth), this.#float(tag.imag, depth));
      case "datetime":
        return parseDateTime(text(tag, "value"));
      case "date":
        return parseDate(text(tag, "value"));
      case "time":
        return parseTime(text(tag, "value"));
      case "timedelta":
        return durationOf(tag.days, tag.seconds, tag.microseconds);
      case "decimal": {
        const value = text(tag, "value");
        if (!isDecimalText(value)) throw new Undecodable("decimal is not a number");
        return new Decimal(value);
      }
      case "ndarray":
        return decodedNdArray(tag.dtype, tag.shape, tag.order, bytes(tag));
      case "ref":
        return decodedRef(this.#refs, tag.id, tag.type, tag.repr, tag.traits);
      case "slice":
        return new Slice(
          this.value(tag.start, depth + 1),
          this.value(tag.stop, depth + 1),
          this.value(tag.step, depth + 1),
        );
      case "ellipsis":
        return Ellipsis;
      case "arrow":
        if (!isArrowLibrary(tag.library)) throw new Undecodable("arrow has an unknown library");
        return new ArrowData(tag.library, bytes(tag));
      default:
        return new OpaqueValue(type, tag);
    }
  }

  #float(part: unknown, depth: number): number {
    const value = this.value(part, depth + 1);
    if (typeof value !== "number") throw new Undecodable("complex has a part that is not a number");
    return value;
  }

  #dict(tag: Tagged, depth: number): unknown {
    const { pairs } = tag;
    if (!Array.isArray(pairs)) throw new Undecodable("dict has no pairs");
    const map = new Map<unknown, unknown>();
    let ordinary = pairs.length > 0;
    for (const pair of pairs) {
      if (!Array.isArray(pair) || pair.length !== 2) throw new Undecodable("a pair of dict has not two items");
      const key = this.value(pair[0], depth + 1);
      ordinary &&= typeof key === "string" && !isAwkwardKey(key);
      map.set(key, this.value(pair[1], depth + 1));
    }
    checkDistinct(map.size, pairs.length);
    // Pairs were needed only because of a key __type__, which is an ordinary key to everybody but JSON.
    return ordinary && map.has("__type__") ? Object.fromEntries(map as Map<string, unknown>) : map;
  }
}

function text(tag: Tagged, field: string): string {
  const value = tag[field];
  if (typeof value !== "string") throw new Undecodable(`${tag.__type__} has no text as ${field}`);
  return value;
}

function bytes(tag: Tagged): Uint8Array {
  const data = text(tag, "data");
  if (data.length % 4 !== 0 || !BASE64.test(data)) throw new Undecodable(`${tag.__type__} has data that is not base64`);
  // A copy, because small Buffers share memory and may be misaligned.
  return new Uint8Array(Buffer.from(data, "base64"));
}

function integerOf(digits: string): number | bigint {
  if (!INTEGER.test(digits)) throw new Undecodable(`int ${JSON.stringify(digits.slice(0, 100))} is not an integer`);
  let value: bigint;
  try {
    value = BigInt(digits);
  } catch {
    throw new Undecodable(`int of ${digits.length} digits is more than this runtime can hold`);
  }
  const near = Number(value);
  return Number.isSafeInteger(near) ? near : value;
}
