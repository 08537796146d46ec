import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { CallCancelledError, CallTimeoutError, errors, type Ref, type SnakeBridge } from "../../mod.ts";
import { raises } from "../support/raises.ts";
import { SharedRig } from "../support/rig.ts";

const rig = new SharedRig();
after(() => rig.close());

const MODULE = "sbcallbacks";

async function read(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const count = (length: number): number[] => Array.from({ length }, (_, index) => index);

async function logOf(bridge: SnakeBridge): Promise<unknown> {
  return await bridge.call(MODULE, "take_log");
}

describe("SnakeBridge.stream()", () => {
  it(
    "reads generators and other iterables, with options of the items",
    rig.test(async ({ bridge }) => {
      assert.deepEqual(await read(bridge.stream("builtins", "range", [5])), count(5));
      assert.deepEqual(await read(bridge.stream(MODULE, "ticks", [5])), count(5));
      for await (const item of bridge.stream("builtins", "range", [2], {}, { returns: "ref" })) {
        using ref = item as Ref;
        assert.equal(ref.type, "builtins.int");
      }
      await assert.rejects(read(bridge.stream("math", "sqrt", [4])), raises(errors.TypeError, /not iterable/));
      await logOf(bridge);
    }),
  );

  it(
    "keeps memory flat over a gigabyte",
    rig.test(async ({ bridge }) => {
      const size = 1_000_000;
      await read(bridge.stream(MODULE, "chunks", [20, size]));
      const pythonBefore = await bridge.call(MODULE, "peak_mb") as number;
      // Collectors are in no hurry, so the first half tells how much they leave lying about.
      const peaks = [0, 0];
      let bytes = 0;
      for await (const chunk of bridge.stream(MODULE, "chunks", [1_000, size])) {
        bytes += (chunk as Uint8Array).length;
        const half = bytes <= 500 * size ? 0 : 1;
        if (bytes % (20 * size) === 0) peaks[half] = Math.max(peaks[half] as number, process.memoryUsage().rss);
      }
      assert.equal(bytes, 1_000 * size);
      const grown = (await bridge.call(MODULE, "peak_mb") as number) - pythonBefore;
      assert.ok(grown < 100, `Python grew by ${grown} MB`);
      const hostGrown = ((peaks[1] as number) - (peaks[0] as number)) / 1e6;
      assert.ok(hostGrown < 150, `the host grew by ${hostGrown} MB in the second half`);
    }),
  );

  it(
    "does not mix up two of them",
    rig.test(async ({ bridge }) => {
      const [one, two] = await Promise.all([
        read(bridge.stream("builtins", "range", [2_000])),
        read(bridge.stream(MODULE, "ticks", [2_000])),
      ]);
      assert.deepEqual(one, count(2_000));
      assert.deepEqual(two, count(2_000));
      await logOf(bridge);
    }),
  );

  it(
    "lets the loop call Python meanwhile",
    rig.test(async ({ bridge }) => {
      let sum = 0;
      for await (const item of bridge.stream("builtins", "range", [300])) {
        if (item as number % 10 === 0) sum += await bridge.call("operator", "add", [item, 1]) as number;
      }
      assert.equal(sum, 30 * 145 + 30);
    }),
  );
});

describe("an asynchronous generator", () => {
  it(
    "is read to its end, or its exception",
    rig.test(async ({ bridge }) => {
      assert.deepEqual(await read(bridge.import(MODULE).ticks(1_000)), count(1_000));
      assert.deepEqual(await read(bridge.import(MODULE).Countdown(3)), [2, 1, 0]);
      const items: unknown[] = [];
      await assert.rejects(async () => {
        for await (const item of bridge.stream(MODULE, "ticks", [7, "failing"])) items.push(item);
      }, raises(errors.ValueError, /after all/));
      assert.deepEqual(items, count(7));
      assert.deepEqual(await logOf(bridge), ["ticks closed", "failing closed"]);
    }),
  );

  it(
    "is closed when the loop is left, also in the middle of a wait",
    rig.test(async ({ bridge }) => {
      for await (const item of bridge.stream(MODULE, "ticks", [100_000, "left"])) if (item === 5) break;
      assert.deepEqual(await logOf(bridge), ["left closed"]);
      for await (const item of bridge.stream(MODULE, "first_then_wait")) {
        assert.equal(item, "first");
        break;
      }
      assert.deepEqual(await logOf(bridge), ["waiter closed"]);
    }),
  );

  it(
    "gives what it has before it waits, and can be timed out",
    rig.test(async ({ bridge }, { pid }) => {
      const items: unknown[] = [];
      await assert.rejects(async () => {
        for await (const item of bridge.stream(MODULE, "first_then_wait", [], {}, { timeoutMs: 100 })) items.push(item);
      }, raises(CallTimeoutError));
      assert.deepEqual(items, ["first"]);
      assert.deepEqual(await logOf(bridge), ["waiter closed"]);
      const controller = new AbortController();
      await assert.rejects(async () => {
        for await (const _ of bridge.stream(MODULE, "first_then_wait", [], {}, { signal: controller.signal })) {
          controller.abort();
        }
      }, raises(CallCancelledError));
      assert.deepEqual(await logOf(bridge), ["waiter closed"]);
      assert.equal(await bridge.call("os", "getpid"), pid);
    }),
  );
});

describe("a callback that is a producer", () => {
  it(
    "may be called from inside a batch",
    rig.test(async ({ bridge }) => {
      const doubled = bridge.import("builtins").map(async (x: number) => {
        return 2 * (await bridge.call("operator", "pos", [x]) as number);
      }, bridge.import("builtins").range(50));
      assert.deepEqual(await read(doubled), count(50).map((x) => 2 * x));
    }),
  );
});
