import process from "node:process";

/** Numbers that look random and are the same for the same seed, everywhere. */
export class Random {
  #state: number;

  /** Makes a source of numbers. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 32 bits. */
  bits(): number {
    // mulberry32: short, and good enough to choose test cases.
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** An integer from 0 to `end`, without `end`. */
  below(end: number): number {
    return Math.floor(this.bits() / 0x1_0000_0000 * end);
  }

  /** An integer from `first` to `last`, both included. */
  between(first: number, last: number): number {
    return first + this.below(last - first + 1);
  }

  /** Whether something that happens once in `n` times happens. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** Bytes. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: count }, () => this.bits() & 0xff);
  }
}

/** A positive integer of an environment variable, or what holds without it. */
export function setting(name: string, otherwise: number): number {
  const text = process.env[name];
  if (text === undefined || text === "") return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`Cannot run tests: ${name} is ${JSON.stringify(text)}, expected a positive integer`);
  }
  return value;
}

/** Seed of every test that draws its cases: `SNAKEBRIDGE_TEST_SEED`, else always the same. */
export const SEED: number = setting("SNAKEBRIDGE_TEST_SEED", 20_240_701);
