// Everything a peer says about sizes is compared with what is there before memory is spent: a header that claims a
// billion items in a message of ten bytes must cost nothing.
import { ArrowData, isArrowLibrary } from "./arrow_data.ts";
import { FrozenSet, Tuple } from "./containers.ts";
import { decodeDType } from "./dtype.ts";
import { Extension, isAwkwardKey } from "./extension.ts";
import type { Limits } from "./limits.ts";
import { MessageType } from "./messages.ts";
import { NdArray } from "./ndarray.ts";
import { Complex, Decimal, isDecimalText } from "./number_values.ts";
import { OpaqueValue } from "./opaque.ts";
import { decodeError, limitError, Undecodable } from "./protocol_errors.ts";
import type { RefPort } from "./ref_port.ts";
import { Ellipsis, Slice } from "./slice.ts";
import { durationOf, parseDate, parseDateTime, parseTime } from "./time_values.ts";

/** Texts up to so many bytes are read by a loop: a call of the platform's decoder costs more. */
const SHORT_TEXT = 64;
/** Arrays up to this length are made at their length; longer ones grow, because the runtime keeps those sparse. */
const READY_ITEMS = 1 << 20;
/** Keys up to this length are remembered: records repeat theirs, and a text that exists costs less than a new one. */
const KNOWN_KEY = 31;
/** Places for remembered keys; a power of two. */
const KNOWN_KEYS = 512;

// A forgiving decoder is up to ten times as fast on Deno; it puts U+FFFD where it forgave, which text seldom holds.
const forgiving = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const EMPTY = new Uint8Array(0);
const NO_BUFFERS: readonly Uint8Array[] = [];
const EMPTY_VIEW = new DataView(EMPTY.buffer);

/** Turns the bodies of frames into messages; used by {@linkcode MessageCodec}. */
export class MessageDecoder {
  readonly #limits: Limits;
  readonly #refs: RefPort;
  #bytes: Uint8Array = EMPTY;
  #view: DataView = EMPTY_VIEW;
  #base = 0;
  #pos = 0;
  #end = 0;
  #left = 0;
  #buffers: readonly Uint8Array[] = NO_BUFFERS;
  #busy = false;
  /** Keys seen, each at the place that its bytes give. */
  readonly #keys: (KnownKey | undefined)[] = new Array(KNOWN_KEYS);

  constructor(limits: Limits, refs: RefPort) {
    this.#limits = limits;
    this.#refs = refs;
  }

  /** Decodes one message; see {@linkcode MessageCodec.decodeMessage}. */
  decodeMessage(body: Uint8Array, buffers: readonly Uint8Array[]): unknown[] {
    if (this.#busy) return new MessageDecoder(this.#limits, this.#refs).decodeMessage(body, buffers);
    this.#busy = true;
    this.#bytes = body;
    // Bodies are mostly windows of one receive buffer, and a view of it costs more than a small message.
    if (this.#view.buffer !== body.buffer) this.#view = new DataView(body.buffer);
    this.#base = body.byteOffset;
    this.#pos = 0;
    this.#end = body.length;
    this.#left = this.#limits.maxElements - 1;
    this.#buffers = buffers;
    const message: unknown[] = [];
    try {
      const length = this.#messageLength();
      for (let i = 0; i < length; i++) message.push(this.#value(1));
      if (this.#pos !== this.#end) throw new Undecodable(`${this.#end - this.#pos} bytes follow the message`);
      return message;
    } catch (error) {
      const [type, id] = message;
      const callId = (type === MessageType.result || type === MessageType.error) && typeof id === "number"
        ? id
        : undefined;
      throw decodeError("message", error, callId);
    } finally {
      this.#busy = false;
      this.#buffers = NO_BUFFERS;
      this.#bytes = EMPTY;
      if (body.buffer.byteLength > 0x10_0000) this.#view = EMPTY_VIEW; // do not keep a large message alive
    }
  }

  #messageLength(): number {
    const head = this.#byte();
    if (head >= 0x90 && head <= 0x9f) return this.#count(head & 15, 0);
    if (head === 0xdc) return this.#count(this.#uint16(), 0);
    throw new Undecodable("it is not an array");
  }

  #need(count: number): void {
    if (count > this.#end - this.#pos) {
      throw new Undecodable(`it ends ${count - (this.#end - this.#pos)} bytes too early`);
    }
  }

  #byte(): number {
    if (this.#pos >= this.#end) throw new Undecodable("it ends 1 bytes too early");
    return this.#bytes[this.#pos++]!;
  }

  /** A number of items that follow, checked against what is there and what is allowed. */
  #count(items: number, bytesPerItem: number): number {
    this.#need(items * bytesPerItem);
    if (items > this.#left) {
      const { maxElements } = this.#limits;
      throw limitError("decode", "maxElements", maxElements - this.#left + items, maxElements);
    }
    this.#left -= items;
    return items;
  }

  #deeper(depth: number): number {
    if (depth >= this.#limits.maxDepth) throw limitError("decode", "maxDepth", depth + 1, this.#limits.maxDepth);
    return depth + 1;
  }

  #value(depth: number): unknown {
    const pos = this.#pos;
    if (pos >= this.#end) throw new Undecodable("it ends 1 bytes too early");
    const bytes = this.#bytes;
    const head = bytes[pos]!;
    this.#pos = pos + 1;
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    if (head < 0x90) return this.#map(head & 15, depth);
    if (head < 0xa0) return this.#array(head & 15, depth);
    if (head < 0xc0) return this.#text(head & 31);
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#binary(this.#uint8());
      case 0xc5:
        return this.#binary(this.#uint16());
      case 0xc6:
        return this.#binary(this.#uint32());
      case 0xc7:
        return this.#ext(this.#uint8(), depth);
      case 0xc8:
        return this.#ext(this.#uint16(), depth);
      case 0xc9:
        return this.#ext(this.#uint32(), depth);
      case 0xca:
        this.#need(4);
        this.#pos = pos + 5;
        return this.#view.getFloat32(this.#base + pos + 1);
      case 0xcb:
        if (pos + 9 > this.#end) this.#need(8);
        this.#pos = pos + 9;
        return this.#view.getFloat64(this.#base + pos + 1);
      case 0xcc:
        return this.#uint8();
      case 0xcd:
        return this.#uint16();
      case 0xce:
        return this.#uint32();
      case 0xcf:
        return this.#uint64();
      case 0xd0:
        return this.#uint8() << 24 >> 24;
      case 0xd1:
        return this.#uint16() << 16 >> 16;
      case 0xd2:
        return this.#uint32() | 0;
      case 0xd3:
        return this.#int64();
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#ext(1 << (head - 0xd4), depth);
      case 0xd9:
        return this.#text(this.#uint8());
      case 0xda:
        return this.#text(this.#uint16());
      case 0xdb:
        return this.#text(this.#uint32());
      case 0xdc:
        return this.#array(this.#uint16(), depth);
      case 0xdd:
        return this.#array(this.#uint32(), depth);
      case 0xde:
        return this.#map(this.#uint16(), depth);
      case 0xdf:
        return this.#map(this.#uint32(), depth);
      default:
        throw new Undecodable("it has a byte 0xc1, which means nothing");
    }
  }

  #uint8(): number {
    this.#need(1);
    return this.#bytes[this.#pos++]!;
  }

  #uint16(): number {
    const pos = this.#pos;
    this.#need(2);
    this.#pos = pos + 2;
    return this.#bytes[pos]! << 8 | this.#bytes[pos + 1]!;
  }

  #uint32(): number {
    const pos = this.#pos;
    this.#need(4);
    this.#pos = pos + 4;
    const bytes = this.#bytes;
    return (bytes[pos]! << 24 | bytes[pos + 1]! << 16 | bytes[pos + 2]! << 8 | bytes[pos + 3]!) >>> 0;
  }

  #uint64(): number | bigint {
    const high = this.#uint32();
    const low = this.#uint32();
    if (high < 0x20_0000) return high * 0x1_0000_0000 + low;
    return BigInt(high) << 32n | BigInt(low);
  }

  #int64(): number | bigint {
    const high = this.#uint32() | 0;
    const low = this.#uint32();
    const near = high * 0x1_0000_0000 + low;
    return Number.isSafeInteger(near) ? near : BigInt(high) << 32n | BigInt(low);
  }

  #text(length: number): string {
    const start = this.#pos;
    const end = start + length;
    if (end > this.#end) this.#need(length);
    this.#pos = end;
    const bytes = this.#bytes;
    if (length <= SHORT_TEXT) {
      const units = textUnits(bytes, start, end);
      if (units !== undefined) return String.fromCharCode.apply(undefined, units);
    }
    return decodeText(bytes.subarray(start, end));
  }

  /** Bytes in memory of their own: the message's is the receive buffer, which will be reused. */
  #binary(length: number): Uint8Array {
    return new Uint8Array(this.#raw(length));
  }

  #raw(length: number): Uint8Array {
    this.#need(length);
    this.#pos += length;
    return this.#bytes.subarray(this.#pos - length, this.#pos);
  }

  #array(length: number, depth: number): unknown[] {
    const inside = this.#deeper(depth);
    this.#count(length, 1);
    if (length > READY_ITEMS) {
      const items: unknown[] = [];
      for (let i = 0; i < length; i++) items.push(this.#value(inside));
      return items;
    }
    const items = new Array<unknown>(length);
    for (let i = 0; i < length; i++) items[i] = this.#value(inside);
    return items;
  }

  #map(length: number, depth: number): Record<string, unknown> | Map<unknown, unknown> {
    const inside = this.#deeper(depth);
    this.#count(length, 2);
    const object: Record<string, unknown> = {};
    for (let i = 0; i < length; i++) {
      const key = this.#key(inside);
      // A plain object has no place for a key that is no text, and would move or lose some that are.
      if (typeof key !== "string" || isAwkwardKey(key)) {
        const map = this.#rest(new Map<unknown, unknown>(Object.entries(object)), key, length - i, inside);
        checkDistinct(map.size, length);
        return map;
      }
      object[key] = this.#value(inside);
    }
    return object;
  }

  #rest(map: Map<unknown, unknown>, key: unknown, length: number, inside: number): Map<unknown, unknown> {
    map.set(key, this.#value(inside));
    for (let i = 1; i < length; i++) {
      const next = this.#key(inside);
      map.set(next, this.#value(inside));
    }
    return map;
  }

  /** A key: text mostly, and mostly one that was seen before. */
  #key(depth: number): unknown {
    const pos = this.#pos;
    const head = pos < this.#end ? this.#bytes[pos]! : 0;
    const length = head - 0xa0;
    if (!(length > 0 && length <= KNOWN_KEY) || pos + 1 + length > this.#end) {
      if ((head >= 0x80 && head < 0xa0) || (head >= 0xdc && head < 0xe0)) {
        throw new Undecodable("it has a map with a key that is an array or a map");
      }
      return this.#value(depth);
    }
    const bytes = this.#bytes;
    const start = pos + 1;
    let hash = length;
    for (let i = 0; i < length; i++) hash = Math.imul(hash, 31) + bytes[start + i]! | 0;
    const place = hash & (KNOWN_KEYS - 1);
    const known = this.#keys[place];
    if (known !== undefined && known.bytes.length === length && isAt(bytes, start, known.bytes)) {
      this.#pos = start + length;
      return known.text;
    }
    this.#pos = start;
    const text = this.#text(length);
    this.#keys[place] = { bytes: bytes.slice(start, start + length), text };
    return text;
  }

  #ext(length: number, depth: number): unknown {
    const code = this.#byte() << 24 >> 24;
    this.#need(length);
    const outer = this.#end;
    const end = this.#pos + length;
    this.#end = end;
    const value = this.#extension(code, length, depth);
    if (this.#pos !== end) throw new Undecodable(`extension ${code} has ${end - this.#pos} bytes too many`);
    this.#end = outer;
    return value;
  }

  #extension(code: number, length: number, depth: number): unknown {
    switch (code) {
      case Extension.int:
        return this.#bigint(length);
      case Extension.float:
        return this.#double();
      case Extension.tuple:
        return new Tuple(this.#items(depth));
      case Extension.set:
        return setOf(Set, this.#items(depth));
      case Extension.frozenset:
        return setOf(FrozenSet, this.#items(depth));
      case Extension.dict:
        return this.#pairs(depth);
      case Extension.complex:
        return new Complex(this.#double(), this.#double());
      case Extension.datetime:
        return parseDateTime(this.#text(length));
      case Extension.date:
        return parseDate(this.#text(length));
      case Extension.time:
        return parseTime(this.#text(length));
      case Extension.timedelta: {
        const [days, seconds, microseconds] = this.#fields("timedelta", 3, depth);
        return durationOf(days, seconds, microseconds);
      }
      case Extension.decimal: {
        const text = this.#text(length);
        if (!isDecimalText(text)) {
          throw new Undecodable(`decimal ${JSON.stringify(text.slice(0, 100))} is not a number`);
        }
        return new Decimal(text);
      }
      case Extension.buffer: {
        const index = this.#value(depth);
        const buffer = typeof index === "number" ? this.#buffers[index] : undefined;
        if (buffer === undefined) {
          const named = typeof index === "number" ? index : `of type ${typeof index}`;
          throw new Undecodable(`it names buffer ${named}, the frame has ${this.#buffers.length}`);
        }
        return buffer;
      }
      case Extension.ndarray:
        return this.#ndarray(depth);
      case Extension.ref:
        return this.#ref(depth);
      case Extension.callback: {
        const [number] = this.#fields("callback", 1, depth);
        const found = typeof number === "number" ? this.#refs.decodeFunction?.(number) : undefined;
        if (found === undefined) throw new Undecodable("a function of this process is not lent to Python any more");
        return found;
      }
      case Extension.slice: {
        const [start, stop, step] = this.#fields("slice", 3, depth);
        return new Slice(start, stop, step);
      }
      case Extension.ellipsis:
        return Ellipsis;
      case Extension.arrow: {
        const [library, data] = this.#fields("arrow", 2, depth);
        if (!isArrowLibrary(library) || !(data instanceof Uint8Array)) throw new Undecodable("arrow has wrong fields");
        return new ArrowData(library, data);
      }
      default:
        return new OpaqueValue(code, this.#binary(length));
    }
  }

  #double(): number {
    const pos = this.#pos;
    this.#need(8);
    this.#pos = pos + 8;
    return this.#view.getFloat64(this.#base + pos);
  }

  #bigint(length: number): number | bigint {
    if (length === 0) throw new Undecodable("extension 1 is empty");
    if (length > MAX_INT_BYTES) throw new Undecodable(`int of ${length} bytes is more than this runtime can hold`);
    const bytes = this.#raw(length);
    const flip = bytes[0]! >= 0x80 ? 0xff : 0;
    const digits: string[] = [];
    for (const byte of bytes) digits.push(HEX[byte ^ flip]!);
    let size: bigint;
    try {
      size = BigInt(`0x${digits.join("")}`);
    } catch {
      throw new Undecodable(`int of ${length} bytes is more than this runtime can hold`);
    }
    return integer(flip === 0 ? size : ~size);
  }

  /** The number of items of an array that must come next. */
  #arrayLength(what: string): number {
    const head = this.#byte();
    if (head >= 0x90 && head <= 0x9f) return head & 15;
    if (head === 0xdc) return this.#uint16();
    if (head === 0xdd) return this.#uint32();
    throw new Undecodable(`${what} is not an array`);
  }

  #items(depth: number): unknown[] {
    return this.#array(this.#arrayLength("a collection"), depth);
  }

  /** The fields of an extension: exactly so many, or more from a newer peer. */
  #fields(what: string, count: number, depth: number): unknown[] {
    const fields = this.#items(depth);
    if (fields.length < count) throw new Undecodable(`${what} has ${fields.length} fields, expected ${count}`);
    return fields;
  }

  #pairs(depth: number): Map<unknown, unknown> {
    const length = this.#arrayLength("dict");
    const inside = this.#deeper(depth);
    this.#need(3 * length);
    this.#count(2 * length, 1);
    const map = new Map<unknown, unknown>();
    for (let i = 0; i < length; i++) {
      if (this.#arrayLength("a pair of dict") !== 2) throw new Undecodable("a pair of dict has not two items");
      const key = this.#value(inside);
      map.set(key, this.#value(inside));
    }
    checkDistinct(map.size, length);
    return map;
  }

  #ndarray(depth: number): NdArray {
    const [dtype, shape, order, data] = this.#fields("ndarray", 4, depth);
    return decodedNdArray(dtype, shape, order, data);
  }

  #ref(depth: number): unknown {
    const [id, type, repr, traits] = this.#fields("ref", 4, depth);
    return decodedRef(this.#refs, id, type, repr, traits);
  }
}

/** Makes a set of all items. */
export function setOf<S extends Set<unknown>>(Kind: new (items: unknown[]) => S, items: unknown[]): S {
  const set = new Kind(items);
  checkDistinct(set.size, items.length);
  return set;
}

/** Refuses what would lose a part in silence: to JavaScript, NaN is one key. */
export function checkDistinct(count: number, given: number): void {
  if (count !== given) throw new Undecodable(`${given - count} of ${given} keys equal others, as NaN equals NaN here`);
}

/** A key and its bytes. */
interface KnownKey {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** Whether `wanted` stands in `bytes` from `start` on, which has room for it. */
function isAt(bytes: Uint8Array, start: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[start + i] !== wanted[i]) return false;
  return true;
}

/**
 * The UTF-16 units of UTF-8; undefined where it is none. All units become text at once: adding one after the other would
 * make ropes.
 */
function textUnits(bytes: Uint8Array, start: number, end: number): number[] | undefined {
  const units: number[] = [];
  let at = start;
  while (at < end) {
    const first = bytes[at++]!;
    if (first < 0x80) {
      units.push(first);
      continue;
    }
    const second = at < end ? bytes[at++]! : 0;
    if (first < 0xc2 || (second & 0xc0) !== 0x80) return undefined;
    if (first < 0xe0) {
      units.push((first & 0x1f) << 6 | second & 63);
      continue;
    }
    const third = at < end ? bytes[at++]! : 0;
    if ((third & 0xc0) !== 0x80) return undefined;
    if (first < 0xf0) {
      const unit = (first & 15) << 12 | (second & 63) << 6 | third & 63;
      // Overlong forms and surrogates are no UTF-8.
      if (unit < 0x800 || (unit >= 0xd800 && unit < 0xe000)) return undefined;
      units.push(unit);
      continue;
    }
    const fourth = at < end ? bytes[at++]! : 0;
    const point = (first & 7) << 18 | (second & 63) << 12 | (third & 63) << 6 | fourth & 63;
    if (first > 0xf4 || (fourth & 0xc0) !== 0x80 || point < 0x10000 || point > 0x10ffff) return undefined;
    units.push(0xd800 + (point - 0x10000 >> 10), 0xdc00 + (point & 0x3ff));
  }
  return units;
}

function decodeText(bytes: Uint8Array): string {
  const text = forgiving.decode(bytes);
  if (!text.includes("\ufffd")) return text;
  try {
    return strict.decode(bytes);
  } catch {
    throw new Undecodable("it has text that is not UTF-8");
  }
}

/** V8 holds ints of 2^30 bits at most, others fewer. */
const MAX_INT_BYTES = 134_217_728;
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** A number where that is exact. */
function integer(value: bigint): number | bigint {
  const near = Number(value);
  return Number.isSafeInteger(near) ? near : value;
}

/** Most dimensions numpy knows. */
const MAX_DIMENSIONS = 64;

/** Makes an array of fields that a peer sent. */
export function decodedNdArray(dtype: unknown, shape: unknown, order: unknown, data: unknown): NdArray {
  const info = decodeDType(dtype);
  if (
    !Array.isArray(shape) || shape.length > MAX_DIMENSIONS || (order !== "C" && order !== "F") ||
    !(data instanceof Uint8Array)
  ) throw new Undecodable("ndarray has wrong fields");
  try {
    return new NdArray(info.name, shape, data, order);
  } catch (error) {
    throw new Undecodable((error as Error).message);
  }
}

/** Makes a handle of fields that a peer sent. */
export function decodedRef(refs: RefPort, id: unknown, type: unknown, repr: unknown, traits: unknown): unknown {
  if (
    !Number.isSafeInteger(id) || typeof type !== "string" || (repr !== null && typeof repr !== "string") ||
    !Number.isSafeInteger(traits)
  ) throw new Undecodable("ref has wrong fields");
  return refs.decodeRef(id as number, type, repr, traits as number);
}
