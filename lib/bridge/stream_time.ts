import { CallTimeoutError } from "../errors/mod.ts";
import type { Core } from "./core.ts";
import type { TimeoutProfile } from "./time_limits.ts";

/**
 * The time of one stream: each wait for items has the limit of its call, and all of them together `streamTimeoutMs`.
 *
 * Only waits count, not what the consumer does between them: a training loop that reads slowly is no stalled stream.
 */
export class StreamTime {
  readonly #core: Pick<Core, "clock">;
  readonly #limits: Required<TimeoutProfile>;
  #leftMs: number;

  /** Starts with all of its time. */
  constructor(core: Pick<Core, "clock">, limits: Required<TimeoutProfile>) {
    this.#core = core;
    this.#limits = limits;
    this.#leftMs = limits.streamTimeoutMs;
  }

  /**
   * Waits for part of the stream.
   *
   * @param what Words for the wait.
   * @param part What is waited for; whoever made it ends it when this rejects.
   * @throws {CallTimeoutError} That names `streamTimeoutMs` when that is what ran out.
   */
  async spend<T>(what: string, part: Promise<T>): Promise<T> {
    const begun = this.#core.clock.now();
    try {
      // Otherwise the limit of the call comes first.
      return this.#leftMs > this.#limits.timeoutMs || this.#leftMs === Infinity
        ? await part
        : await this.#race(what, part);
    } finally {
      this.#leftMs -= this.#core.clock.now() - begun;
    }
  }

  #race<T>(what: string, part: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timer = this.#core.clock.setTimer(
        () => reject(new CallTimeoutError(what, this.#limits.streamTimeoutMs, true, "streamTimeoutMs")),
        Math.max(0, this.#leftMs),
      );
      part.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}
