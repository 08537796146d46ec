import { SnakeBridgeError } from "./base.ts";

/** How a worker process ended. */
export interface WorkerExit {
  /** Process id, when it ever started. */
  readonly pid: number | undefined;
  /** Exit status, or null when a signal ended it. */
  readonly exitCode: number | null;
  /** Name of the signal that ended it, or null. */
  readonly signal: string | null;
  /** The last lines Python wrote to standard error. */
  readonly stderrTail: string;
}

/** Says how a worker ended, in words. */
export function describeExit(exit: WorkerExit): string {
  const how = exit.signal !== null
    ? `was ended by ${exit.signal}`
    : exit.exitCode !== null
    ? `exited with status ${exit.exitCode}`
    : "went away";
  const tail = exit.stderrTail.trim();
  return `worker ${exit.pid ?? "(never started)"} ${how}${tail === "" ? "" : `; its last words: ${tail}`}`;
}

/** The worker process ended while it ran this call, or before a result arrived. */
export class WorkerCrashedError extends SnakeBridgeError {
  /** Process id, when it ever started. */
  readonly pid: number | undefined;
  /** Exit status, or null when a signal ended it. */
  readonly exitCode: number | null;
  /** Name of the signal that ended it, such as `SIGKILL`, or null. */
  readonly signal: string | null;
  /** The last lines Python wrote to standard error. */
  readonly stderrTail: string;
  /** How often the call was tried; more than once only when it is idempotent. This error is that of the last try. */
  attempts: number = 1;

  /** Makes the error for a call described by `what`. */
  constructor(what: string, exit: WorkerExit, cause?: unknown) {
    super(`${what} failed: ${describeExit(exit)}`, {
      code: "worker_crashed",
      category: "worker",
      mayHaveRun: true,
      details: { ...exit },
      cause,
    });
    this.pid = exit.pid;
    this.exitCode = exit.exitCode;
    this.signal = exit.signal;
    this.stderrTail = exit.stderrTail;
  }
}

/** A worker could not be started: it ended, or did not answer, before its first hello. */
export class WorkerStartError extends SnakeBridgeError {
  /** The last lines Python wrote to standard error. */
  readonly stderrTail: string;

  /** Makes the error. */
  constructor(message: string, stderrTail: string, cause?: unknown) {
    super(message, { code: "worker_start", category: "worker", details: { stderrTail }, cause });
    this.stderrTail = stderrTail;
  }
}
