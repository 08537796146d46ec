import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import {
  CallCancelledError,
  type CallOptions,
  CallTimeoutError,
  errors,
  kw,
  type NdArray,
  PythonError,
  Ref,
  RefNotFoundError,
  SnakeBridge,
  type Tuple,
  withRuntime,
  WorkerCrashedError,
} from "../../mod.ts";
import { pyModule } from "../../lib/wrapper/mod.ts";
import { Gate, TempFolder, until } from "../support/gate.ts";
import { raises } from "../support/raises.ts";
import { Rig, rigOptions, SharedRig } from "../support/rig.ts";

const plain = new SharedRig();
const caching = new SharedRig({ idempotentCache: true });
after(() => Promise.all([plain.close(), caching.close()]));

const QUICK: CallOptions = { idempotent: true, retryDelayMs: 1 };
const TWICE: CallOptions = { idempotent: true };

function runsOf(path: string): number {
  return readFileSync(path).length;
}

describe("CallOptions.idempotent after a crash", () => {
  it(
    "has the call tried again, by every way to make it",
    plain.test(async ({ bridge, session }) => {
      using folder = new TempFolder();
      const file = (): string => folder.file(String(number++));
      let number = 0;
      assert.equal(await bridge.call("sbtest", "die_first", [file(), 1], {}, QUICK), "alive");
      assert.equal(await bridge.call("sbtest", "die_first", [file(), 2], {}, QUICK), "alive");
      assert.equal(await session.call("sbtest", "die_first", [file(), 1], {}, QUICK), "alive");
      assert.equal(await bridge.import("sbtest").die_first(file(), 1, kw({}, QUICK)), "alive");
      assert.equal(await withRuntime(QUICK, () => bridge.call("sbtest", "die_first", [file(), 1])), "alive");
      assert.equal(await withRuntime(QUICK, async () => await bridge.import("sbtest").die_first(file(), 1)), "alive");
      assert.equal(await session.run(() => pyModule("sbtest").call("die_first", [file(), 1, kw({}, QUICK)])), "alive");
      const made = await bridge.import("sbtest").die_first(file(), 1, 5, kw({}, { ...QUICK, returns: "ref" }));
      assert.equal(await made.bit_length(), 3);
    }),
  );

  it(
    "has a chain tried again as a whole",
    plain.test(async ({ bridge }) => {
      using folder = new TempFolder();
      await withRuntime(QUICK, async () => {
        const path = folder.file("a");
        assert.equal(await bridge.import("sbtest").die_first(path, 1, "alive").upper().lower(), "alive");
        assert.equal(runsOf(path), 2);
        const other = folder.file("b");
        const chain = bridge.import("sbtest").log(other);
        assert.equal(await bridge.import("sbtest").die_first(chain, 2, "alive").upper(), "ALIVE");
        assert.equal(runsOf(other), 3);
      });
      const path = folder.file("c");
      // One step of it does not say so.
      await assert.rejects(
        async () => await bridge.import("sbtest").die_first(path, 1, "alive", kw({}, QUICK)).upper(),
        raises(WorkerCrashedError),
      );
      assert.equal(runsOf(path), 1);
    }),
  );

  it(
    "gives up after its retries, with the last crash",
    plain.test(async ({ bridge }) => {
      using folder = new TempFolder();
      for (const [retries, tries] of [[undefined, 3], [0, 1], [1, 2]] as const) {
        const path = folder.file(`retries-${retries}`);
        const options = retries === undefined ? QUICK : { ...QUICK, retries };
        await assert.rejects(bridge.call("sbtest", "die_first", [path, 99], {}, options), (error) => {
          assert.ok(error instanceof WorkerCrashedError, String(error));
          assert.equal(error.attempts, tries);
          assert.equal(error.exitCode, 9);
          return true;
        });
        assert.equal(runsOf(path), tries);
      }
    }),
  );

  it(
    "leaves every other call alone",
    plain.test(async ({ bridge }) => {
      using folder = new TempFolder();
      const calls: ((path: string) => Promise<unknown>)[] = [
        (path) => bridge.call("sbtest", "die_first", [path, 1]),
        (path) => bridge.call("sbtest", "die_first", [path, 1], {}, { idempotent: false }),
        (path) => withRuntime(QUICK, () => bridge.call("sbtest", "die_first", [path, 1], {}, { idempotent: false })),
        async (path) => await bridge.import("sbtest").die_first(path, 1),
      ];
      for (const [index, call] of calls.entries()) {
        const path = folder.file(String(index));
        await assert.rejects(call(path), raises(WorkerCrashedError));
        assert.equal(runsOf(path), 1);
      }
    }),
  );

  it(
    "does not try a call again whose object died",
    plain.test(async ({ bridge }) => {
      using folder = new TempFolder();
      const path = await bridge.call("builtins", "str", [folder.file("ref")], {}, { returns: "ref" }) as Ref;
      await assert.rejects(bridge.call("sbtest", "die_first", [path, 1], {}, QUICK), raises(WorkerCrashedError));
      assert.equal(runsOf(folder.file("ref")), 1);
      await assert.rejects(bridge.call("sbtest", "die_first", [path, 1], {}, QUICK), raises(RefNotFoundError));
    }),
  );

  it(
    "keeps to the time of the call",
    plain.test(async ({ bridge }) => {
      using folder = new TempFolder();
      const path = folder.file("late");
      // A try that could only begin after the end is none: what is told is the crash.
      const options = { idempotent: true, retryDelayMs: 60_000, timeoutMs: 14_000 };
      await assert.rejects(bridge.call("sbtest", "die_first", [path, 1], {}, options), raises(WorkerCrashedError));
      assert.equal(runsOf(path), 1);
      const controller = new AbortController();
      const waiting = bridge.call("sbtest", "die_first", [folder.file("abort"), 1], {}, {
        idempotent: true,
        retryDelayMs: 10_000,
        signal: controller.signal,
      });
      await until("the worker died", () => bridge.stats().pool.crashed > 0 && bridge.stats().pool.busy === 0);
      controller.abort();
      await assert.rejects(waiting, (error) => error instanceof CallCancelledError && error.mayHaveRun);
    }),
  );

  it("is over when the bridge closes, with the crash", async () => {
    await using own = await Rig.start();
    using folder = new TempFolder();
    const options = { idempotent: true, retryDelayMs: 14_000 };
    const args = [folder.file("a"), 9];
    const single = own.bridge.call("sbtest", "die_first", args, {}, options);
    const told = assert.rejects(single, (error) => error instanceof WorkerCrashedError && error.attempts === 1);
    await until("the worker died", () => own.bridge.stats().pool.crashed === 1);
    const chain = withRuntime(options, async () => await own.bridge.import("sbtest").die_first(...args).upper());
    const chainTold = assert.rejects(chain, (error) => error instanceof WorkerCrashedError && error.attempts === 1);
    await until("the other died, too", () => own.bridge.stats().pool.crashed === 2);
    await own.bridge.close();
    await Promise.all([told, chainTold]);
    assert.equal(runsOf(folder.file("a")), 2);
  });

  it(
    "refuses numbers that make no sense",
    plain.test(async ({ bridge }) => {
      const call = (options: object) => bridge.call("math", "sqrt", [16], {}, options);
      await assert.rejects(call({ idempotent: 1 }), /idempotent is 1, expected true or false/);
      await assert.rejects(call({ retries: 1.5 }), /retries is 1.5, expected a whole number/);
      await assert.rejects(call({ retryDelayMs: -1 }), /retryDelayMs is -1, expected a number/);
    }),
  );
});

describe("BridgeOptions.idempotentCache", () => {
  it(
    "answers equal calls without Python",
    caching.test(async ({ bridge, session }) => {
      using folder = new TempFolder();
      const path = folder.file("runs");
      const first = await bridge.call("sbtest", "runs", [path, { a: [1] }], {}, TWICE);
      assert.deepEqual(first, [1, { a: [1] }]);
      assert.deepEqual(await bridge.call("sbtest", "runs", [path, { a: [1] }], {}, TWICE), first);
      // Another session, a proxy and a generated module ask the same.
      assert.deepEqual(await session.call("sbtest", "runs", [path, { a: [1] }], {}, TWICE), first);
      assert.deepEqual(await bridge.import("sbtest").runs(path, { a: [1] }, kw({}, TWICE)), first);
      assert.deepEqual(
        await session.run(() => pyModule("sbtest").call("runs", [path, { a: [1] }, kw({}, TWICE)])),
        first,
      );
      assert.equal(runsOf(path), 1);
    }),
  );

  it(
    "tells calls apart that are not equal",
    caching.test(async ({ bridge }) => {
      using folder = new TempFolder();
      const path = folder.file("runs");
      const call = (args: unknown[], kwargs: object = {}, options: CallOptions = TWICE) =>
        bridge.call("sbtest", "runs", [path, ...args], kwargs, options);
      await call([1]);
      await call([1.5]);
      await call(["1"]);
      await call([[1]]);
      await call([new Set([1])]);
      await call([-0]);
      await call([0]);
      await call([null]);
      await call([]);
      await call([], { value: 1 });
      await call([1], {}, { ...TWICE, returns: "value" });
      assert.equal(runsOf(path), 11);
      await call([1]);
      assert.equal(runsOf(path), 11);
    }),
  );

  it(
    "needs idempotent: true",
    caching.test(async ({ bridge }) => {
      using folder = new TempFolder();
      const path = folder.file("runs");
      for (const options of [undefined, { idempotent: false }, undefined]) {
        await bridge.call("sbtest", "runs", [path], {}, options);
      }
      assert.equal(runsOf(path), 3);
    }),
  );

  it(
    "gives everybody a value of their own",
    caching.test(async ({ bridge }) => {
      const ask = () => bridge.call("sbtest", "every_value", [], {}, TWICE) as Promise<Record<string, unknown>>;
      const untouched = await bridge.call("sbtest", "every_value");
      const first = await ask();
      assert.deepEqual(first, untouched);
      const [, ...bytes] = (first.plain as unknown[]).filter((each) => each instanceof Uint8Array) as Uint8Array[];
      for (const each of bytes) each.fill(0);
      (first.plain as unknown[]).length = 0;
      (first.set as Set<number>).clear();
      (first.map as Map<unknown, unknown>).clear();
      (first.tuple as Tuple).length = 0;
      delete first.when;
      const second = await ask();
      assert.deepEqual(second, untouched);
      for (const each of second.plain as unknown[]) if (each instanceof Uint8Array) each.fill(0);
      (second.plain as unknown[]).length = 0;
      assert.deepEqual(await ask(), untouched);
    }),
  );

  it(
    "copies arrays, too",
    caching.test(async ({ bridge }) => {
      const ask = () => bridge.call("numpy", "arange", [2_000], {}, TWICE) as Promise<NdArray>;
      const first = await ask();
      (first.data as BigInt64Array).fill(7n);
      const second = await ask();
      assert.equal((second.data as BigInt64Array)[1_999], 1_999n);
      (second.data as BigInt64Array).fill(8n);
      assert.equal(((await ask()).data as BigInt64Array)[1_999], 1_999n);
      assert.deepEqual((await ask()).shape, [2_000]);
    }),
  );

  it(
    "never keeps references",
    caching.test(async ({ bridge }) => {
      const one = await bridge.call("sbtest", "Point", [1], {}, TWICE) as Ref;
      const two = await bridge.call("sbtest", "Point", [1], {}, TWICE) as Ref;
      assert.equal(await bridge.call("builtins", "len", [[one, two]], {}, TWICE), 2);
      await one.set("x", 5);
      assert.equal(await two.get("x"), 1);
      const inside = await bridge.call("sbtest", "same", [[one, 2]], {}, TWICE) as [Ref, number];
      assert.ok(inside[0] instanceof Ref);
      await one.set("x", 6);
      assert.equal(await bridge.call("builtins", "repr", [one], {}, TWICE), "Point(6, 0)");
      await one.set("x", 7);
      assert.equal(await bridge.call("builtins", "repr", [one], {}, TWICE), "Point(7, 0)");
      const kept = { ...TWICE, returns: "ref" } as const;
      const list = await bridge.call("builtins", "list", [[1]], {}, kept) as Ref;
      await list.call("append", [2]);
      const other = await bridge.call("builtins", "list", [[1]], {}, kept) as Ref;
      assert.deepEqual(await other.value(), [1]);
      assert.equal(await one.get("x", TWICE), 7);
      await one.set("x", 8);
      assert.equal(await one.get("x", TWICE), 8);
    }),
  );

  it(
    "lets equal calls share one that is under way",
    caching.test(async ({ bridge }) => {
      using gate = new Gate();
      const calls = Array.from({ length: 5 }, () => bridge.call("sbtest", "hold", gate.args, {}, TWICE));
      await gate.begun();
      const before = bridge.stats().idempotentCache;
      gate.open();
      assert.deepEqual(await Promise.all(calls), Array(5).fill("held"));
      const after = bridge.stats().idempotentCache;
      assert.equal((after?.hits ?? 0) - (before?.hits ?? 0), 4);
      assert.equal(after?.misses, before?.misses);
    }),
  );

  it(
    "does not let one caller's end be another's",
    caching.test(async ({ bridge }) => {
      using gate = new Gate();
      const controller = new AbortController();
      const first = bridge.call("sbtest", "hold", gate.args, {}, { ...TWICE, signal: controller.signal });
      const second = bridge.call("sbtest", "hold", gate.args, {}, TWICE);
      const hasty = bridge.call("sbtest", "hold", gate.args, {}, { ...TWICE, timeoutMs: 20 });
      await gate.begun();
      await assert.rejects(hasty, (error) => error instanceof CallTimeoutError && error.timeoutMs === 20);
      controller.abort();
      await assert.rejects(first, raises(CallCancelledError));
      gate.open();
      assert.equal(await second, "held");
    }),
  );

  it(
    "shares what Python raised while it was under way, and keeps none",
    caching.test(async ({ bridge }) => {
      using folder = new TempFolder();
      const path = folder.file("fails");
      const fail = () => bridge.call("sbtest", "runs_and_fails", [path], {}, TWICE);
      const failed = await Promise.allSettled([fail(), fail()]);
      for (const each of failed) {
        assert.ok(
          each.status === "rejected" && each.reason instanceof PythonError && each.reason instanceof errors.ValueError,
        );
      }
      assert.equal(runsOf(path), 1);
      await assert.rejects(fail(), raises(errors.ValueError));
      assert.equal(runsOf(path), 2);
    }),
  );

  it(
    "lets no callback wait for a call that stands behind it",
    caching.test(async ({ bridge }) => {
      using folder = new TempFolder();
      const ask = () => bridge.call("sbtest", "runs", [folder.file("runs")], {}, TWICE);
      const begun = Promise.withResolvers<void>();
      const goOn = Promise.withResolvers<void>();
      const answer = async (): Promise<unknown> => {
        begun.resolve();
        await goOn.promise;
        return await ask();
      };
      const outer = bridge.call("functools", "reduce", [answer, [1, 2]]);
      await begun.promise;
      const behind = ask(); // there is one worker, and it waits for `answer`
      goOn.resolve();
      assert.deepEqual(await outer, [1, null]);
      assert.deepEqual(await behind, [2, null]);
    }),
  );

  it(
    "retries, too",
    caching.test(async ({ bridge }) => {
      using folder = new TempFolder();
      const path = folder.file("dies");
      const call = () => bridge.call("sbtest", "die_first", [path, 1], {}, QUICK);
      assert.deepEqual(await Promise.all([call(), call(), call()]), ["alive", "alive", "alive"]);
      assert.equal(runsOf(path), 2);
    }),
  );

  it("is bounded by entries, bytes and time", async () => {
    await using own = await Rig.start({ idempotentCache: { maxEntries: 2, maxBytes: 10_000, ttlMs: 100 } });
    await own.run(async ({ bridge }) => {
      using folder = new TempFolder();
      const path = folder.file("runs");
      const call = (value: unknown) => bridge.call("sbtest", "runs", [path, value], {}, TWICE);
      const count = async (value: unknown): Promise<boolean> => {
        const before = runsOf(path);
        await call(value);
        return runsOf(path) > before;
      };
      await call(0);
      await until("the first is too old", () => count(0));
      await call("x".repeat(20_000));
      assert.equal(await count("x".repeat(20_000)), true);
      const stats = bridge.stats().idempotentCache;
      assert.ok((stats?.entries ?? 99) <= 2 && (stats?.bytes ?? 1e9) <= 10_000);
    });
    await using other = await Rig.start({ idempotentCache: { maxEntries: 2 } });
    await other.run(async ({ bridge }) => {
      using folder = new TempFolder();
      const path = folder.file("runs");
      const call = (value: unknown) => bridge.call("sbtest", "runs", [path, value], {}, TWICE);
      await call("a");
      await call("b");
      await call("a"); // used last, so it stays
      await call("c");
      assert.equal(runsOf(path), 3);
      await call("a");
      assert.equal(runsOf(path), 3);
      await call("b");
      assert.equal(runsOf(path), 4);
      assert.equal(bridge.stats().idempotentCache?.entries, 2);
    });
  });

  it("is off unless asked for, and refuses sizes that make no sense", async () => {
    await using own = await Rig.start();
    using folder = new TempFolder();
    for (let run = 0; run < 2; run += 1) await own.bridge.call("sbtest", "runs", [folder.file("runs")], {}, TWICE);
    assert.equal(runsOf(folder.file("runs")), 2);
    assert.equal(own.bridge.stats().idempotentCache, undefined);
    const start = (idempotentCache: unknown) => SnakeBridge.start({ ...rigOptions(), idempotentCache } as object);
    await assert.rejects(start({ ttl: 5 }), /there is no option "ttl", the nearest is "ttlMs"/);
    await assert.rejects(start({ ttlMs: 0 }), /idempotentCache\.ttlMs is 0, expected a number above 0/);
    await assert.rejects(start("yes"), TypeError);
  });
});
