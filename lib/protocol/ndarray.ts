import { showAsText } from "./inspect.ts";
import { type DTypeInfo, parseDType } from "./dtype.ts";
import { Complex } from "./number_values.ts";

/** The typed arrays that hold numpy items one to one. */
export type NumericArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float16Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/**
 * One item of an {@linkcode NdArray}. Times are counts of their unit, of which the least, -(2n ** 63n), is `NaT`; `|S` items
 * are text of one character per byte.
 */
export type NdItem = number | bigint | boolean | string | Complex;

/** What {@linkcode NdArray.toNested} gives: an item for no dimension, else arrays in arrays. */
export type Nested<T> = T | Nested<T>[];

/** Items, or arrays of them in arrays of equal length. */
export type NestedInput = Nested<NdItem> | readonly NestedInput[];

/** Options for {@linkcode NdArray.from}. */
export interface NdArrayFromOptions {
  /**
   * numpy's `dtype.str`, or a name such as `float32`.
   *
   * @default the typed array's own; for nested arrays what `numpy.array` would choose
   */
  dtype?: string;
  /**
   * Lengths of the dimensions.
   *
   * @default one dimension for typed arrays; for nested arrays the lengths found
   */
  shape?: readonly number[];
}

const NATIVE = {
  b1: Uint8Array,
  i1: Int8Array,
  u1: Uint8Array,
  i2: Int16Array,
  u2: Uint16Array,
  i4: Int32Array,
  u4: Uint32Array,
  i8: BigInt64Array,
  u8: BigUint64Array,
  f4: Float32Array,
  f8: Float64Array,
  c8: Float32Array,
  c16: Float64Array,
  M8: BigInt64Array,
  m8: BigInt64Array,
} as const;

/** The dtype of a typed array; undefined for those that are bytes. */
export function dtypeOfView(view: ArrayBufferView): string | undefined {
  switch (tagOf(view)) {
    case "Int8Array":
      return "|i1";
    case "Int16Array":
      return "<i2";
    case "Uint16Array":
      return "<u2";
    case "Int32Array":
      return "<i4";
    case "Uint32Array":
      return "<u4";
    case "BigInt64Array":
      return "<i8";
    case "BigUint64Array":
      return "<u8";
    case "Float16Array":
      return "<f2";
    case "Float32Array":
      return "<f4";
    case "Float64Array":
      return "<f8";
    default:
      return undefined;
  }
}

/** The true name of a typed array, whatever its subclass says. */
function tagOf(view: ArrayBufferView): string | undefined {
  return (view as { [Symbol.toStringTag]?: string })[Symbol.toStringTag];
}

/** Bytes in one chunk of `itemsize` turned around, into memory of their own. */
function swapped(bytes: Uint8Array, itemsize: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes);
  if (itemsize > 1) {
    for (let start = 0; start < out.length; start += itemsize) out.subarray(start, start + itemsize).reverse();
  }
  return out;
}

/**
 * A numpy array in the host's memory.
 *
 * `data` is a typed array over the items in memory order; writing to it changes what is sent back to Python.
 *
 * @example Make one and read it
 * ```ts
 * import { NdArray } from "@snakebridge/snakebridge";
 *
 * const grid = NdArray.from([[1, 2, 3], [4, 5, 6]]);
 * console.log(grid.dtype, grid.shape, grid.item(1, 0)); // <i8 [ 2, 3 ] 4
 * ```
 */
export class NdArray<T extends NdItem = NdItem> implements Iterable<T | NdArray<T>> {
  static {
    showAsText(this);
  }

  /** numpy's `dtype.str`, such as `<f8`. */
  readonly dtype: string;
  /** Lengths of the dimensions; empty for a single item without dimension. */
  readonly shape: readonly number[];
  /** Memory order: rows (`C`) or columns (`F`) next to each other. */
  readonly order: "C" | "F";
  /** Number of items. */
  readonly size: number;
  readonly #info: DTypeInfo;
  readonly #bytes: Uint8Array;
  #data: NumericArray | readonly string[] | undefined;
  /** Set when `data` is not a view of `#bytes` and may have been written to since. */
  #detached = false;

  /**
   * Wraps the bytes of an array; they are not copied when they are aligned.
   *
   * @throws {TypeError} if the dtype is unknown.
   * @throws {RangeError} if the number of bytes does not fit the shape.
   */
  constructor(dtype: string, shape: readonly number[], bytes: Uint8Array, order: "C" | "F" = "C") {
    const info = parseDType(dtype);
    const size = sizeOf(shape);
    if (size * info.itemsize !== bytes.byteLength) {
      throw new RangeError(
        `Cannot make NdArray: shape [${shape.join(", ")}] of ${info.name} needs ${
          size * info.itemsize
        } bytes, got ${bytes.byteLength}`,
      );
    }
    this.dtype = info.name;
    this.shape = Object.freeze([...shape]);
    this.order = order;
    this.size = size;
    this.#info = info;
    this.#bytes = bytes;
  }

  /**
   * Makes an array of nested arrays, of a typed array (which is not copied unless the dtype differs), or of one item.
   *
   * @throws {TypeError} if rows differ in length, or items do not fit the dtype.
   * @throws {RangeError} if the number of items does not fit `shape`.
   */
  static from(source: NestedInput | NumericArray, options: NdArrayFromOptions = {}): NdArray {
    const { dtype, shape } = options;
    if (ArrayBuffer.isView(source)) {
      const own = dtypeOfView(source) ?? "|u1";
      if (dtype === undefined || parseDType(dtype).name === own) {
        return new NdArray(own, shape ?? [source.length], bytesOf(source));
      }
      return fromItems(Array.from(source as Iterable<number | bigint>), shape ?? [source.length], dtype);
    }
    const found: number[] = [];
    for (let level: unknown = source; Array.isArray(level); level = level[0]) found.push(level.length);
    const items: NdItem[] = [];
    flatten(source, found, 0, items, "$");
    return fromItems(items, shape ?? found, dtype ?? inferDType(items));
  }

  /** Number of dimensions. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Bytes of one item. */
  get itemsize(): number {
    return this.#info.itemsize;
  }

  /** Unit of a datetime64 or timedelta64, such as `ns`; undefined for other dtypes. */
  get unit(): string | undefined {
    return this.#info.unit;
  }

  /** Length of the first dimension; 0 when there is none. */
  get length(): number {
    return this.shape[0] ?? 0;
  }

  /** Bytes to step to the next item along each dimension. */
  get strides(): number[] {
    return this.#steps().map((step) => step * this.#info.itemsize);
  }

  /** The items in memory order as numpy stores them, byte order included. Not a copy for native byte order. */
  get bytes(): Uint8Array {
    if (!this.#detached) return this.#bytes;
    const view = this.#data as NumericArray;
    const raw = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
    return this.#info.bigEndian ? swapped(raw, view.BYTES_PER_ELEMENT) : raw;
  }

  /**
   * The items in memory order: `bool` as `Uint8Array`, `float16` as `Float16Array`, 64-bit integers, datetimes and
   * timedeltas as `BigInt64Array` or `BigUint64Array`, complex as interleaved floats, text as strings.
   *
   * @throws {TypeError} for long double, which has no typed array; use `astype("float64")` in Python.
   */
  get data(): NumericArray | readonly string[] {
    return this.#data ??= this.#view();
  }

  /**
   * One item; with no index, the only one.
   *
   * @throws {RangeError} if the indices do not name one item. Negative ones count from the end.
   */
  item(...indices: number[]): T {
    if (indices.length === 0 && this.size === 1) return this.#at(0);
    if (indices.length !== this.shape.length) {
      throw new RangeError(`Cannot get item: ${indices.length} indices for ${this.shape.length} dimensions`);
    }
    const steps = this.#steps();
    let place = 0;
    for (let axis = 0; axis < indices.length; axis++) {
      const length = this.shape[axis]!;
      const index = indices[axis]!;
      const at = index < 0 ? index + length : index;
      if (!Number.isInteger(at) || at < 0 || at >= length) {
        throw new RangeError(`Cannot get item: index ${index} is outside axis ${axis} of length ${length}`);
      }
      place += at * steps[axis]!;
    }
    return this.#at(place);
  }

  /** Plain values in nested arrays: what `ndarray.tolist()` gives. 64-bit integers are numbers where that is exact. */
  toNested(): Nested<T> {
    const steps = this.#steps();
    const build = (axis: number, place: number): Nested<T> => {
      if (axis === this.shape.length) return this.#at(place);
      const out: Nested<T>[] = [];
      const step = steps[axis]!;
      for (let i = 0; i < this.shape[axis]!; i++) out.push(build(axis + 1, place + i * step));
      return out;
    };
    return build(0, 0);
  }

  /** Goes along the first dimension: items of a one-dimensional array, else arrays with one dimension less. */
  *[Symbol.iterator](): Iterator<T | NdArray<T>> {
    if (this.shape.length === 0) throw new TypeError("Cannot iterate over NdArray: it has no dimension; use item()");
    if (this.shape.length === 1) {
      for (let i = 0; i < this.size; i++) yield this.#at(i);
      return;
    }
    const rows = this.order === "C" ? this : this.#toC();
    const rowShape = this.shape.slice(1);
    const rowBytes = sizeOf(rowShape) * this.#info.itemsize;
    for (let i = 0; i < this.shape[0]!; i++) {
      yield new NdArray<T>(this.dtype, rowShape, rows.bytes.subarray(i * rowBytes, (i + 1) * rowBytes));
    }
  }

  /** The nested values, for `JSON.stringify`; fails on bigints as JSON does. */
  toJSON(): Nested<T> {
    return this.toNested();
  }

  /** Dtype, shape and the first items. */
  toString(): string {
    const shown = (): string => {
      try {
        return this.#show(this.#steps(), 0, 0);
      } catch {
        return "...";
      }
    };
    return `NdArray(${this.dtype}, [${this.shape.join(", ")}]) ${shown()}`;
  }

  #show(steps: readonly number[], axis: number, place: number): string {
    if (axis === this.shape.length) return String(this.#at(place));
    const length = this.shape[axis]!;
    const most = axis === this.shape.length - 1 ? 8 : 4;
    const parts: string[] = [];
    for (let i = 0; i < Math.min(length, most); i++) parts.push(this.#show(steps, axis + 1, place + i * steps[axis]!));
    if (length > most) parts.push(`... ${length - most} more`);
    return `[${parts.join(", ")}]`;
  }

  /** Items to step along each dimension. */
  #steps(): number[] {
    const steps = new Array<number>(this.shape.length);
    let step = 1;
    for (let i = 0; i < this.shape.length; i++) {
      const axis = this.order === "F" ? i : this.shape.length - 1 - i;
      steps[axis] = step;
      step *= this.shape[axis]!;
    }
    return steps;
  }

  #toC(): NdArray<T> {
    const { itemsize } = this.#info;
    const from = this.bytes;
    const out = new Uint8Array(from.length);
    const steps = this.#steps();
    let place = 0;
    const copy = (axis: number, source: number): void => {
      if (axis === this.shape.length) {
        out.set(from.subarray(source * itemsize, (source + 1) * itemsize), place);
        place += itemsize;
        return;
      }
      for (let i = 0; i < this.shape[axis]!; i++) copy(axis + 1, source + i * steps[axis]!);
    };
    copy(0, 0);
    return new NdArray<T>(this.dtype, this.shape, out);
  }

  #view(): NumericArray | readonly string[] {
    const { kind, itemsize, bigEndian, name } = this.#info;
    if (kind === "U" || kind === "S") return Object.freeze(readText(this.#bytes, this.size, this.#info));
    const key = name.slice(1).replace(/\[.*/, "");
    const View = key === "f2" && typeof Float16Array === "function"
      ? Float16Array
      : NATIVE[key as keyof typeof NATIVE] as typeof NATIVE[keyof typeof NATIVE] | undefined;
    if (View === undefined) {
      throw new TypeError(`Cannot view ${name}: JavaScript has no such numbers; use astype("float64") in Python`);
    }
    const unit = View.BYTES_PER_ELEMENT;
    let bytes = this.#bytes;
    if (bigEndian) bytes = swapped(bytes, unit);
    else if (bytes.byteOffset % unit !== 0) bytes = new Uint8Array(bytes);
    this.#detached = bytes !== this.#bytes;
    return new View(bytes.buffer as ArrayBuffer, bytes.byteOffset, this.size * itemsize / unit);
  }

  #at(place: number): T {
    const data = this.data as ArrayLike<number | bigint | string>;
    const { kind } = this.#info;
    if (kind === "c") return new Complex(data[2 * place] as number, data[2 * place + 1] as number) as T;
    const item = data[place]!;
    if (kind === "b") return (item !== 0) as T;
    if (typeof item === "bigint" && (kind === "i" || kind === "u")) {
      const near = Number(item);
      return (Number.isSafeInteger(near) ? near : item) as T;
    }
    return item as T;
  }
}

/** Product of the lengths. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const length of shape) {
    if (!Number.isSafeInteger(length) || length < 0) {
      throw new RangeError(`Cannot use shape [${shape.join(", ")}]: lengths are integers from 0`);
    }
    size *= length;
  }
  if (!Number.isSafeInteger(size)) {
    throw new RangeError(`Cannot use shape [${shape.join(", ")}]: it has too many items`);
  }
  return size;
}

/** The bytes of any view. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}

function readText(bytes: Uint8Array, size: number, info: DTypeInfo): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const unit = info.kind === "U" ? 4 : 1;
  const out: string[] = [];
  for (let i = 0; i < size; i++) {
    let text = "";
    let end = i * info.itemsize;
    // numpy pads with zeros and drops them again when it reads an item.
    for (let last = end + info.itemsize - unit; last >= i * info.itemsize; last -= unit) {
      if ((unit === 4 ? view.getUint32(last) : view.getUint8(last)) !== 0) {
        end = last + unit;
        break;
      }
    }
    for (let at = i * info.itemsize; at < end; at += unit) {
      const point = unit === 4 ? view.getUint32(at, !info.bigEndian) : view.getUint8(at);
      text += point > 0x10ffff ? "\ufffd" : String.fromCodePoint(point);
    }
    out.push(text);
  }
  return out;
}

function flatten(source: unknown, shape: readonly number[], axis: number, out: NdItem[], path: string): void {
  if (Array.isArray(source) !== axis < shape.length) {
    throw new TypeError(`Cannot make NdArray: ${path} is nested to another depth than its neighbours`);
  }
  if (!Array.isArray(source)) {
    out.push(source as NdItem);
    return;
  }
  if (source.length !== shape[axis]) {
    throw new TypeError(`Cannot make NdArray: ${path} has ${source.length} items, its neighbours ${shape[axis]}`);
  }
  for (let i = 0; i < source.length; i++) flatten(source[i], shape, axis + 1, out, `${path}[${i}]`);
}

/** The dtype `numpy.array` would choose. */
function inferDType(items: readonly NdItem[]): string {
  let longest = 0;
  let rank = -1; // bool, int, uint64, float, complex, text
  for (const item of items) {
    let own: number;
    if (typeof item === "boolean") own = 0;
    else if (typeof item === "bigint") own = item > 0x7fff_ffff_ffff_ffffn ? 2 : 1;
    else if (typeof item === "number") own = Number.isSafeInteger(item) && !Object.is(item, -0) ? 1 : 3;
    else if (item instanceof Complex) own = 4;
    else if (typeof item === "string") {
      own = 5;
      longest = Math.max(longest, [...item].length);
    } else throw new TypeError(`Cannot make NdArray: an item is ${item === null ? "null" : typeof item}`);
    if (rank !== -1 && (own === 5) !== (rank === 5)) {
      throw new TypeError("Cannot make NdArray: text and numbers are mixed");
    }
    if (own > rank) rank = own;
  }
  return ["<f8", "|b1", "<i8", "<u8", "<f8", "<c16", `<U${Math.max(longest, 1)}`][rank + 1]!;
}

function fromItems(items: readonly NdItem[], shape: readonly number[], dtype: string): NdArray {
  const info = parseDType(dtype);
  if (sizeOf(shape) !== items.length) {
    throw new RangeError(
      `Cannot make NdArray: shape [${shape.join(", ")}] has no room for exactly ${items.length} items`,
    );
  }
  const bytes = new Uint8Array(items.length * info.itemsize);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < items.length; i++) writeItem(view, i * info.itemsize, items[i]!, info);
  return new NdArray(dtype, shape, bytes);
}

const INTEGER_RANGE: Readonly<Record<string, readonly [bigint, bigint]>> = Object.fromEntries(
  [8, 16, 32, 64].flatMap((bits) => {
    const half = 1n << BigInt(bits - 1);
    return [[`i${bits / 8}`, [-half, half - 1n]], [`u${bits / 8}`, [0n, half * 2n - 1n]]];
  }),
);

function writeItem(view: DataView, at: number, item: NdItem, info: DTypeInfo): void {
  const little = !info.bigEndian;
  const misfit = (): TypeError => new TypeError(`Cannot make NdArray: ${String(item)} does not fit ${info.name}`);
  const { kind, itemsize } = info;
  if (kind === "U" || kind === "S") {
    if (typeof item !== "string") throw misfit();
    const points = [...item].map((char) => char.codePointAt(0)!);
    const unit = kind === "U" ? 4 : 1;
    if (points.length * unit > itemsize || (unit === 1 && points.some((point) => point > 255))) throw misfit();
    for (const point of points) {
      if (unit === 4) view.setUint32(at, point, little);
      else view.setUint8(at, point);
      at += unit;
    }
    return;
  }
  if (typeof item === "string") throw misfit();
  if (kind === "c" || kind === "f") {
    const put = (place: number, size: number, value: number): void => {
      if (size === 8) view.setFloat64(place, value, little);
      else if (size === 4) view.setFloat32(place, value, little);
      else if (size === 2 && typeof view.setFloat16 === "function") view.setFloat16(place, value, little);
      else throw misfit();
    };
    if (kind === "f") {
      if (item instanceof Complex) throw misfit();
      put(at, itemsize, Number(item));
    } else {
      put(at, itemsize / 2, item instanceof Complex ? item.re : Number(item));
      put(at + itemsize / 2, itemsize / 2, item instanceof Complex ? item.im : 0);
    }
    return;
  }
  if (item instanceof Complex) throw misfit();
  if (kind === "b") {
    view.setUint8(at, item ? 1 : 0);
    return;
  }
  if (typeof item === "number" && !Number.isInteger(item)) throw misfit();
  const whole = BigInt(item);
  const [low, high] = INTEGER_RANGE[kind === "M" || kind === "m" ? "i8" : `${kind}${itemsize}`]!;
  if (whole < low || whole > high) throw misfit();
  if (itemsize === 8) view.setBigInt64(at, BigInt.asIntN(64, whole), little);
  else if (itemsize === 4) view.setInt32(at, Number(whole), little);
  else if (itemsize === 2) view.setInt16(at, Number(whole), little);
  else view.setInt8(at, Number(whole));
}
