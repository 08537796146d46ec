import {
  Complex,
  Decimal,
  Ellipsis,
  float,
  FrozenSet,
  NdArray,
  OpaqueValue,
  PyFloat,
  type PyInput,
  Slice,
  Tuple,
} from "../../mod.ts";
import type { Random } from "./random.ts";

/** A value for Python, and what it comes back as. */
export interface Case {
  /** What is sent. */
  readonly value: unknown;
  /** What must come back; often the same object. */
  readonly back: unknown;
}

/** What may be generated. */
export interface GenerateOptions {
  /** The encoding: unknown tags look different in each. */
  readonly encoding: "msgpack" | "json";
  /** Containers inside containers, at most. */
  readonly depth?: number;
}

/** Makes one value of the whole model (`proto/PROTOCOL.md`, sections 5.1 to 5.3). */
export function generate(random: Random, options: GenerateOptions): Case {
  const { depth = 4 } = options;
  if (depth > 0 && !random.oneIn(3)) return container(random, { ...options, depth: depth - 1 });
  return random.oneIn(3) ? rich(random, options) : plain(random);
}

function same(value: unknown): Case {
  return { value, back: value };
}

function sized(random: Random): number {
  return random.oneIn(12) ? random.between(15, 40) : random.below(5);
}

function container(random: Random, options: GenerateOptions): Case {
  const count = sized(random);
  const items = () => Array.from({ length: count }, () => generate(random, options));
  switch (random.below(9)) {
    case 0:
    case 1:
      return both(items(), (list) => list);
    case 2:
      return both(items(), (list) => new Tuple(list));
    case 3:
      return both(distinct(random, count), (list) => new Set(list));
    case 4:
      return both(distinct(random, count), (list) => new FrozenSet(list));
    case 5:
      return both(
        [generate(random, options), generate(random, options), generate(random, options)],
        ([start, stop, step]) => new Slice(start, stop, step),
      );
    case 6:
      return pairs(distinct(random, count), items());
    default:
      return record(random, items());
  }
}

function both(items: readonly Case[], make: (items: unknown[]) => unknown): Case {
  return { value: make(items.map(({ value }) => value)), back: make(items.map(({ back }) => back)) };
}

/** A dict with keys of any kind; one whose keys are ordinary text comes back as a plain object. */
function pairs(keys: readonly Case[], items: readonly Case[]): Case {
  const count = Math.min(keys.length, items.length);
  const made = Array.from({ length: count }, (_, i) => [keys[i]!, items[i]!] as const);
  const value = new Map(made.map(([key, item]) => [key.value, item.value]));
  const back = made.map(([key, item]) => [key.back, item.back] as const);
  return { value, back: asDict(back) };
}

/** What a Python dict arrives as. */
function asDict(entries: readonly (readonly [unknown, unknown])[]): unknown {
  return entries.every(([key]) => typeof key === "string" && !isMoved(key))
    ? Object.fromEntries(entries)
    : new Map(entries);
}

function isMoved(key: string): boolean {
  return key === "__proto__" || (/^(?:0|[1-9]\d{0,9})$/.test(key) && Number(key) < 4_294_967_295);
}

const ODD_KEYS = [
  "",
  "__proto__",
  "constructor",
  "toString",
  "__type__",
  "__schema__",
  "0",
  "7",
  "01",
  "4294967294",
  "4294967295",
  "-1",
  "1.5",
  "length",
  "then",
  "__class__",
  "é",
  "\0",
  "\ufeff",
  "🐍",
]; // deno-fmt-ignore

function record(random: Random, items: readonly Case[]): Case {
  const value: Record<string, unknown> = {};
  const found = new Map<string, unknown>();
  for (const item of items) {
    const key = random.oneIn(3) ? random.pick(ODD_KEYS) : text(random);
    // As if by a literal: an assignment would set the prototype.
    Object.defineProperty(value, key, { value: item.value, enumerable: true, writable: true, configurable: true });
    found.set(key, item.back);
  }
  if (random.oneIn(8)) {
    value.__type__ = random.pick(["tuple", "ref", "int", 5, null]);
    value.items = [1];
    found.set("__type__", value.__type__).set("items", [1]);
  }
  // JavaScript has moved keys that look like indices to the front.
  return { value, back: asDict(Object.keys(value).map((key) => [key, found.get(key)] as const)) };
}

/** Values that Python takes for keys, no two of them equal there. */
function distinct(random: Random, count: number): Case[] {
  const seen = new Set<string>();
  const out: Case[] = [];
  for (let i = 0; i < count; i++) {
    const made = hashable(random, 2);
    const name = show(made.back);
    if (!seen.has(name)) out.push(made);
    seen.add(name);
  }
  return out;
}

function hashable(random: Random, depth: number): Case {
  // No booleans, integral floats, decimals or complex numbers: 1, 1.0 and True are one key.
  switch (random.below(depth > 0 ? 8 : 6)) {
    case 0:
      return same(null);
    case 1:
      return same(random.below(20) + 0.5);
    case 2:
      return same(random.bytes(random.below(6)));
    case 3:
      return same(plainDate(random));
    case 4:
      return integer(random);
    case 5:
      return same(text(random));
    case 6:
      return both(
        Array.from({ length: random.below(3) }, () => hashable(random, depth - 1)),
        (list) => new Tuple(list),
      );
    default:
      return both(distinct(random, random.below(3)), (list) => new FrozenSet(list));
  }
}

const ODD_TEXTS = [
  "\ufffd",
  "\ufeff",
  "\u2028",
  "\0",
  '"',
  "\\",
  "\u007f",
  "ß",
  "漢",
  "🐍",
  "👩‍👩‍👧",
  "\u{10ffff}",
  "\r\n",
  "é",
];

function text(random: Random): string {
  const count = random.oneIn(40) ? random.pick([31, 32, 255, 256, 300, 65_536, 70_000]) : random.below(14);
  let out = "";
  const odd = random.oneIn(3);
  while (out.length < count) {
    out += odd && random.oneIn(2) ? random.pick(ODD_TEXTS) : String.fromCharCode(random.between(0x20, 0x7e));
  }
  return out;
}

const EDGES = [
  0n,
  1n,
  31n,
  32n,
  33n,
  127n,
  128n,
  255n,
  256n,
  32_767n,
  32_768n,
  65_535n,
  65_536n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n,
  2n ** 127n,
]; // deno-fmt-ignore

function integer(random: Random): Case {
  let value = random.pick(EDGES) + BigInt(random.between(-1, 1));
  if (random.oneIn(10)) value = BigInt(`0x1${Array.from(random.bytes(40), (byte) => byte.toString(16)).join("")}`);
  if (random.oneIn(2)) value = -value;
  const near = Number(value);
  // A small bigint is an int like any other, and comes back as a number.
  return Number.isSafeInteger(near) ? { value: random.oneIn(4) ? value : near + 0, back: near + 0 } : same(value);
}

function double(random: Random): number {
  const view = new DataView(random.bytes(8).buffer);
  const value = view.getFloat64(0);
  return Number.isInteger(value) && Math.abs(value) < 2 ** 53 ? value + 0.5 : value;
}

function plain(random: Random): Case {
  switch (random.below(12)) {
    case 0:
      return { value: random.oneIn(2) ? null : undefined, back: null };
    case 1:
      return same(random.oneIn(2));
    case 2:
    case 3:
    case 4:
      return integer(random);
    case 5:
      return same(double(random));
    case 6:
      return same(random.pick([NaN, Infinity, -Infinity, -0, 5e-324, Number.MAX_VALUE, 1e21, 2 ** 53, -1e300, 0.1]));
    case 7: {
      const value = random.pick([0, 1, -1, 2 ** 60, 1e20, -0, NaN, -Infinity, 1.5]);
      return { value: float(value), back: value };
    }
    case 8: {
      // Around the sizes from which on bytes travel beside the message.
      const count = random.oneIn(8) ? random.pick([4095, 4096, 4097, 9000]) : random.below(40);
      const data = random.bytes(count);
      return { value: random.oneIn(4) ? data.buffer : data, back: data };
    }
    default:
      return same(text(random));
  }
}

const ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "+05:30", "-11:00"];

function plainDate(random: Random): Temporal.PlainDate {
  return new Temporal.PlainDate(random.between(1, 9999), random.between(1, 12), random.between(1, 28));
}

function plainTime(random: Random): Temporal.PlainTime {
  const fraction = random.oneIn(2) ? [0, 0] : [random.below(1000), random.below(1000)];
  return new Temporal.PlainTime(random.below(24), random.below(60), random.below(60), ...fraction);
}

function milliseconds(random: Random): number {
  return random.between(0, 2 ** 31) * 1000 + random.below(1000);
}

const DECIMALS = [
  "0",
  "-0",
  "1.10",
  "19.90",
  "-123456789012345678901234567890.5",
  "1E+3",
  "1E-30",
  "NaN",
  "sNaN",
  "Infinity",
  "-Infinity",
  "0E-10",
]; // deno-fmt-ignore

function rich(random: Random, { encoding }: GenerateOptions): Case {
  switch (random.below(13)) {
    case 0:
      return same(new Complex(double(random), random.pick([0.5, -0, NaN, Infinity, 3])));
    case 1:
      return same(new Decimal(random.pick(DECIMALS)));
    case 2:
      return same(plainDate(random).toPlainDateTime(plainTime(random)));
    case 3: {
      const instant = Temporal.Instant.fromEpochMilliseconds(milliseconds(random));
      return same(instant.toZonedDateTimeISO(random.pick(ZONES)).add({ microseconds: random.below(1000) }));
    }
    case 4: {
      const date = new Date(milliseconds(random));
      const instant = Temporal.Instant.fromEpochMilliseconds(date.getTime());
      const back = instant.toZonedDateTimeISO("+00:00");
      return { value: random.oneIn(2) ? date : instant, back };
    }
    case 5:
      return same(plainDate(random));
    case 6:
      return same(plainTime(random));
    case 7: {
      const sign = random.oneIn(2) ? 1 : -1;
      return same(Temporal.Duration.from({
        days: sign * random.below(10_000),
        hours: sign * random.below(24),
        minutes: sign * random.below(60),
        seconds: sign * random.below(60),
        microseconds: sign * random.below(1000),
      }));
    }
    case 8:
      return same(Ellipsis);
    case 9:
      return same(
        encoding === "msgpack"
          ? new OpaqueValue(random.pick([-2, -128, 0, 20, 99, 127]), random.bytes(random.pick([0, 1, 2, 3, 4, 8, 16, 20])))
          : new OpaqueValue("of a later version", { __type__: "of a later version", __schema__: 1, any: [1, { a: [] }] }),
      );
    case 10: {
      const count = random.below(6);
      const typed = random.pick<ArrayBufferView<ArrayBuffer>>([
        new Float64Array(random.bytes(8 * count).buffer),
        new Int16Array(random.bytes(2 * count).buffer),
        new BigUint64Array(random.bytes(8 * count).buffer),
        new Uint32Array(random.bytes(4 * count).buffer),
      ]);
      return { value: typed, back: NdArray.from(typed as Float64Array<ArrayBuffer>) };
    }
    default:
      return ndarray(random);
  }
}

const DTYPES: readonly (readonly [name: string, itemsize: number])[] = [
  ["|b1", 1],
  ["|i1", 1],
  ["|u1", 1],
  ["<i2", 2],
  [">i2", 2],
  ["<u2", 2],
  ["<i4", 4],
  [">u4", 4],
  ["<i8", 8],
  [">i8", 8],
  ["<u8", 8],
  ["<f2", 2],
  [">f2", 2],
  ["<f4", 4],
  [">f4", 4],
  ["<f8", 8],
  [">f8", 8],
  ["<f16", 16],
  ["<c8", 8],
  [">c16", 16],
  ["<c32", 32],
  ["<M8[ns]", 8],
  [">M8[D]", 8],
  ["<M8[25us]", 8],
  ["<m8[ms]", 8],
  ["<m8", 8],
  ["<U3", 12],
  [">U2", 8],
  ["|S5", 5],
]; // deno-fmt-ignore

function ndarray(random: Random): Case {
  const [name, itemsize] = random.pick(DTYPES);
  const shape = Array.from({ length: random.below(4) }, () => random.below(5));
  if (random.oneIn(20)) shape.push(600);
  const count = shape.reduce((product, size) => product * size, 1);
  const data = random.bytes(count * itemsize);
  // Every byte is data to us, but numpy checks the characters of some texts.
  if (name.includes("U")) data.fill(0);
  if (name === "|b1") data.forEach((byte, i) => data[i] = byte & 1);
  const order = random.oneIn(2) ? "C" : "F";
  // An array that is contiguous both ways says so with C.
  const back = count > 0 && shape.filter((size) => size > 1).length > 1 ? order : "C";
  return { value: new NdArray(name, shape, data, order), back: new NdArray(name, shape, data, back) };
}

/**
 * Text that is equal for equal values alone: 0 and -0, 1 and 1n, an array and a tuple differ, the order of sets does
 * not matter. Knows nothing of the codecs.
 */
export function show(value: unknown): string {
  switch (typeof value) {
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return `${value}n`;
    case "string":
      return JSON.stringify(value);
    case "object":
      return value === null ? "null" : showObject(value);
    default:
      return String(value);
  }
}

function showObject(value: object): string {
  if (Array.isArray(value)) return `${value instanceof Tuple ? "tuple" : ""}[${value.map(show).join()}]`;
  if (value instanceof Map) return `map{${Array.from(value, ([key, item]) => `${show(key)}=>${show(item)}`).join()}}`;
  if (value instanceof Set) {
    return `${value instanceof FrozenSet ? "frozenset" : "set"}{${Array.from(value, show).sort().join()}}`;
  }
  if (value instanceof Uint8Array) return `bytes(${hex(value)})`;
  if (value instanceof NdArray) return `array(${value.dtype},[${value.shape}],${value.order},${hex(value.bytes)})`;
  if (value instanceof Complex) return `complex(${show(value.re)},${show(value.im)})`;
  if (value instanceof Decimal) return `decimal(${value.value})`;
  if (value instanceof Slice) return `slice(${show(value.start)},${show(value.stop)},${show(value.step)})`;
  if (value instanceof OpaqueValue) return `opaque(${value.tag},${show(value.payload)})`;
  if (value instanceof PyFloat) return `float(${show(value.value)})`;
  if (value === Ellipsis) return "...";
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (kind.startsWith("Temporal.")) return `${kind}(${value})`;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return `${kind}?`;
  return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${show(item)}`).join()}}`;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The same value, typed as what may be passed to Python. */
export function input(made: Case): PyInput {
  return made.value as PyInput;
}
