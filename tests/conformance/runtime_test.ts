import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import {
  CallCancelledError,
  CallTimeoutError,
  kw,
  type PyProxy,
  QueueTimeoutError,
  Ref,
  SerializationError,
  SnakeBridge,
  withRuntime,
} from "../../mod.ts";
import { pyModule, type PyObject } from "../../lib/wrapper/mod.ts";
import { raises } from "../support/raises.ts";
import { Rig, rigOptions, SharedRig } from "../support/rig.ts";

const rig = new SharedRig();
after(() => rig.close());

/** Which limit a call that never ends ran into, in milliseconds. */
async function limitOf(call: () => unknown): Promise<number> {
  try {
    await call();
  } catch (error) {
    if (error instanceof CallTimeoutError) return error.timeoutMs;
    throw error;
  }
  throw new Error("it ended");
}

describe("withRuntime()", () => {
  it(
    "sets options of every kind of call, across awaits",
    rig.test(async ({ bridge, session }) => {
      const sleepers = await bridge.call("sbtest", "Sleeper") as Ref;
      const proxy = bridge.import("time");
      await withRuntime({ timeoutMs: 21 }, async () => {
        assert.equal(await limitOf(() => bridge.call("time", "sleep", [60])), 21);
        await delay(1);
        assert.equal(await limitOf(() => session.call("time", "sleep", [60])), 21);
        assert.equal(await limitOf(() => proxy.sleep(60)), 21);
        assert.equal(await limitOf(() => bridge.import("sbtest").Sleeper().sleep()), 21);
        assert.equal(await limitOf(() => sleepers.call("sleep")), 21);
        assert.equal(await limitOf(() => sleepers.len()), 21);
        assert.equal(await limitOf(() => bridge.withSession((inner) => inner.call("time", "sleep", [60]))), 21);
        assert.equal(await limitOf(() => session.run(() => pyModule("time").call<PyObject>("sleep", [60]))), 21);
        assert.equal(
          await limitOf(async () => {
            for await (const _ of sleepers) assert.fail("no item");
          }),
          21,
        );
      });
    }),
  );

  it(
    "gives way to what a call says itself, however it says it",
    rig.test(async ({ bridge, session }) => {
      const sleeper = await bridge.call("sbtest", "Sleeper") as Ref;
      await withRuntime({ timeoutMs: 14_000, returns: "ref" }, async () => {
        const options = { timeoutMs: 22 };
        assert.equal(await limitOf(() => bridge.call("time", "sleep", [60], {}, options)), 22);
        assert.equal(await limitOf(() => bridge.import("time").sleep(60, kw({}, options))), 22);
        assert.equal(await limitOf(() => bridge.import("sbtest").Sleeper().sleep(kw({}, options))), 22);
        assert.equal(await limitOf(() => sleeper.call("sleep", [], {}, options)), 22);
        assert.equal(await limitOf(() => session.run(() => pyModule("time").call("sleep", [60, kw({}, options)]))), 22);
        assert.ok(await bridge.call("math", "sqrt", [16]) instanceof Ref);
        assert.equal(await bridge.call("math", "sqrt", [16], {}, { returns: "auto" }), 4);
      });
    }),
  );

  it(
    "nests and merges, and ends with its function",
    rig.test(async ({ bridge }) => {
      await withRuntime({ timeoutMs: 14_000, returns: "ref" }, async () => {
        await withRuntime({ timeoutMs: 23 }, async () => {
          assert.equal(await limitOf(() => bridge.call("time", "sleep", [60])), 23);
        });
        assert.ok(await bridge.call("math", "sqrt", [16]) instanceof Ref);
        await withRuntime({ returns: "value" }, async () => {
          await assert.rejects(bridge.call("sbtest", "Point", [1]), raises(SerializationError));
        });
      });
      assert.equal(await bridge.call("math", "sqrt", [16]), 4);
    }),
  );

  it(
    "keeps concurrent flows apart",
    rig.test(async ({ bridge }) => {
      const forms = await Promise.all((["ref", "auto"] as const).map((returns) =>
        withRuntime({ returns }, async () => {
          await delay(1);
          return typeof await bridge.call("math", "sqrt", [16]);
        })
      ));
      assert.deepEqual(forms, ["object", "number"]);
    }),
  );

  it(
    "carries a signal",
    rig.test(async ({ bridge }) => {
      const controller = new AbortController();
      const call = withRuntime({ signal: controller.signal }, () => bridge.call("time", "sleep", [60]));
      controller.abort();
      await assert.rejects(call, raises(CallCancelledError));
    }),
  );

  it(
    "leaves calls of callbacks inside the call that waits for them",
    rig.test(async ({ bridge }) => {
      const inner = (a: number, b: number): Promise<unknown> =>
        withRuntime({ returns: "value" }, async () => await bridge.call("operator", "add", [a, b]));
      assert.equal(await bridge.call("functools", "reduce", [inner, [1, 2, 3]]), 6);
    }),
  );

  it("refuses unknown options with the nearest name", () => {
    assert.throws(
      () => withRuntime({ timeout: 5 } as object, () => assert.fail("not run")),
      new TypeError(`Cannot set call options: there is no option "timeout", the nearest is "timeoutMs"`),
    );
  });
});

describe("options of calls", () => {
  it(
    "are refused with the nearest name, wherever they stand",
    rig.test(async ({ bridge, session }) => {
      const wrong = { timeout: 5 } as object;
      const right = /there is no option "timeout", the nearest is "timeoutMs"/;
      using point = await bridge.call("sbtest", "Point", [1]) as Ref;
      await assert.rejects(bridge.call("math", "sqrt", [16], {}, wrong), right);
      await assert.rejects(session.attr("math", "pi", wrong), right);
      await assert.rejects(point.get("x", wrong), right);
      await assert.rejects(point.len(wrong), right);
      assert.throws(() => kw({}, wrong), right);
      await assert.rejects(async () => {
        for await (const _ of point.iterate(wrong)) assert.fail("no item");
      }, right);
      await assert.rejects(bridge.call("math", "sqrt", [16], {}, { timeoutProfile: "batch" }), /"batch".*"batch_job"/);
      await assert.rejects(
        async () => await bridge.import("math").sqrt(16, kw({}, { timeoutProfile: "batch" })),
        /"batch".*"batch_job"/,
      );
    }),
  );

  it("are refused at the start of a bridge, too", async () => {
    await assert.rejects(
      SnakeBridge.start({ ...rigOptions(), queueTimeout: 1 } as object),
      new TypeError(`Cannot start bridge: there is no option "queueTimeout", the nearest is "queueTimeoutMs"`),
    );
  });
});

describe("BridgeOptions.libraryProfiles", () => {
  it("gives a library's calls, objects and chains its limits", async () => {
    await using own = await Rig.start({
      timeoutProfiles: { short: { timeoutMs: 24 }, shorter: { timeoutMs: 25 } },
      libraryProfiles: { sbtest: "short", time: "shorter" },
    });
    await own.run(async ({ bridge }) => {
      const sleeper = await withRuntime({ timeoutMs: 14_000 }, () => bridge.call("sbtest", "Sleeper")) as Ref;
      assert.equal(await limitOf(() => bridge.call("time", "sleep", [60])), 25);
      assert.equal(await limitOf(() => sleeper.call("sleep")), 24);
      assert.equal(await limitOf(() => (sleeper.py as PyProxy).sleep()), 24);
      assert.equal(await limitOf(() => bridge.import("time").sleep(60)), 25);
      assert.equal(await limitOf(() => bridge.import("time").sleep(60, kw({}, { timeoutMs: 26 }))), 26);
    });
  });
});

describe("CallOptions.streamTimeoutMs", () => {
  it(
    "limits all waits of an iteration together",
    rig.test(async ({ bridge }) => {
      const source = await bridge.call("sbtest", "drip", [0.02]) as Ref;
      let items = 0;
      await assert.rejects(async () => {
        for await (const _ of source.iterate({ streamTimeoutMs: 300 })) items += 1;
      }, (error) => {
        assert.ok(error instanceof CallTimeoutError);
        assert.equal(error.timeoutMs, 300);
        assert.match(error.message, /raise streamTimeoutMs/);
        return true;
      });
      assert.ok(items >= 1);
    }),
  );

  it(
    "does not count what the loop takes for itself",
    rig.test(async ({ bridge }) => {
      const source = await bridge.call("sbtest", "drip", [0, 3]) as Ref;
      let items = 0;
      for await (const _ of source.iterate({ streamTimeoutMs: 2_000 })) {
        items += 1;
        const end = performance.now() + 800;
        while (performance.now() < end);
      }
      assert.equal(items, 3);
    }),
  );
});

describe("the time budget", () => {
  it("is ended by the shorter limit of the line, with its error", async () => {
    await using own = await Rig.start({ queueTimeoutMs: 30 });
    const first = own.bridge.call("time", "sleep", [60], {}, { timeoutMs: 1_000 });
    const waiting = own.bridge.call("math", "sqrt", [16], {}, { timeoutMs: 5_000 });
    const same = own.bridge.call("math", "sqrt", [16], {}, { timeoutMs: 30 });
    await assert.rejects(waiting, raises(QueueTimeoutError));
    await assert.rejects(same, raises(QueueTimeoutError));
    await assert.rejects(first, raises(CallTimeoutError));
  });

  it(
    "begins when a step is planned, not when what it waits for is there",
    rig.test(async ({ bridge }) => {
      const builtins = bridge.import("builtins");
      const controller = new AbortController();
      const slow = bridge.import("time").sleep(60, kw({}, { signal: controller.signal }));
      const first = assert.rejects(async () => await slow, raises(CallCancelledError));
      // Awaited as a value, it is not usable before it is answered.
      await delay(1);
      await assert.rejects(
        async () => await builtins.repr(slow, kw({}, { timeoutMs: 40 })),
        (error) => error instanceof CallTimeoutError && !error.mayHaveRun && error.timeoutMs === 40,
      );
      controller.abort();
      await first;
    }),
  );
});
