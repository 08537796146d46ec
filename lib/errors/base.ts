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
  /** Data for programs; never holds secrets or argument values. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The failure that caused this one. */
  readonly cause?: unknown;
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
  /** Data for programs. */
  readonly details: Readonly<Record<string, unknown>>;

  /** Makes an error; subclasses fill in `init`. */
  constructor(message: string, init: SnakeBridgeErrorInit) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = new.target.name;
    this.code = init.code;
    this.category = init.category;
    this.mayHaveRun = init.mayHaveRun ?? false;
    this.details = init.details ?? {};
    hide(this, ["details"]);
  }
}

/** Keeps properties out of what `console.log` shows of an error: the message says it, and programs still find them. */
export function hide(error: Error, names: readonly string[]): void {
  for (const name of names) Object.defineProperty(error, name, { enumerable: false });
}
