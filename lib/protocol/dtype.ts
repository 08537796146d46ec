import { Undecodable } from "./protocol_errors.ts";

/** A numpy dtype, taken apart. */
export interface DTypeInfo {
  /** numpy's `dtype.str`, with the byte order written out: `<f8`, `>i4`, `|b1`, `<U5`, `<M8[ns]`. */
  readonly name: string;
  /** numpy's kind: bool, signed, unsigned, float, complex, datetime, timedelta, unicode, bytes. */
  readonly kind: "b" | "i" | "u" | "f" | "c" | "M" | "m" | "U" | "S";
  /** Bytes of one item. */
  readonly itemsize: number;
  /** Whether items are stored with the most significant byte first. */
  readonly bigEndian: boolean;
  /** Unit of a datetime64 or timedelta64, such as `ns`; undefined for others. */
  readonly unit: string | undefined;
}

const DTYPE =
  /^([<>|=]?)(?:(b1|[iu][1248]|f(?:2|4|8|12|16)|c(?:8|16|24|32))|([Mm])8(?:\[([^\]]{1,24})\])?|([US])(\d{1,9}))$/;
const UNIT = /^\d*(?:Y|M|W|D|h|m|s|ms|us|μs|ns|ps|fs|as|generic)(?:\/\d+)?$/;

/** Names people write, beside numpy's own short ones. */
const ALIASES: Readonly<Record<string, string>> = {
  bool: "|b1",
  int8: "|i1",
  int16: "<i2",
  int32: "<i4",
  int64: "<i8",
  int: "<i8",
  uint8: "|u1",
  uint16: "<u2",
  uint32: "<u4",
  uint64: "<u8",
  float16: "<f2",
  float32: "<f4",
  float64: "<f8",
  float: "<f8",
  complex64: "<c8",
  complex128: "<c16",
  complex: "<c16",
};

const known = new Map<string, DTypeInfo>();

/** Takes a dtype apart; undefined when the protocol has no such dtype. */
export function findDType(text: string): DTypeInfo | undefined {
  const cached = known.get(text);
  if (cached !== undefined) return cached;
  const match = DTYPE.exec(Object.hasOwn(ALIASES, text) ? ALIASES[text]! : text);
  if (match === null) return undefined;
  const [, order, numeric, time, unit, text_, length] = match;
  if (unit !== undefined && !UNIT.test(unit)) return undefined;
  const kind = (numeric?.[0] ?? time ?? text_) as DTypeInfo["kind"];
  const itemsize = numeric !== undefined
    ? Number(numeric.slice(1))
    : time !== undefined
    ? 8
    : Number(length) * (kind === "U" ? 4 : 1);
  const single = kind === "S" || (itemsize === 1 && kind !== "U");
  const bigEndian = order === ">" && !single;
  const info: DTypeInfo = {
    name: `${single ? "|" : bigEndian ? ">" : "<"}${match[0].slice(order!.length)}`,
    kind,
    itemsize,
    bigEndian,
    unit: time === undefined ? undefined : unit ?? "generic",
  };
  // The number of dtypes in one program is small, but text dtypes carry a length, and a peer chooses it.
  if (known.size < 256) known.set(text, info);
  return info;
}

/**
 * Takes apart numpy's `dtype.str`, or a name such as `float64`.
 *
 * @throws {TypeError} if the protocol has no such dtype.
 *
 * @example Ask for the size of an item
 * ```ts
 *
 * console.log(parseDType("<c16").itemsize); // 16
 * ```
 */
export function parseDType(text: string): DTypeInfo {
  const info = findDType(text);
  if (info === undefined) {
    throw new TypeError(
      `Cannot use dtype ${JSON.stringify(text)}: expected one such as "<f8", "int64", "|b1" or "<U5"`,
    );
  }
  return info;
}

/** The dtype of decoded text. */
export function decodeDType(text: unknown): DTypeInfo {
  const info = typeof text === "string" ? findDType(text) : undefined;
  if (info === undefined) {
    // Not `String(text)`: a dict with a key `toString` makes that raise.
    const shown = typeof text === "string" ? text.slice(0, 100) : `of type ${typeof text}`;
    throw new Undecodable(`ndarray has dtype ${shown}, which has no encoding`);
  }
  return info;
}
