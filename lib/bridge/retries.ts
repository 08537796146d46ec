import type { Timer } from "../async/mod.ts";
import { WorkerCrashedError } from "../errors/mod.ts";
import { DEFAULTS } from "../worker/mod.ts";
import type { Core } from "./core.ts";
import type { CallOptions } from "./options.ts";

/** How often, and when, an idempotent job is tried again after its worker died. */
export class Retries {
  readonly #core: Core;
  readonly #most: number;
  readonly #delayMs: number;
  #attempts = 1;
  #timer: Timer | undefined;

  /** Starts with the first try. */
  constructor(core: Core, options: CallOptions) {
    this.#core = core;
    this.#most = options.retries ?? DEFAULTS.retries;
    this.#delayMs = options.retryDelayMs ?? DEFAULTS.retryDelayMs;
  }

  /** How often it was tried before. */
  get failed(): number {
    return this.#attempts - 1;
  }

  /**
   * Plans the next try, unless there is none: then the failure stands.
   *
   * @param deadlineAt When the time of the job is up; a try that could only begin after it is none.
   */
  plan(error: Error, deadlineAt: number, again: () => void): boolean {
    if (!(error instanceof WorkerCrashedError)) return false;
    error.attempts = this.#attempts;
    if (this.#attempts > this.#most || this.#core.pool.closed) return false;
    const delayMs = Math.min(this.#delayMs * 2 ** (this.#attempts - 1), DEFAULTS.maxRetryDelayMs);
    if (this.#core.clock.now() + delayMs >= deadlineAt) return false;
    this.#attempts += 1;
    // Somebody waits for the call, so the process stays for it.
    this.#timer = this.#core.clock.setTimer(again, delayMs, true);
    return true;
  }

  /** Gives up what was planned. */
  cancel(): void {
    this.#timer?.cancel();
  }
}
