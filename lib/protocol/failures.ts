// Section 7 of proto/PROTOCOL.md.
import { ProtocolError } from "../errors/mod.ts";

/** What every failure has. */
export interface FailureBase {
  /** What happened, in words. */
  readonly message: string;
  /** Id of the earlier call whose failure this is, when its result was to be used. */
  readonly origin?: number;
}

/** One frame of a Python traceback. */
export type FailureFrame = readonly [file: string, line: number, function_: string, source: string | null];

/** Python raised. */
export interface PythonFailure extends FailureBase {
  readonly kind: "python";
  /** Qualified name, such as `builtins.ValueError`. */
  readonly type: string;
  /** Qualified names of the class and its bases, most derived first, without `object`. */
  readonly mro: readonly string[];
  /** As Python prints it. */
  readonly traceback: string;
  /** Outermost first. */
  readonly frames: readonly FailureFrame[];
  /** `__cause__`. */
  readonly cause: PythonFailure | null;
  /** `__context__`. */
  readonly context: PythonFailure | null;
  /** Whether Python would hide the context. */
  readonly suppressContext: boolean;
  /** `__notes__`. */
  readonly notes: readonly string[];
  /** Attributes of the exception that have an encoding. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Members of a group, those that were sent; null for other exceptions. */
  readonly exceptions: readonly PythonFailure[] | null;
  /** How many members of a group were not sent. */
  readonly omitted: number;
}

/** The call was cancelled. */
export interface CancelledFailure extends FailureBase {
  readonly kind: "cancelled";
  /** Whether it had begun. */
  readonly started: boolean;
}

/** A value has no encoding. */
export interface ValueFailure extends FailureBase {
  readonly kind: "value";
  /** Where, such as `$[0].name`. */
  readonly path: string;
  /** Its Python type. */
  readonly type: string;
}

/** A limit was hit. */
export interface LimitFailure extends FailureBase {
  readonly kind: "limit";
  /** Which: `maxFrameBytes`, `maxDepth`, `maxElements` or `cycle`. */
  readonly limit: string;
  /** What was seen. */
  readonly value: number | null;
  /** What is allowed. */
  readonly max: number | null;
}

const REF_REASONS = ["released", "session", "expired", "evicted", "unknown"] as const;
/** Why a ref cannot be used. */
export type RefFailureReason = typeof REF_REASONS[number];

/** A ref cannot be used. */
export interface RefFailure extends FailureBase {
  readonly kind: "ref";
  /** Why. */
  readonly reason: RefFailureReason;
  /** Which. */
  readonly id: number;
  /** For `expired` the seconds, for `evicted` the number of refs that were allowed. */
  readonly limit: number | null;
}

/** A message was malformed, or its version is not spoken. */
export interface ProtocolFailure extends FailureBase {
  readonly kind: "protocol";
  /** Set when versions do not meet. */
  readonly hostProtocol?: number;
  /** Set when versions do not meet. */
  readonly hostMinProtocol?: number;
  /** Set when versions do not meet. */
  readonly workerProtocol?: number;
  /** Set when versions do not meet. */
  readonly workerMinProtocol?: number;
}

/** The policy refuses what the call would reach. */
export interface PolicyFailure extends FailureBase {
  readonly kind: "policy";
  /** What would have been reached, such as `posix.system`. */
  readonly name: string;
  /** Why not, such as `deny 'os'`. */
  readonly rule: string;
}

/** Why a call failed, told apart by `kind`. */
export type Failure =
  | PythonFailure
  | CancelledFailure
  | ValueFailure
  | LimitFailure
  | RefFailure
  | PolicyFailure
  | ProtocolFailure;

/** Deepest chain of causes and groups that is followed; the worker cuts at 20. */
const MAX_CHAIN = 32;

/**
 * Checks a decoded failure. What is missing or of a wrong type gets an empty value: a failure that is told badly is
 * still a failure.
 *
 * @throws {ProtocolError} if it is not a map, or its kind is unknown.
 */
export function parseFailure(value: unknown): Failure {
  return failure(value, 0);
}

function failure(value: unknown, depth: number): Failure {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ProtocolError("Cannot read failure: it is not a map");
  }
  const fields = value as Readonly<Record<string, unknown>>;
  const base: FailureBase = {
    message: text(fields.message),
    ...(typeof fields.origin === "number" ? { origin: fields.origin } : {}),
  };
  switch (fields.kind) {
    case "python":
      return {
        ...base,
        kind: "python",
        type: text(fields.type),
        mro: texts(fields.mro),
        traceback: text(fields.traceback),
        frames: list(fields.frames).filter(Array.isArray).map((frame): FailureFrame => [
          text(frame[0]),
          count(frame[1]) ?? 0,
          text(frame[2]),
          typeof frame[3] === "string" ? frame[3] : null,
        ]),
        cause: linked(fields.cause, depth),
        context: linked(fields.context, depth),
        suppressContext: fields.suppressContext === true,
        notes: texts(fields.notes),
        attributes: attributes(fields.attributes),
        exceptions: Array.isArray(fields.exceptions)
          ? fields.exceptions.map((member) => linked(member, depth)).filter((member) => member !== null)
          : null,
        omitted: count(fields.omitted) ?? 0,
      };
    case "cancelled":
      return { ...base, kind: "cancelled", started: fields.started === true };
    case "value":
      return { ...base, kind: "value", path: text(fields.path), type: text(fields.type) };
    case "limit":
      return { ...base, kind: "limit", limit: text(fields.limit), value: count(fields.value), max: count(fields.max) };
    case "ref":
      return {
        ...base,
        kind: "ref",
        reason: REF_REASONS.find((reason) => reason === fields.reason) ?? "unknown",
        id: count(fields.id) ?? 0,
        limit: count(fields.limit),
      };
    case "policy":
      return { ...base, kind: "policy", name: text(fields.name), rule: text(fields.rule) };
    case "protocol": {
      const versions = ["hostProtocol", "hostMinProtocol", "workerProtocol", "workerMinProtocol"] as const;
      return {
        ...base,
        kind: "protocol",
        ...Object.fromEntries(
          versions.filter((name) => typeof fields[name] === "number").map((name) => [name, fields[name]]),
        ),
      };
    }
    default:
      throw new ProtocolError(`Cannot read failure: its kind is ${JSON.stringify(text(fields.kind))}`);
  }
}

function linked(value: unknown, depth: number): PythonFailure | null {
  if (value === null || value === undefined || depth >= MAX_CHAIN) return null;
  const next = failure(value, depth + 1);
  return next.kind === "python" ? next : null;
}

function attributes(value: unknown): Record<string, unknown> {
  // Its keys are names; one that is a container may not even have a text.
  if (value instanceof Map) return Object.fromEntries([...value].filter(([key]) => typeof key === "string"));
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function count(value: unknown): number | null {
  return typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : null;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function texts(value: unknown): string[] {
  return list(value).filter((item) => typeof item === "string");
}
