/**
 * Every default of the runtime, in one place. Durations are in milliseconds.
 *
 * Most values are those of Snakepit and SnakeBridge; a reason stands where one is not.
 */
export const DEFAULTS = {
  /** Longest wait for a call, from the moment it is made. */
  timeoutMs: 120_000,
  /** Longest wait for all items of an iteration together. */
  streamTimeoutMs: 1_800_000,
  /** How often an idempotent call is tried again after its worker died. */
  retries: 2,
  /** Wait before the first of these tries; it doubles with each. */
  retryDelayMs: 100,
  /** Longest wait before one of these tries. */
  maxRetryDelayMs: 30_000,
  /** The cache for results of idempotent calls, when it is switched on. */
  idempotentCache: { maxEntries: 1_000, ttlMs: 300_000, maxBytes: 67_108_864 },
  /**
   * Longest wait for a free worker. No limit of its own: the call's time budget covers the wait, and a shorter limit
   * would reject the tail of a well-formed batch.
   */
  queueTimeoutMs: Number.POSITIVE_INFINITY as number,
  /** Calls that may wait. */
  maxQueueSize: 1000,
  /** Longest wait for a worker's first word. */
  startTimeoutMs: 30_000,
  /** How long cancelled Python code may go on before its worker is killed. */
  cancelGraceMs: 2_000,
  /** How long calls in flight, and then Python's exit handlers, may take when a pool closes. */
  closeGraceMs: 6_000,
  /** Longest representation of an object sent along with its reference, in characters. */
  reprMaxChars: 1_000,
  /**
   * Items asked for at once when an iterator is read; it grows while the consumer keeps up. The first is asked for alone:
   * a producer that is slow with the second must not hold it back.
   */
  iterationBatchSize: 1,
  /** How much more is asked for each time the consumer has read everything. */
  iterationGrowth: 8,
  /** Most items asked for at once. */
  iterationMaxBatchSize: 16_384,
} as const;
