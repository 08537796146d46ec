import type { Timer } from "../async/mod.ts";
import { WorkerCrashedError } from "../errors/mod.ts";
import { DEFAULTS } from "../worker/mod.ts";
import type { Core } from "./core.ts";
import type { CallOptions } from "./options.ts";

/** What is tried again. */
export interface Retried {
  /** When its time is up; a try that could only begin after that is none. */
  readonly deadlineAt: number;
  /** Tries it again. */
  again(): void;
  /** It will not be tried again. */
  fail(error: Error): void;
}

/** How often, and when, an idempotent job is tried again after its worker died. */
export class Retries {
  readonly #core: Core;
  readonly #job: Retried;
  readonly #most: number;
  readonly #delayMs: number;
  #attempts = 1;
  #timer: Timer | undefined;
  #crash: WorkerCrashedError | undefined;

  /** Starts with the first try. */
  constructor(core: Core, job: Retried, options: CallOptions) {
    this.#core = core;
    this.#job = job;
    this.#most = options.retries ?? DEFAULTS.retries;
    this.#delayMs = options.retryDelayMs ?? DEFAULTS.retryDelayMs;
  }

  /** How many tries failed. */
  get failed(): number {
    return this.#attempts - 1;
  }

  /** Plans the next try, unless there is none: then the failure stands. */
  plan(error: Error): boolean {
    if (!(error instanceof WorkerCrashedError) || error === this.#crash) return false;
    error.attempts = this.#attempts;
    if (this.#attempts > this.#most || this.#core.pool.closed) return false;
    const delayMs = Math.min(this.#delayMs * 2 ** (this.#attempts - 1), DEFAULTS.maxRetryDelayMs);
    if (this.#core.clock.now() + delayMs >= this.#job.deadlineAt) return false;
    this.#attempts += 1;
    this.#crash = error;
    this.#core.retrying.add(this);
    // Somebody waits for the call, so the process stays for it.
    this.#timer = this.#core.clock.setTimer(
      () => {
        this.cancel();
        this.#job.again();
      },
      delayMs,
      true,
    );
    return true;
  }

  /** Gives up what was planned. */
  cancel(): void {
    this.#timer?.cancel();
    this.#core.retrying.delete(this);
  }

  /** Gives up what was planned, and tells of the crash. */
  end(): void {
    this.cancel();
    if (this.#crash !== undefined) this.#job.fail(this.#crash);
  }
}
