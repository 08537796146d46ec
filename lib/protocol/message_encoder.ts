// One pass: values are checked, counted and written at once, eight bytes into the free part of a slab, so that the prefix
// of a frame without buffers finds its place and the frame is a window of the slab that is never written again. Nothing is
// copied, and a slab serves hundreds of small messages: allocation was two thirds of the time of a call. A library
// encoder would need a walk of its own before it, because it knows neither our types nor our limits.
import { ArrowData } from "./arrow_data.ts";
import { Atom } from "./atom.ts";
import { asBytes, checkText, isPlainObject, pathStep, refusal, steady, tagName, typeName } from "./classify.ts";
import { FrozenSet, Tuple } from "./containers.ts";
import { Extension, isAwkwardKey, MAX_BUFFERS, OUT_OF_BAND_BYTES } from "./extension.ts";
import type { Limits } from "./limits.ts";
import { dtypeOfView, NdArray } from "./ndarray.ts";
import { Complex, Decimal, PyFloat } from "./number_values.ts";
import { OpaqueValue } from "./opaque.ts";
import { cycleError, limitError, Unencodable, ValueEncodeError } from "./protocol_errors.ts";
import type { RefPort } from "./ref_port.ts";
import { EllipsisType, Slice } from "./slice.ts";
import { arrowDataOf } from "./table_port.ts";
import {
  dateText,
  instantText,
  jsDateText,
  plainDateTimeText,
  timedeltaParts,
  timeText,
  zonedDateTimeText,
} from "./time_values.ts";

/** Room for the lengths in front of a body without buffers. */
const PREFIX = 8;
/** What the length in the prefix can say. */
const MAX_BODY_BYTES = 0xffff_ffff;
const SLAB_BYTES = 65_536;
/** With less room than this, a message starts a new slab rather than move out of this one in the middle. */
const MIN_ROOM = 2048;
/** Up to here a message that outgrows its slab gets four times the room, beyond it twice. */
const FAST_GROWTH_BYTES = 4_194_304;
/** Texts up to this length are written by a loop: a call of the platform's encoder costs about as much as 50 rounds. */
const SHORT_TEXT = 48;
/** Every so many levels, ancestors are looked at for a cycle. */
const CYCLE_CHECK_LEVELS = 32;

const utf8 = new TextEncoder();

/** Turns messages into frames; used by {@linkcode MessageCodec}. */
export class MessageEncoder {
  readonly #limits: Limits;
  readonly #refs: RefPort;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(SLAB_BYTES);
  #view: DataView = new DataView(this.#bytes.buffer);
  /** Where the frame begins that is being written. */
  #start = 0;
  #pos = PREFIX;
  #left = 0;
  #buffers: Uint8Array[] = [];
  #bufferBytes = 0;
  /** Where we are: one step and one object for each container that is open. */
  readonly #trail: (string | number)[] = [];
  readonly #open: object[] = [];
  #busy = false;

  constructor(limits: Limits, refs: RefPort) {
    this.#limits = limits;
    this.#refs = refs;
  }

  /** Encodes one message; see {@linkcode MessageCodec.encodeFrame}. */
  encodeFrame(message: readonly unknown[]): Uint8Array[] {
    // Getters and ref ports are foreign code and may encode a message of their own in the middle of this one.
    if (this.#busy) return new MessageEncoder(this.#limits, this.#refs).encodeFrame(message);
    this.#busy = true;
    this.#pos = this.#start + PREFIX;
    this.#left = this.#limits.maxElements;
    try {
      this.#array(message, 1);
      return this.#finish();
    } finally {
      this.#busy = false;
      this.#bufferBytes = 0;
      this.#open.length = 0;
      if (this.#buffers.length > 0) this.#buffers = [];
      // A slab that was made for one large message goes with it.
      if (this.#bytes.length - this.#start < MIN_ROOM || this.#bytes.length > SLAB_BYTES) this.#renew();
    }
  }

  #renew(): void {
    this.#bytes = new Uint8Array(SLAB_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
    this.#start = 0;
  }

  #finish(): Uint8Array[] {
    const start = this.#start;
    const end = this.#pos;
    const bodyBytes = end - start - PREFIX;
    this.#checkFrame(end);
    const count = this.#buffers.length;
    if (count === 0) {
      this.#view.setUint32(start, bodyBytes, true);
      this.#view.setUint32(start + 4, 0, true);
      this.#start = end;
      return [this.#bytes.subarray(start, end)];
    }
    const head = new Uint8Array(PREFIX + 8 * count + bodyBytes);
    const view = new DataView(head.buffer);
    view.setUint32(0, bodyBytes, true);
    view.setUint32(4, count, true);
    for (let i = 0; i < count; i++) view.setBigUint64(PREFIX + 8 * i, BigInt(this.#buffers[i]!.length), true);
    head.set(this.#bytes.subarray(start + PREFIX, end), PREFIX + 8 * count);
    return [head, ...this.#buffers];
  }

  #checkFrame(end: number): void {
    const bodyBytes = end - this.#start - PREFIX;
    const seen = bodyBytes + this.#bufferBytes;
    const { maxFrameBytes } = this.#limits;
    if (seen > maxFrameBytes || bodyBytes > MAX_BODY_BYTES) {
      const max = Math.min(maxFrameBytes, MAX_BODY_BYTES);
      throw this.#cycle() ?? limitError("encode", "maxFrameBytes", seen, max, this.#path());
    }
  }

  /** Makes sure that `count` bytes fit. */
  #room(count: number): void {
    if (this.#pos + count > this.#bytes.length) this.#grow(count);
  }

  /** Moves the frame to a larger slab. */
  #grow(count: number): void {
    this.#checkFrame(this.#pos);
    const written = this.#pos - this.#start;
    // Each move copies what was written, so a growing message should meet few of them.
    const larger = written * (written < FAST_GROWTH_BYTES ? 4 : 2);
    const most = Math.min(larger, this.#limits.maxFrameBytes + MIN_ROOM);
    const bytes = new Uint8Array(Math.max(SLAB_BYTES, written + count, most));
    bytes.set(this.#bytes.subarray(this.#start, this.#pos));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.#start = 0;
    this.#pos = written;
  }

  /** The path below the message's own slots, which a user does not know. */
  #path(containers: number = this.#open.length): string {
    let path = "$";
    for (let i = 1; i < containers; i++) path += pathStep(this.#trail[i]!);
    return path;
  }

  #refuse(value: unknown, why: Unencodable): ValueEncodeError {
    return new ValueEncodeError(this.#path(), typeName(value), why.message, why.advice);
  }

  /** The error for a cycle among the open containers, or undefined. */
  #cycle(): Error | undefined {
    return new Set(this.#open).size < this.#open.length ? cycleError(this.#path()) : undefined;
  }

  #enter(value: object, depth: number): void {
    if (depth % CYCLE_CHECK_LEVELS === 0 && this.#open.includes(value)) throw cycleError(this.#path());
    this.#open.push(value);
    if (depth > this.#limits.maxDepth) {
      throw this.#cycle() ?? limitError("encode", "maxDepth", depth, this.#limits.maxDepth, this.#path(depth - 1));
    }
  }

  #value(value: unknown, depth: number): void {
    if (--this.#left < 0) {
      const { maxElements } = this.#limits;
      throw this.#cycle() ?? limitError("encode", "maxElements", maxElements + 1, maxElements, this.#path());
    }
    switch (typeof value) {
      case "string":
        this.#text(value);
        return;
      case "number":
        this.#number(value);
        return;
      case "boolean":
        this.#room(1);
        this.#bytes[this.#pos++] = value ? 0xc3 : 0xc2;
        return;
      case "undefined":
        this.#nil();
        return;
      case "bigint":
        this.#bigint(value);
        return;
      case "object":
        if (value === null) this.#nil();
        else if (Array.isArray(value)) {
          if (value instanceof Tuple) this.#nested(Extension.tuple, value, depth + 1);
          else this.#array(value, depth + 1);
        } else if (isPlainObject(value)) this.#plainObject(value, depth + 1);
        else this.#object(value, depth + 1);
        return;
      case "function": {
        const id = this.#refs.encodeRef(value);
        if (id !== undefined) this.#ref(id);
        else this.#function(value as (...args: never[]) => unknown);
        return;
      }
      default:
        throw this.#refuse(value, refusal(value));
    }
  }

  #nil(): void {
    this.#room(1);
    this.#bytes[this.#pos++] = 0xc0;
  }

  #number(value: number): void {
    this.#room(9);
    if ((value | 0) === value) {
      if (value > 0) this.#unsigned(value);
      else if (value < 0) this.#negative(value);
      else if (1 / value > 0) this.#bytes[this.#pos++] = 0;
      else this.#float(value); // -0 would lose its sign as int
    } else if (Number.isSafeInteger(value)) {
      if (value > 0) this.#unsigned(value);
      else this.#negative(value);
    } else this.#float(value);
  }

  #float(value: number): void {
    this.#bytes[this.#pos] = 0xcb;
    this.#view.setFloat64(this.#pos + 1, value);
    this.#pos += 9;
  }

  #unsigned(value: number): void {
    const bytes = this.#bytes;
    const pos = this.#pos;
    if (value < 0x80) {
      bytes[pos] = value;
      this.#pos = pos + 1;
    } else if (value < 0x100) {
      bytes[pos] = 0xcc;
      bytes[pos + 1] = value;
      this.#pos = pos + 2;
    } else if (value < 0x10000) {
      bytes[pos] = 0xcd;
      bytes[pos + 1] = value >>> 8;
      bytes[pos + 2] = value;
      this.#pos = pos + 3;
    } else if (value < 0x1_0000_0000) {
      bytes[pos] = 0xce;
      this.#view.setUint32(pos + 1, value);
      this.#pos = pos + 5;
    } else {
      bytes[pos] = 0xcf;
      this.#view.setUint32(pos + 1, value / 0x1_0000_0000);
      this.#view.setUint32(pos + 5, value >>> 0);
      this.#pos = pos + 9;
    }
  }

  #negative(value: number): void {
    const bytes = this.#bytes;
    const pos = this.#pos;
    if (value >= -0x20) {
      bytes[pos] = value + 0x100;
      this.#pos = pos + 1;
    } else if (value >= -0x80) {
      bytes[pos] = 0xd0;
      bytes[pos + 1] = value;
      this.#pos = pos + 2;
    } else if (value >= -0x8000) {
      bytes[pos] = 0xd1;
      bytes[pos + 1] = value >> 8;
      bytes[pos + 2] = value;
      this.#pos = pos + 3;
    } else if (value >= -0x8000_0000) {
      bytes[pos] = 0xd2;
      this.#view.setInt32(pos + 1, value);
      this.#pos = pos + 5;
    } else {
      bytes[pos] = 0xd3;
      this.#view.setInt32(pos + 1, Math.floor(value / 0x1_0000_0000));
      this.#view.setUint32(pos + 5, value >>> 0);
      this.#pos = pos + 9;
    }
  }

  #bigint(value: bigint): void {
    const near = Number(value);
    if (Number.isSafeInteger(near)) {
      this.#number(near);
      return;
    }
    // Two's complement of a negative number is the complement of one less than its size: ~(-n) = n - 1.
    const negative = value < 0n;
    const hex = (negative ? ~value : value).toString(16);
    const digits = hex.length + (hex.length & 1);
    const extra = parseInt(hex.padStart(digits, "0").slice(0, 2), 16) >= 0x80 ? 1 : 0;
    const length = digits / 2 + extra;
    this.#extHeader(Extension.int, length);
    this.#room(length);
    const padded = hex.padStart(length * 2, "0");
    const flip = negative ? 0xff : 0;
    for (let i = 0; i < length; i++) {
      this.#bytes[this.#pos++] = parseInt(padded.slice(2 * i, 2 * i + 2), 16) ^ flip;
    }
  }

  #text(text: string): void {
    const length = text.length;
    if (length > SHORT_TEXT) {
      this.#longText(text);
      return;
    }
    this.#room(2 + 3 * length);
    const start = this.#pos;
    const guess = length < 32 ? 1 : 2;
    const end = writeText(text, this.#bytes, start + guess);
    if (end < 0) {
      this.#longText(text); // which says where the lone surrogate is
      return;
    }
    const written = end - start - guess;
    if (written === length) {
      if (length < 32) this.#bytes[start] = 0xa0 | length;
      else {
        this.#bytes[start] = 0xd9;
        this.#bytes[start + 1] = length;
      }
      this.#pos = end;
      return;
    }
    const actual = textHeaderBytes(written);
    if (actual !== guess) this.#bytes.copyWithin(start + actual, start + guess, end);
    this.#textHeader(written);
    this.#pos += written;
  }

  #longText(text: string): void {
    this.#checked(text, () => checkText(text));
    const length = text.length;
    if (length >= 0x10_0000) {
      // Three bytes per unit would be too much to set aside on suspicion.
      this.#checkFrame(this.#pos + length);
      const encoded = utf8.encode(text);
      this.#room(5);
      this.#textHeader(encoded.length);
      this.#raw(encoded);
      return;
    }
    this.#room(5 + 3 * length);
    const guess = textHeaderBytes(length);
    const start = this.#pos;
    const { written } = utf8.encodeInto(text, this.#bytes.subarray(start + guess));
    const actual = textHeaderBytes(written);
    if (actual !== guess) this.#bytes.copyWithin(start + actual, start + guess, start + guess + written);
    this.#textHeader(written);
    this.#pos += written;
  }

  #textHeader(length: number): void {
    const bytes = this.#bytes;
    if (length < 32) bytes[this.#pos++] = 0xa0 | length;
    else this.#sized(0xd9, 0xda, 0xdb, length);
  }

  /** A head byte for lengths of 8, 16 or 32 bits and the length. */
  #sized(head8: number, head16: number, head32: number, length: number): void {
    const bytes = this.#bytes;
    const pos = this.#pos;
    if (length < 0x100 && head8 !== 0) {
      bytes[pos] = head8;
      bytes[pos + 1] = length;
      this.#pos = pos + 2;
    } else if (length < 0x10000) {
      bytes[pos] = head16;
      bytes[pos + 1] = length >>> 8;
      bytes[pos + 2] = length;
      this.#pos = pos + 3;
    } else {
      bytes[pos] = head32;
      this.#view.setUint32(pos + 1, length);
      this.#pos = pos + 5;
    }
  }

  #raw(bytes: Uint8Array): void {
    this.#checkFrame(this.#pos + bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#pos);
    this.#pos += bytes.length;
  }

  #arrayHeader(length: number): void {
    this.#room(5);
    if (length < 16) this.#bytes[this.#pos++] = 0x90 | length;
    else this.#sized(0, 0xdc, 0xdd, length);
  }

  #array(items: readonly unknown[], depth: number): void {
    this.#enter(items, depth);
    const length = items.length;
    // Before the loop: an array of a billion holes is small until it is written.
    if (length > this.#left) this.#tooMany(length);
    this.#arrayHeader(length);
    for (let i = 0; i < length; i++) {
      this.#trail[depth - 1] = i;
      this.#value(items[i], depth);
    }
    this.#open.pop();
  }

  #tooMany(length: number): never {
    const { maxElements } = this.#limits;
    const seen = maxElements - this.#left + length;
    throw this.#cycle() ?? limitError("encode", "maxElements", seen, maxElements, this.#path(this.#open.length - 1));
  }

  #plainObject(value: Record<string, unknown>, depth: number): void {
    const keys = Object.keys(value);
    for (let i = 0; i < keys.length; i++) {
      if (isAwkwardKey(keys[i]!)) {
        this.#pairs(value, keys.map((key) => [key, value[key]]), keys.length, depth);
        return;
      }
    }
    this.#enter(value, depth);
    this.#room(5);
    if (keys.length < 16) this.#bytes[this.#pos++] = 0x80 | keys.length;
    else this.#sized(0, 0xde, 0xdf, keys.length);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      this.#trail[depth - 1] = key;
      this.#text(key);
      this.#value(value[key], depth);
    }
    this.#open.pop();
  }

  #pairs(value: object, pairs: Iterable<readonly [unknown, unknown]>, count: number, depth: number): void {
    this.#enter(value, depth);
    if (2 * count > this.#left) this.#tooMany(2 * count);
    const start = this.#beginExt();
    this.#arrayHeader(count);
    let i = 0;
    for (const [key, item] of pairs) {
      this.#trail[depth - 1] = typeof key === "string" || typeof key === "number" ? key : i;
      this.#arrayHeader(2);
      this.#value(key, depth);
      this.#value(item, depth);
      i++;
    }
    this.#endExt(Extension.dict, start);
    this.#open.pop();
  }

  /**
   * Reserves the most common header; {@linkcode #endExt} moves the payload when another one is needed. Gives where the
   * payload begins, counted from the beginning of the frame, because the frame may move.
   */
  #beginExt(): number {
    this.#room(3);
    this.#pos += 3;
    return this.#pos - this.#start;
  }

  #endExt(code: number, offset: number): void {
    // Room for the longest header now: behind the payload it may grow, once we are back before it the payload would be lost.
    this.#room(6);
    const start = this.#start + offset;
    const end = this.#pos;
    const length = end - start;
    const header = extHeaderBytes(length);
    if (header !== 3) this.#bytes.copyWithin(start - 3 + header, start, end);
    this.#pos = start - 3;
    this.#extHeader(code, length);
    this.#pos += length;
  }

  #extHeader(code: number, length: number): void {
    this.#room(6);
    const bytes = this.#bytes;
    if (extHeaderBytes(length) === 2) bytes[this.#pos++] = 0xd4 + Math.log2(length);
    else this.#sized(0xc7, 0xc8, 0xc9, length);
    bytes[this.#pos++] = code;
  }

  #textExt(code: number, text: string): void {
    const bytes = utf8.encode(text);
    this.#extHeader(code, bytes.length);
    this.#raw(bytes);
  }

  #nested(code: number, items: readonly unknown[], depth: number): void {
    const start = this.#beginExt();
    this.#array(items, depth);
    this.#endExt(code, start);
  }

  #set(code: number, items: ReadonlySet<unknown>, depth: number): void {
    this.#enter(items, depth);
    if (items.size > this.#left) this.#tooMany(items.size);
    const start = this.#beginExt();
    this.#arrayHeader(items.size);
    let i = 0;
    for (const item of items) {
      this.#trail[depth - 1] = i++;
      this.#value(item, depth);
    }
    this.#endExt(code, start);
    this.#open.pop();
  }

  #ref(id: number): void {
    const start = this.#beginExt();
    this.#arrayHeader(1);
    this.#number(id);
    this.#endExt(Extension.ref, start);
  }

  #function(value: (...args: never[]) => unknown): void {
    if (this.#refs.encodeFunction === undefined) throw this.#refuse(value, refusal(value));
    const { number, name, flags, session } = this.#refs.encodeFunction(value);
    const start = this.#beginExt();
    this.#arrayHeader(4);
    this.#number(number);
    this.#text(name.toWellFormed());
    this.#number(flags);
    this.#text(session);
    this.#endExt(Extension.callback, start);
  }

  #binary(bytes: Uint8Array): void {
    if (bytes.length >= OUT_OF_BAND_BYTES && this.#buffers.length < MAX_BUFFERS) {
      this.#bufferBytes += bytes.length;
      this.#checkFrame(this.#pos);
      const start = this.#beginExt();
      this.#room(9);
      this.#unsigned(this.#buffers.length);
      this.#endExt(Extension.buffer, start);
      this.#buffers.push(bytes);
      return;
    }
    this.#room(5);
    this.#sized(0xc4, 0xc5, 0xc6, bytes.length);
    this.#raw(bytes);
  }

  #ndarray(dtype: string, shape: readonly number[], order: "C" | "F", bytes: Uint8Array): void {
    const start = this.#beginExt();
    this.#arrayHeader(4);
    this.#text(dtype);
    this.#arrayHeader(shape.length);
    for (const length of shape) this.#number(length);
    this.#text(order);
    this.#binary(bytes);
    this.#endExt(Extension.ndarray, start);
  }

  /** Runs a conversion and adds the place to what it finds wrong. */
  #checked<T>(value: unknown, convert: () => T): T {
    try {
      return convert();
    } catch (error) {
      throw error instanceof Unencodable ? this.#refuse(value, error) : error;
    }
  }

  #object(value: object, depth: number): void {
    const bytes = this.#checked(value, () => asBytes(value));
    if (bytes !== undefined) {
      this.#binary(bytes);
      return;
    }
    if (ArrayBuffer.isView(value)) {
      const view = value as Float64Array;
      const dtype = dtypeOfView(view);
      if (dtype === undefined) throw this.#refuse(value, refusal(value));
      this.#ndarray(dtype, [view.length], "C", this.#checked(value, () => steady(view)));
      return;
    }
    const id = this.#refs.encodeRef(value);
    if (id !== undefined) {
      this.#ref(id);
      return;
    }
    if (value instanceof Map) this.#pairs(value, value, value.size, depth);
    else if (value instanceof Set) {
      this.#set(value instanceof FrozenSet ? Extension.frozenset : Extension.set, value, depth);
    } else if (value instanceof NdArray) {
      this.#ndarray(value.dtype, value.shape, value.order, this.#checked(value, () => steady(value.bytes)));
    } else if (value instanceof PyFloat) {
      this.#extHeader(Extension.float, 8);
      this.#room(8);
      this.#view.setFloat64(this.#pos, value.value);
      this.#pos += 8;
    } else if (value instanceof Complex) {
      this.#extHeader(Extension.complex, 16);
      this.#room(16);
      this.#view.setFloat64(this.#pos, value.re);
      this.#view.setFloat64(this.#pos + 8, value.im);
      this.#pos += 16;
    } else if (value instanceof Atom) this.#checked(value, () => this.#text(value.name));
    else if (value instanceof Decimal) this.#textExt(Extension.decimal, value.value);
    else if (value instanceof Date) this.#textExt(Extension.datetime, this.#checked(value, () => jsDateText(value)));
    else if (value instanceof Slice) this.#nested(Extension.slice, [value.start, value.stop, value.step], depth);
    else if (value instanceof EllipsisType) this.#extHeader(Extension.ellipsis, 0);
    else if (value instanceof ArrowData) this.#arrow(value);
    else if (value instanceof OpaqueValue) {
      if (typeof value.tag !== "number") {
        throw this.#refuse(value, new Unencodable("it came in tagged JSON", "send it back over the same carrier"));
      }
      this.#extHeader(value.tag, value.payload.length as number);
      this.#raw(value.payload as Uint8Array);
    } else {
      const table = arrowDataOf(value);
      if (table !== undefined) this.#arrow(table);
      else this.#time(value);
    }
  }

  #arrow(value: ArrowData): void {
    const data = this.#checked(value, () => steady(value.data));
    const start = this.#beginExt();
    this.#arrayHeader(2);
    this.#text(value.library);
    this.#binary(data);
    this.#endExt(Extension.arrow, start);
  }

  #time(value: object): void {
    const [code, text] = this.#checked(value, (): [number, string] => {
      switch (tagName(value)) {
        case "Temporal.PlainDateTime":
          return [Extension.datetime, plainDateTimeText(value as Temporal.PlainDateTime)];
        case "Temporal.ZonedDateTime":
          return [Extension.datetime, zonedDateTimeText(value as Temporal.ZonedDateTime)];
        case "Temporal.Instant":
          return [Extension.datetime, instantText(value as Temporal.Instant)];
        case "Temporal.PlainDate":
          return [Extension.date, dateText(value as Temporal.PlainDate)];
        case "Temporal.PlainTime":
          return [Extension.time, timeText(value as Temporal.PlainTime)];
        case "Temporal.Duration":
          return [Extension.timedelta, ""];
        default:
          throw refusal(value);
      }
    });
    if (code !== Extension.timedelta) {
      this.#textExt(code, text);
      return;
    }
    const parts = this.#checked(value, () => timedeltaParts(value as Temporal.Duration));
    const start = this.#beginExt();
    this.#arrayHeader(3);
    for (const part of parts) this.#number(part);
    this.#endExt(code, start);
  }
}

/** Writes text as UTF-8, which takes up to three bytes a unit; gives where it ends, or -1 at a lone surrogate. */
function writeText(text: string, bytes: Uint8Array, at: number): number {
  const length = text.length;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return writeUnits(text, i, bytes, at + i);
    bytes[at + i] = unit;
  }
  return at + length;
}

/** The same from a unit on that is no ASCII. */
function writeUnits(text: string, from: number, bytes: Uint8Array, at: number): number {
  const length = text.length;
  let pos = at;
  for (let i = from; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) bytes[pos++] = unit;
    else if (unit < 0x800) {
      bytes[pos] = 0xc0 | unit >> 6;
      bytes[pos + 1] = 0x80 | unit & 63;
      pos += 2;
    } else if (unit < 0xd800 || unit >= 0xe000) {
      bytes[pos] = 0xe0 | unit >> 12;
      bytes[pos + 1] = 0x80 | unit >> 6 & 63;
      bytes[pos + 2] = 0x80 | unit & 63;
      pos += 3;
    } else {
      const low = ++i < length ? text.charCodeAt(i) : 0;
      if (unit >= 0xdc00 || low < 0xdc00 || low >= 0xe000) return -1;
      const point = 0x10000 + (unit - 0xd800 << 10 | low - 0xdc00);
      bytes[pos] = 0xf0 | point >> 18;
      bytes[pos + 1] = 0x80 | point >> 12 & 63;
      bytes[pos + 2] = 0x80 | point >> 6 & 63;
      bytes[pos + 3] = 0x80 | point & 63;
      pos += 4;
    }
  }
  return pos;
}

function textHeaderBytes(length: number): number {
  return length < 32 ? 1 : length < 0x100 ? 2 : length < 0x10000 ? 3 : 5;
}

function extHeaderBytes(length: number): number {
  if (length === 1 || length === 2 || length === 4 || length === 8 || length === 16) return 2;
  return length < 0x100 ? 3 : length < 0x10000 ? 4 : 6;
}
