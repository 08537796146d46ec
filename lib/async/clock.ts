import { clearTimeout, setTimeout } from "node:timers";

/** A source of time that tests can replace. */
export interface Clock {
  /** Monotonic time, in milliseconds. */
  now(): number;
  /** Runs `callback` after `delayMs`. The timer keeps the process alive only when `keepAlive` says so. */
  setTimer(callback: () => void, delayMs: number, keepAlive?: boolean): Timer;
}

/** A running timer. */
export interface Timer {
  /** Stops it; harmless when it has fired. */
  cancel(): void;
}

// setTimeout counts in a signed 32-bit number and fires at once beyond it.
const MAX_DELAY_MS = 2_147_483_647;

/** The real clock. */
export const systemClock: Clock = {
  now: (): number => performance.now(),
  setTimer(callback: () => void, delayMs: number, keepAlive = false): Timer {
    const handle = setTimeout(callback, Math.min(delayMs, MAX_DELAY_MS));
    if (!keepAlive) handle.unref();
    return { cancel: (): void => clearTimeout(handle) };
  },
};
