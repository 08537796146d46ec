import { NumericError, PythonError, SnakeBridgeError } from "../errors/mod.ts";
import { originOf } from "./origins.ts";

/** An error of the host as Python is told of it (proto/PROTOCOL.md 7.1). */
export type HostErrorDescription = Readonly<Record<string, unknown>>;

const MAX_CAUSES = 20;
const MAX_FRAMES = 100;
const MAX_TEXT = 65_536;

/**
 * Describes whatever was thrown.
 *
 * @param refs The references of the conversation it is sent in: an exception raised there is named by its call.
 */
export function describeHostError(thrown: unknown, refs: object): HostErrorDescription {
  return describe(thrown, refs, MAX_CAUSES);
}

/** Says that the body of a context manager was left for good without an error: its session ended. */
export function describeLeft(message: string): HostErrorDescription {
  return { kind: "left", name: "", message, stack: "" };
}

function describe(thrown: unknown, refs: object, depth: number): HostErrorDescription {
  if (!(thrown instanceof Error)) {
    return { kind: "error", name: thrown === null ? "null" : typeof thrown, message: text(show(thrown)), stack: "" };
  }
  // What `errorMode` made of an exception: Python is told of the exception.
  if (thrown instanceof NumericError && thrown.cause instanceof PythonError) return describe(thrown.cause, refs, depth);
  const { name, message, stack } = thrown;
  const said = { name: text(name), message: text(message), stack: text(stack) };
  const { cause } = thrown;
  const caused = cause === undefined || depth <= 1 ? {} : { cause: describe(cause, refs, depth - 1) };
  if (thrown instanceof PythonError) {
    const from = originOf(thrown);
    return {
      kind: "python",
      ...said,
      ...(from !== undefined && from.refs === refs ? { call: from.call } : {}),
      type: thrown.type,
      mro: thrown.mro,
      attributes: thrown.attributes,
      frames: thrown.frames.map(({ file, line, function: of }) => [file, line, of]),
      ...caused,
    };
  }
  return { kind: kindOf(thrown), ...said, frames: framesOf(thrown.stack), ...caused };
}

function kindOf(error: Error): "timeout" | "cancelled" | "error" {
  if (error instanceof SnakeBridgeError) {
    if (error.code === "call_cancelled") return "cancelled";
    return error.category === "timeout" ? "timeout" : "error";
  }
  // What `AbortSignal.timeout()` and `AbortController.abort()` give as reasons.
  if (error.name === "AbortError") return "cancelled";
  return error.name === "TimeoutError" ? "timeout" : "error";
}

function show(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return Object.prototype.toString.call(thrown);
  }
}

/** Text that can be sent, whatever a library put in its place. */
function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, MAX_TEXT).toWellFormed() : "";
}

const FRAME = /^\s+at (?:(?:async )?(.+?) \()?(?:async )?(.+?):(\d+)(?::\d+)?\)?$/;

/** The frames of a stack as Python orders them: `[file, line, function]`, outermost first. */
function framesOf(stack: unknown): (readonly [string, number, string])[] {
  const frames: (readonly [string, number, string])[] = [];
  for (const line of text(stack).split("\n")) {
    const [, name, place, number] = FRAME.exec(line) ?? [];
    if (place === undefined || place.startsWith("native")) continue;
    frames.push([pathOf(place), Number(number), name ?? "<module>"]);
    if (frames.length === MAX_FRAMES) break;
  }
  return frames.reverse();
}

/** The path of a file, which Python can read for the source line; other addresses as they are. */
function pathOf(place: string): string {
  if (!place.startsWith("file://")) return place;
  try {
    return decodeURIComponent(new URL(place).pathname);
  } catch {
    return place;
  }
}
