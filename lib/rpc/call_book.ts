import type { PendingCall } from "./peer.ts";

const FIRST_CAPACITY = 64;

/**
 * The calls that wait for their answers, by id.
 *
 * A ring: ids rise one by one and answers come in order. A `Map` that is filled and emptied at this rate survives every
 * small garbage collection of V8 with all its dead entries, which cost a third of the time of many quick calls.
 */
export class CallBook {
  #slots: (PendingCall | undefined)[] = new Array(FIRST_CAPACITY).fill(undefined);
  #first = 1;
  #next = 1;
  #size = 0;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Lowest id that may wait. */
  get first(): number {
    return this.#first;
  }

  /** Adds a call; its id must be one above that of the last one added. */
  add(call: PendingCall): void {
    if (this.#next - this.#first === this.#slots.length) this.#grow();
    this.#slots[call.id & (this.#slots.length - 1)] = call;
    this.#next = call.id + 1;
    this.#size += 1;
  }

  /** The call under `id`, when it waits. */
  get(id: number): PendingCall | undefined {
    return id < this.#first || id >= this.#next ? undefined : this.#slots[id & (this.#slots.length - 1)];
  }

  /** Takes the call under `id` out; harmless when it does not wait. */
  delete(id: number): PendingCall | undefined {
    const call = this.get(id);
    if (call === undefined) return undefined;
    const mask = this.#slots.length - 1;
    this.#slots[id & mask] = undefined;
    this.#size -= 1;
    while (this.#first < this.#next && this.#slots[this.#first & mask] === undefined) this.#first += 1;
    return call;
  }

  /** Takes all out, oldest first. */
  takeAll(): PendingCall[] {
    const calls: PendingCall[] = [];
    for (let id = this.#first; id < this.#next; id += 1) {
      const call = this.get(id);
      if (call !== undefined) calls.push(call);
    }
    this.#slots.fill(undefined);
    this.#first = this.#next;
    this.#size = 0;
    return calls;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Array(old.length * 2).fill(undefined);
    for (let id = this.#first; id < this.#next; id += 1) {
      this.#slots[id & (this.#slots.length - 1)] = old[id & (old.length - 1)];
    }
  }
}
