import { LimitExceededError, ProtocolError, SnakeBridgeError } from "../errors/mod.ts";

/** A value has no encoding, and is no remote object either. Nothing was sent. */
export class ValueEncodeError extends SnakeBridgeError {
  /** Where in the arguments, such as `$[0].name` or `$.axis` for a keyword argument. */
  readonly path: string;
  /** What was found there, such as `function` or `Promise`. */
  readonly valueType: string;
  /** What to pass in its place. */
  readonly advice: string;

  /** Makes the error; `reason` says what is wrong, `advice` what to do. */
  constructor(path: string, valueType: string, reason: string, advice: string) {
    super(`Cannot encode ${valueType} at ${shown(path)}: ${reason}${advice === "" ? "" : `; ${advice}`}`, {
      code: "value_encode",
      category: "validation",
      details: { path, type: valueType },
    });
    this.path = path;
    this.valueType = valueType;
    this.advice = advice;
  }
}

/**
 * A message could not be decoded. When `callId` is known, framing is intact and only that call is lost; otherwise the
 * conversation cannot go on. A limit that was hit is the `cause`, a {@linkcode LimitExceededError}.
 */
export class MessageDecodeError extends ProtocolError {
  /** The call whose result or error this was, when the message got that far. */
  readonly callId: number | undefined;

  /** Makes the error. */
  constructor(message: string, callId?: number, cause?: unknown) {
    super(message, cause);
    this.callId = callId;
  }
}

/** Thrown by the parts that know what is wrong with a value, but not where it stands. Never leaves this folder. */
export class Unencodable extends Error {
  /** What to pass in its place. */
  readonly advice: string;

  constructor(reason: string, advice = "") {
    super(reason);
    this.advice = advice;
  }
}

/** Thrown by the parts of a decoder; the codec adds the call it belongs to. Never leaves this folder. */
export class Undecodable extends Error {}

const SHOWN_PATH = 80;

/** A path as messages show it: the middle of a long one says nothing. */
function shown(path: string): string {
  if (path.length <= SHOWN_PATH) return path;
  return `${path.slice(0, SHOWN_PATH / 2)}…${path.slice(-SHOWN_PATH / 2)}`;
}

/** The error for a limit of one frame, seen by whoever counts. */
export function limitError(
  doing: "encode" | "decode",
  limit: "maxFrameBytes" | "maxDepth" | "maxElements",
  seen: number,
  max: number,
  path = "",
): LimitExceededError {
  const what = { maxFrameBytes: "bytes in one frame", maxDepth: "nested containers", maxElements: "values" }[limit];
  return new LimitExceededError(
    `Cannot ${doing} message${path === "" ? "" : ` at ${shown(path)}`}: at least ${seen} ${what}, ${limit} is ${max}`,
    limit,
    seen,
    max,
    doing === "decode",
  );
}

/** The error for a value that contains itself. */
export function cycleError(path: string): LimitExceededError {
  return new LimitExceededError(`Cannot encode value at ${shown(path)}: it contains itself`, "cycle");
}

/** The error for whatever went wrong in a decoder. */
export function decodeError(what: string, error: unknown, callId?: number): MessageDecodeError {
  if (error instanceof Undecodable) return new MessageDecodeError(`Cannot decode ${what}: ${error.message}`, callId);
  const message = error instanceof LimitExceededError ? error.message : `Cannot decode ${what}: ${String(error)}`;
  return new MessageDecodeError(message, callId, error);
}
