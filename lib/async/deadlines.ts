import type { Clock, Timer } from "./clock.ts";
import { systemClock } from "./clock.ts";
import { LinkedQueue, type QueueNode } from "./linked_queue.ts";

/** Something that ends at a point in time. */
export interface Expiring {
  /** When, on the clock's scale, in milliseconds; `Infinity` for never. */
  readonly deadlineAt: number;
  /** Called once, when the time has come. */
  expire(): void;
}

/** A place among deadlines. */
export type DeadlineEntry = QueueNode<Expiring>;

/**
 * Many deadlines on one timer.
 *
 * A timer per call would cost more than the call itself; here the usual call adds to a set and removes itself.
 */
export class Deadlines {
  // A list, not a Set: see CallBook in lib/rpc for what sets cost that fill and empty with every call.
  readonly #waiting = new LinkedQueue<Expiring>();
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

  /** Adds `item`; the entry that comes back must be deleted when it ends before its time. */
  add(item: Expiring): DeadlineEntry | undefined {
    if (item.deadlineAt === Infinity) return undefined;
    if (item.deadlineAt < this.#timerAt) this.#arm(item.deadlineAt);
    return this.#waiting.push(item);
  }

  /** Takes an entry out; harmless when it is not there. */
  delete(entry: DeadlineEntry | undefined): void {
    // The timer stays: it finds nothing due and sets itself anew, at most once per span instead of once per call.
    if (entry !== undefined) this.#waiting.remove(entry);
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
    const due: QueueNode<Expiring>[] = [];
    let next = Infinity;
    for (const node of this.#waiting) {
      if (node.value.deadlineAt <= now) due.push(node);
      else if (node.value.deadlineAt < next) next = node.value.deadlineAt;
    }
    for (const node of due) if (this.#waiting.remove(node)) node.value.expire();
    if (next < this.#timerAt) this.#arm(next);
  }
}
