// Shared by the tests of this folder: reads proto/vectors and compares values without trusting the codecs.
import { readFileSync } from "node:fs";
import * as protocol from "./mod.ts";
import type { LimitOptions, Limits, RefPort } from "./mod.ts";

/** Hex text, or parts of it with repetition. */
export type Hex = string | readonly (string | { readonly repeat: string; readonly times: number })[];

/** One case of values.json. */
export interface ValueVector {
  readonly name: string;
  readonly js: string | null;
  readonly msgpack: Hex;
  readonly buffers?: readonly Hex[];
  readonly json?: unknown;
  readonly jsonFromHost?: unknown;
  readonly direction?: "both" | "toWorker" | "toHost" | "decode";
}

/** values.json. */
export interface ValueVectors {
  readonly vectors: readonly ValueVector[];
  readonly jsonOnly: readonly { readonly name: string; readonly json: unknown; readonly js: string | null }[];
}

/** frames.json. */
export interface FrameVectors {
  readonly vectors: readonly {
    readonly name: string;
    readonly route: string;
    readonly js: string;
    readonly frame: Hex;
  }[];
}

/** malformed.json. */
export interface MalformedVectors {
  readonly values: readonly { readonly name: string; readonly value: string }[];
  readonly limits: readonly {
    readonly name: string;
    readonly value: Hex;
    readonly limit: string;
    readonly limits: LimitOptions;
  }[];
  readonly messages: readonly { readonly name: string; readonly body: string }[];
  readonly frames: readonly {
    readonly name: string;
    readonly frame: string;
    readonly limits: LimitOptions;
    readonly limit: string | null;
  }[];
}

/** Reads one of the vector files. */
export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../proto/vectors/${name}`, import.meta.url), "utf8")) as T;
}

/** Bytes from hex. */
export function bytes(hex: Hex): Uint8Array<ArrayBuffer> {
  const text = typeof hex === "string"
    ? hex
    : hex.map((part) => typeof part === "string" ? part : part.repeat.repeat(part.times)).join("");
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

/** Hex from bytes. */
export function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Stands for a remote object in these tests. */
export class TestRef {
  constructor(
    readonly id: number,
    readonly type: string,
    readonly repr: string | null,
    readonly traits: number,
  ) {}
}

/** A keeper of {@linkcode TestRef}s. */
export const refs: RefPort = {
  encodeRef: (value) => value instanceof TestRef ? value.id : undefined,
  decodeRef: (id, type, repr, traits) => new TestRef(id, type, repr, traits),
};

/** A codec with {@linkcode refs}. */
export function codec(options: LimitOptions = {}): protocol.MessageCodec {
  return new protocol.MessageCodec(protocol.resolveLimits(options), refs);
}

/** The frames in a stream. */
export function frames(chunks: readonly Uint8Array[], limits: Limits = protocol.resolveLimits()): Uint8Array[][] {
  const found: Uint8Array[][] = [];
  const reader = new protocol.FrameReader(limits, (body, buffers) => found.push([new Uint8Array(body), ...buffers]));
  for (const chunk of chunks) reader.push(chunk);
  if (!reader.atBoundary) throw new Error("the stream ends inside a frame");
  return found;
}

const names: Record<string, unknown> = {
  ...protocol,
  bytes,
  ref: (id: number, type: string, repr: string | null, traits: number) => new TestRef(id, type, repr, traits),
};

/** Evaluates an expression of a vector file. */
export function evaluate(expression: string): unknown {
  return new Function(...Object.keys(names), `return (${expression})`)(...Object.values(names));
}

/**
 * Text that is equal for equal values alone: it tells 0 from -0, a number from a bigint, and Temporal objects from each
 * other, which deepEqual takes for equal because they have no properties.
 */
export function describeValue(value: unknown): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object" || value === null) return String(value);
  const name = value.constructor?.name ?? "null";
  if (Array.isArray(value)) return `${name}[${value.map(describeValue).join()}]`;
  if (value instanceof Map) {
    return `${name}{${Array.from(value, ([key, item]) => `${describeValue(key)}=>${describeValue(item)}`).join()}}`;
  }
  if (value instanceof Set) return `${name}{${Array.from(value, describeValue).join()}}`;
  if (value instanceof Uint8Array) return `bytes(${hex(value)})`;
  if (value instanceof protocol.NdArray) {
    return `${name}(${value.dtype},[${value.shape}],${value.order},${hex(value.bytes)})`;
  }
  const tag = (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  if (typeof tag === "string" && tag.startsWith("Temporal.")) return `${tag}(${value})`;
  return `${name}{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${describeValue(item)}`)}}`;
}
