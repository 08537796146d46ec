import { redact, redactData } from "./redact.ts";

/** What part of the system a failure belongs to. */
export type ErrorCategory =
  | "worker"
  | "timeout"
  | "python"
  | "transport"
  | "validation"
  | "pool"
  | "environment";

/** What a {@linkcode SnakeBridgeError} is made of, beside its message. */
export interface SnakeBridgeErrorInit {
  /** Stable identifier in snake_case; safe to compare and to log. */
  readonly code: string;
  /** What part of the system failed. */
  readonly category: ErrorCategory;
  /**
   * Whether Python code of the failed call may have run, wholly or in part.
   *
   * @default {false}
   */
  readonly mayHaveRun?: boolean;
  /** Data for programs, without argument values; what looks like a secret is taken out. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The failure that caused this one. */
  readonly cause?: unknown;
}

/** What `console.log` of every runtime asks an object for. */
export const inspectKey: unique symbol = Symbol.for("nodejs.util.inspect.custom") as typeof inspectKey;

/** What {@linkcode SnakeBridgeError.toJSON} gives; redacted, and made of plain JSON. */
export interface ErrorRecord {
  /** Name of the class; that of a Python exception is its Python type. */
  readonly name: string;
  /** What happened. */
  readonly message: string;
  /** Stable identifier in snake_case; only errors of this package have one. */
  readonly code?: string;
  /** What part of the system failed. */
  readonly category?: ErrorCategory;
  /** Whether Python code of the failed call may have run. */
  readonly mayHaveRun?: boolean;
  /** Which call failed. */
  readonly correlationId?: string;
  /** Data for programs. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The stack; that of a Python exception ends with Python's traceback. */
  readonly stack?: string;
  /** Notes of a Python exception. */
  readonly notes?: readonly string[];
  /** Members of a group of Python exceptions. */
  readonly errors?: readonly ErrorRecord[];
  /** The failure that caused this one. */
  readonly cause?: ErrorRecord;
}

/**
 * Base class of every error this package makes.
 *
 * @example Tell our errors from others
 * ```ts
 * import { SnakeBridgeError } from "@snakebridge/snakebridge";
 *
 * try {
 *   throw new SnakeBridgeError("Cannot do it: it is closed", { code: "closed", category: "pool" });
 * } catch (error) {
 *   if (error instanceof SnakeBridgeError) console.log(error.code); // closed
 * }
 * ```
 */
export class SnakeBridgeError extends Error {
  /** Stable identifier in snake_case. */
  readonly code: string;
  /** What part of the system failed. */
  readonly category: ErrorCategory;
  /** Whether Python code of the failed call may have run. */
  readonly mayHaveRun: boolean;
  /** Data for programs, without argument values and redacted. */
  readonly details: Readonly<Record<string, unknown>>;
  /**
   * Which call failed: `<process id of the worker>-<number of the call in it>`, or `host-<number>` when it never reached
   * a worker. Undefined for errors that belong to no call.
   */
  readonly correlationId: string | undefined = undefined;

  /** Makes an error; subclasses fill in `init`. */
  constructor(message: string, init: SnakeBridgeErrorInit) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = new.target.name;
    this.code = init.code;
    this.category = init.category;
    this.mayHaveRun = init.mayHaveRun ?? false;
    this.details = redactData(init.details ?? {}) as Record<string, unknown>;
    hide(this, ["details", "correlationId"]);
  }

  /**
   * A record for logs: plain JSON, without attributes and argument values, with what looks like a secret taken out of
   * every text. It can also be sent to another worker, which errors themselves survive only in part.
   *
   * @example Log an error as JSON
   * ```ts
   * import { call, SnakeBridgeError } from "@snakebridge/snakebridge";
   *
   * try {
   *   await call("builtins", "int", ["token=abc"]);
   * } catch (error) {
   *   if (error instanceof SnakeBridgeError) console.log(error.toJSON().message); // invalid literal for int() ...
   * }
   * ```
   */
  toJSON(): ErrorRecord {
    return this.recordAt(0);
  }

  /** The record, `depth` errors below the one that was asked. @ignore */
  recordAt(depth: number): ErrorRecord {
    const { name, message, code, category, mayHaveRun, correlationId, details, stack, cause } = this;
    return {
      name,
      message: redact(message),
      code,
      category,
      mayHaveRun,
      ...(correlationId === undefined ? {} : { correlationId }),
      ...(Object.keys(details).length === 0 ? {} : { details }),
      ...(stack === undefined ? {} : { stack: redact(stack) }),
      ...(cause === undefined ? {} : { cause: recordOf(cause, depth + 1) }),
    };
  }
}

// Python cuts its chains at 20; what users give as reasons to an `AbortSignal` may be anything.
const MAX_RECORD_DEPTH = 24;

/** The record of whatever an error may hold. */
export function recordOf(error: unknown, depth: number): ErrorRecord {
  if (depth <= MAX_RECORD_DEPTH && error instanceof SnakeBridgeError) return error.recordAt(depth);
  if (error instanceof Error) return { name: error.name, message: redact(error.message) };
  const text = typeof error === "object" ? Object.prototype.toString.call(error) : String(error);
  return { name: typeof error, message: redact(text) };
}
/** Keeps properties out of what `console.log` shows of an error: the message says it, and programs still find them. */
export function hide(error: Error, names: readonly string[]): void {
  for (const name of names) Object.defineProperty(error, name, { enumerable: false });
}
