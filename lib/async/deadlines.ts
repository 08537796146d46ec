import type { Clock, Timer } from "./clock.ts";
import { systemClock } from "./clock.ts";

/** Something that ends at a point in time. */
export interface Expiring {
  /** When, on the clock's scale, in milliseconds; `Infinity` for never. */
  readonly deadlineAt: number;
  /** Called once, when the time has come. */
  expire(): void;
}

/**
 * Many deadlines on one timer.
 *
 * A timer per call would cost more than the call itself; here the usual call adds to a set and removes itself.
 */
export class Deadlines {
  readonly #waiting = new Set<Expiring>();
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #timerAt = Infinity;

  /** Makes an empty set of deadlines. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Adds `item`; it must be deleted when it ends before its time. */
  add(item: Expiring): void {
    if (item.deadlineAt === Infinity) return;
    this.#waiting.add(item);
    if (item.deadlineAt < this.#timerAt) this.#arm(item.deadlineAt);
  }

  /** Takes `item` out; harmless when it is not there. */
  delete(item: Expiring): void {
    // The timer stays: it finds nothing due and sets itself anew, at most once per span instead of once per call.
    this.#waiting.delete(item);
  }

  #arm(at: number): void {
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.setTimer(() => this.#fire(), Math.max(0, Math.ceil(at - this.#clock.now())));
  }

  #fire(): void {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    const now = this.#clock.now();
    let next = Infinity;
    for (const item of [...this.#waiting]) {
      if (item.deadlineAt <= now) {
        this.#waiting.delete(item);
        item.expire();
      } else if (item.deadlineAt < next) next = item.deadlineAt;
    }
    if (next < this.#timerAt) this.#arm(next);
  }
}
