import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Clock, Deadlines, type Expiring, systemClock, type Timer } from "./mod.ts";

/** A clock that stands until the test moves it. */
class TestClock implements Clock {
  #now = 1_000;
  readonly timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timer = { at: this.#now + delayMs, callback };
    this.timers.add(timer);
    return { cancel: (): void => void this.timers.delete(timer) };
  }

  advance(byMs: number): void {
    this.#now += byMs;
    for (const timer of [...this.timers].sort((a, b) => a.at - b.at)) {
      if (timer.at <= this.#now && this.timers.delete(timer)) timer.callback();
    }
  }
}

function item(deadlineAt: number, log: string[], name: string): Expiring {
  return { deadlineAt, expire: () => void log.push(name) };
}

describe("Deadlines", () => {
  it("expires each item once, at its time", () => {
    const clock = new TestClock();
    const deadlines = new Deadlines(clock);
    const log: string[] = [];
    deadlines.add(item(1_050, log, "later"));
    deadlines.add(item(1_010, log, "first"));
    deadlines.add(item(1_020, log, "second"));
    clock.advance(9);
    assert.equal(log.length, 0);
    clock.advance(1);
    assert.equal(log.join(), "first");
    clock.advance(100);
    assert.deepEqual([...log].sort(), ["first", "later", "second"]);
    clock.advance(1_000);
    assert.equal(log.length, 3);
  });

  it("does not expire what was deleted", () => {
    const clock = new TestClock();
    const deadlines = new Deadlines(clock);
    const log: string[] = [];
    const gone = deadlines.add(item(1_010, log, "gone"));
    deadlines.add(item(1_011, log, "stays"));
    deadlines.delete(gone);
    deadlines.delete(gone);
    clock.advance(50);
    assert.deepEqual(log, ["stays"]);
  });

  it("keeps one timer for many items, and none for those without end", () => {
    const clock = new TestClock();
    const deadlines = new Deadlines(clock);
    deadlines.add(item(Infinity, [], "never"));
    assert.equal(clock.timers.size, 0);
    for (let i = 0; i < 1_000; i += 1) deadlines.add(item(2_000 + i, [], ""));
    assert.equal(clock.timers.size, 1);
  });

  it("lets an item that expires delete and add others", () => {
    const clock = new TestClock();
    const deadlines = new Deadlines(clock);
    const log: string[] = [];
    const held: { victim?: ReturnType<Deadlines["add"]> } = {};
    deadlines.add({
      deadlineAt: 1_010,
      expire: () => {
        log.push("killer");
        deadlines.delete(held.victim);
        deadlines.add(item(1_030, log, "added"));
      },
    });
    held.victim = deadlines.add(item(1_020, log, "victim"));
    clock.advance(10);
    clock.advance(100);
    assert.deepEqual(log, ["killer", "added"]);
  });
});

describe("systemClock", () => {
  it("waits for long times instead of firing at once", async () => {
    let fired = false;
    const timer = systemClock.setTimer(() => void (fired = true), Infinity, true);
    await new Promise((resolve) => setTimeout(resolve, 5));
    timer.cancel();
    timer.cancel();
    assert.equal(fired, false);
  });
});
