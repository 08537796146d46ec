import { SnakeBridgeError } from "./base.ts";

/** The pool, bridge or session was closed. */
export class ClosedError extends SnakeBridgeError {
  /** Makes the error for `what`, such as `pool`. */
  constructor(what: string, mayHaveRun = false) {
    super(`Cannot call: the ${what} is closed`, { code: "closed", category: "pool", mayHaveRun });
  }
}

/** The waiting line is full; the call was not accepted. */
export class QueueFullError extends SnakeBridgeError {
  /** Makes the error. */
  constructor(maxQueueSize: number) {
    super(
      `Cannot queue call: ${maxQueueSize} calls wait already; await some of them, or raise size or maxQueueSize`,
      { code: "queue_full", category: "pool", details: { maxQueueSize } },
    );
  }
}

/** The call waited for a worker longer than the pool allows; it was never started. */
export class QueueTimeoutError extends SnakeBridgeError {
  /** The limit that ran out, in milliseconds. */
  readonly queueTimeoutMs: number;

  /** Makes the error for a call described by `what`. */
  constructor(what: string, queueTimeoutMs: number) {
    super(`Call ${what} found no free worker within ${queueTimeoutMs} ms; raise size or queueTimeoutMs`, {
      code: "queue_timeout",
      category: "timeout",
      details: { queueTimeoutMs },
    });
    this.queueTimeoutMs = queueTimeoutMs;
  }
}
