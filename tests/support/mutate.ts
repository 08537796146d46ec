import type { Random } from "./random.ts";

/** Bytes that begin something large, something that never is, or something signed. */
const SHARP = [
  0x00,
  0x01,
  0x7f,
  0x80,
  0x8f,
  0x90,
  0x91,
  0x9f,
  0xa0,
  0xbf,
  0xc0,
  0xc1,
  0xc4,
  0xc5,
  0xc6,
  0xc7,
  0xc8,
  0xc9,
  0xca,
  0xcb,
  0xcf,
  0xd3,
  0xd4,
  0xd8,
  0xd9,
  0xda,
  0xdb,
  0xdc,
  0xdd,
  0xde,
  0xdf,
  0xe0,
  0xff,
]; // deno-fmt-ignore

/** What lengths lie about. */
const LENGTHS = [0, 1, 2, 0xff, 0x100, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** Damages bytes in one to four ways; `others` lend what is spliced in. */
export function mutate(random: Random, original: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  let bytes = new Uint8Array(original);
  for (let left = random.between(1, 4); left > 0; left--) bytes = damage(random, bytes, others);
  return bytes;
}

function damage(
  random: Random,
  bytes: Uint8Array<ArrayBuffer>,
  others: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const at = random.below(bytes.length + 1);
  const until = Math.min(bytes.length, at + random.between(1, random.oneIn(4) ? 64 : 4));
  switch (random.below(9)) {
    case 0:
      if (at < bytes.length) bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 1:
    case 2:
      if (at < bytes.length) bytes[at] = random.pick(SHARP);
      return bytes;
    case 3:
      return bytes.slice(0, at);
    case 4:
      return joined(bytes.subarray(0, at), bytes.subarray(until));
    case 5:
      return joined(bytes.subarray(0, until), bytes.subarray(at));
    case 6: {
      // A length that lies, of 1, 2, 4 or 8 bytes, in either order.
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const width = random.pick([1, 2, 4, 8]);
      if (at + width > bytes.length) return bytes;
      const length = random.pick(LENGTHS);
      if (width === 8) view.setBigUint64(at, BigInt(length) << BigInt(random.pick([0, 16, 32])), random.oneIn(2));
      else if (width === 4) view.setUint32(at, length, random.oneIn(2));
      else if (width === 2) view.setUint16(at, length, random.oneIn(2));
      else view.setUint8(at, length);
      return bytes;
    }
    case 7: {
      const other = random.pick(others);
      const from = random.below(other.length + 1);
      const end = Math.min(other.length, from + random.below(64));
      return joined(bytes.subarray(0, at), other.subarray(from, end), bytes.subarray(random.oneIn(2) ? at : until));
    }
    default: {
      // Something inside itself, many times.
      const head = random.pick([[0x91], [0x81, 0xa1, 0x61], [0xd4, 0x03], [0xd5, 0x06, 0x91], [0xc7, 0xff, 0x03]]);
      const times = random.pick([1, 3, 40, 600]);
      return joined(
        bytes.subarray(0, at),
        Uint8Array.from({ length: times * head.length }, (_, i) => head[i % head.length]!),
        bytes.subarray(at),
      );
    }
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const ODD_JSON: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  2 ** 60,
  "",
  "x",
  "1",
  "-0.0",
  "nan",
  [],
  [[]],
  {},
  "AAAA",
  "AA==",
  "\ud800",
  [1, 2],
  { __type__: "int" },
  { __type__: 5 },
  { __type__: "atom", value: "ok" },
  "2024-02-30",
  "99999-01-01T00:00:00",
]; // deno-fmt-ignore

/** Damages a structure of JSON in one to three places. */
export function mutateJson(random: Random, original: unknown, others: readonly unknown[]): unknown {
  const root = { json: structuredClone(original) };
  for (let left = random.between(1, 3); left > 0; left--) {
    // Down a random way, to a place that is then changed.
    let place: Record<string, unknown> = root;
    let key = "json";
    for (let depth = random.below(8); depth > 0; depth--) {
      const inner = place[key];
      if (typeof inner !== "object" || inner === null || Object.keys(inner).length === 0) break;
      place = inner as Record<string, unknown>;
      key = random.pick(Object.keys(place));
    }
    const found = place[key];
    switch (random.below(6)) {
      case 0:
        place[key] = structuredClone(random.pick(ODD_JSON));
        break;
      case 1:
        place[key] = structuredClone(random.pick(others));
        break;
      case 2:
        if (place !== root) delete place[key];
        break;
      case 3:
        if (typeof found === "string") {
          const at = random.below(found.length + 1);
          place[key] = found.slice(0, at) + random.pick(["", "0", "-", "é", "\ud800", "=", "Z"]) + found.slice(at + random.below(2));
        } else place[key] = [found, found];
        break;
      case 4:
        place[random.pick(["__type__", "__schema__", "value", "items", "pairs", "data", "shape"])] = structuredClone(random.pick(ODD_JSON));
        break;
      default:
        for (let times = random.pick([1, 3, 600]); times > 0; times--) place[key] = [place[key]];
    }
  }
  return root.json;
}
