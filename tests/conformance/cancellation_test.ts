import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { CallCancelledError, CallTimeoutError, kw, type Ref, WorkerCrashedError } from "../../mod.ts";
import { Gate, TempFolder, until } from "../support/gate.ts";
import { isAlive } from "../support/processes.ts";
import { raises } from "../support/raises.ts";
import { Rig, SharedRig } from "../support/rig.ts";
import { existsSync } from "node:fs";

const rig = new SharedRig();
after(() => rig.close());

/** How long `work` took, in milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

describe("CallOptions.signal", () => {
  it(
    "already aborted: nothing is sent",
    rig.test(async ({ bridge }, { worker }) => {
      const before = worker.peer.lastId;
      const options = { signal: AbortSignal.abort("no") };
      await assert.rejects(bridge.call("math", "sqrt", [4], {}, options), (error) => {
        assert.ok(error instanceof CallCancelledError);
        assert.equal(error.mayHaveRun, false);
        assert.equal(error.cause, "no");
        assert.equal(error.code, "call_cancelled");
        return true;
      });
      await assert.rejects(Promise.resolve(bridge.import("math").sqrt(4, kw({}, options))), raises(CallCancelledError));
      assert.equal(worker.peer.lastId, before);
    }),
  );

  it(
    "takes a queued call out at once",
    rig.test(async ({ bridge }) => {
      using gate = new Gate();
      const held = bridge.call("sbtest", "hold", gate.args);
      await gate.begun();
      await bridge.call("sbtest", "take_log", [], {}, { timeoutMs: 1 }).catch(() => {});
      const controller = new AbortController();
      const queued = bridge.call("sbtest", "log", ["must not run"], {}, { signal: controller.signal });
      assert.equal(bridge.stats().pool.queued, 1);
      controller.abort();
      await assert.rejects(queued, (error) => error instanceof CallCancelledError && !error.mayHaveRun);
      assert.equal(bridge.stats().pool.queued, 0);
      gate.open();
      assert.equal(await held, "held");
      assert.deepEqual(await bridge.call("sbtest", "take_log"), []);
    }),
  );

  for (
    const [name, call] of [
      ["a Python loop", "begin_then_spin"],
      ["a sleeping call", "begin_then_sleep"],
    ] as const
  ) {
    it(
      `interrupts ${name}, and the worker lives on`,
      rig.test(async ({ bridge }, { pid }) => {
        using folder = new TempFolder();
        const begun = folder.file("begun");
        const controller = new AbortController();
        const call_ = bridge.call("sbtest", call, [begun], {}, { signal: controller.signal });
        call_.catch(() => {});
        await until("Python has begun", () => existsSync(begun));
        const took = await timed(async () => {
          controller.abort();
          await assert.rejects(call_, (error) => error instanceof CallCancelledError && error.mayHaveRun);
        });
        assert.ok(took < 100, `rejected after ${took} ms`);
        assert.equal(await bridge.call("sbtest", "pid"), pid);
      }),
    );
  }

  it(
    "interrupts a chain, all of its steps",
    rig.test(async ({ bridge }, { pid }) => {
      using folder = new TempFolder();
      const begun = folder.file("begun");
      const controller = new AbortController();
      const sbtest = bridge.import("sbtest");
      const chain = Promise.resolve(sbtest.begin_then_spin(begun, kw({}, { signal: controller.signal })).a.b());
      chain.catch(() => {});
      await until("Python has begun", () => existsSync(begun));
      controller.abort();
      await assert.rejects(chain, raises(CallCancelledError));
      assert.equal(await sbtest.pid(), pid);
    }),
  );

  it(
    "aborted after the call was done is harmless",
    rig.test(async ({ bridge }, { pid }) => {
      const controller = new AbortController();
      const options = { signal: controller.signal };
      assert.equal(await bridge.call("math", "sqrt", [4], {}, options), 2);
      assert.equal(await bridge.import("math").sqrt(9, kw({}, options)), 3);
      controller.abort();
      assert.equal(await bridge.call("sbtest", "pid"), pid);
    }),
  );

  it(
    "aborted at any moment of a quick call hits that call or none",
    rig.test(async ({ bridge }, { pid }) => {
      let cancelled = 0;
      for (let i = 0; i < 300; i += 1) {
        const controller = new AbortController();
        const calls = [
          bridge.call("sbtest", "same", [i], {}, { signal: controller.signal }),
          bridge.call("sbtest", "same", [-i]),
        ];
        // As many turns as the answer may take, so that aborts fall before, beside and behind it.
        for (let turn = 0; turn < i % 7; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
        controller.abort();
        const [hit, other] = await Promise.allSettled(calls);
        if (hit?.status === "rejected") {
          assert.ok(hit.reason instanceof CallCancelledError, String(hit.reason));
          cancelled += 1;
        } else assert.equal(hit?.value, i);
        assert.deepEqual(other, { status: "fulfilled", value: -i });
      }
      assert.ok(cancelled > 0, "some were cancelled");
      assert.equal(await bridge.call("sbtest", "pid"), pid);
    }),
  );
});

describe("CallOptions.timeoutMs", () => {
  it(
    "rejects a running call in time, interrupts it, and the worker lives on",
    rig.test(async ({ bridge }, { pid }) => {
      const took = await timed(() =>
        assert.rejects(bridge.call("sbtest", "spin", [], {}, { timeoutMs: 50 }), (error) => {
          assert.ok(error instanceof CallTimeoutError);
          assert.equal(error.timeoutMs, 50);
          assert.equal(error.mayHaveRun, true);
          assert.equal(error.category, "timeout");
          return true;
        })
      );
      assert.ok(took >= 45 && took < 500, `rejected after ${took} ms`);
      assert.equal(await bridge.call("sbtest", "pid"), pid);
    }),
  );

  it(
    "counts the time in the queue, and says that the call never ran",
    rig.test(async ({ bridge }) => {
      using gate = new Gate();
      const held = bridge.call("sbtest", "hold", gate.args);
      await gate.begun();
      await assert.rejects(
        bridge.call("sbtest", "log", ["must not run"], {}, { timeoutMs: 30 }),
        (error) => error instanceof CallTimeoutError && !error.mayHaveRun,
      );
      await assert.rejects(
        Promise.resolve(bridge.import("sbtest").log("nor this", kw({}, { timeoutMs: 30 })).upper()),
        raises(CallTimeoutError),
      );
      gate.open();
      await held;
      assert.deepEqual(await bridge.call("sbtest", "take_log"), []);
    }),
  );

  it(
    "may be Infinity",
    rig.test(async ({ bridge }) => {
      assert.equal(await bridge.call("math", "sqrt", [4], {}, { timeoutMs: Infinity }), 2);
    }),
  );

  it(
    "of an iteration stops a producer that hangs",
    rig.test(async ({ bridge }, { pid }) => {
      using gate = new Gate();
      using slow = await bridge.call("sbtest", "slow", gate.args) as Ref;
      const items: unknown[] = [];
      await assert.rejects(async () => {
        for await (const item of slow.iterate({ timeoutMs: 200 })) items.push(item);
      }, raises(CallTimeoutError));
      assert.deepEqual(items, ["first", "second"]);
      assert.equal(await bridge.call("sbtest", "pid"), pid);
    }),
  );
});

describe("BridgeOptions.cancelGraceMs", () => {
  it("is how long code that ignores the interrupt may go on before its worker is replaced", async () => {
    await using rig = await Rig.start({ cancelGraceMs: 100 });
    await rig.run(async ({ bridge }) => {
      for (const name of ["stubborn", "begin_then_c"]) {
        using folder = new TempFolder();
        const { pid } = rig;
        const begun = folder.file("begun");
        const controller = new AbortController();
        const call = bridge.call("sbtest", name, [begun], {}, { signal: controller.signal });
        call.catch(() => {});
        await until("Python has begun", () => existsSync(begun));
        const queued = bridge.call("sbtest", "pid");
        controller.abort();
        const took = await timed(() => assert.rejects(call, raises(CallCancelledError)));
        assert.ok(took < 50, `${name}: rejected after ${took} ms`);
        // What waited behind it runs on the worker that takes its place.
        assert.notEqual(await queued, pid, name);
        await until("the old worker is gone", () => !isAlive(pid), 2_000);
      }
      assert.equal(bridge.stats().pool.crashed, 2);
    });
  });

  it("does not hurt a call that stops in time", async () => {
    await using rig = await Rig.start({ cancelGraceMs: 300 });
    await rig.run(async ({ bridge }) => {
      const { pid } = rig;
      await assert.rejects(bridge.call("sbtest", "spin", [], {}, { timeoutMs: 20 }), raises(CallTimeoutError));
      // A long call right behind it, which is still running when the grace of the first has passed.
      using gate = new Gate();
      const next = bridge.call("sbtest", "hold", gate.args);
      await gate.begun();
      await new Promise((resolve) => setTimeout(resolve, 400));
      gate.open();
      assert.equal(await next, "held");
      assert.equal(await bridge.call("sbtest", "pid"), pid);
      await assert.rejects(bridge.call("sbtest", "die", ["exit"]), raises(WorkerCrashedError));
    });
  });

  it("does not cost the call that runs when one handed ahead behind it is cancelled", async () => {
    await using rig = await Rig.start({ cancelGraceMs: 50 });
    await rig.run(async ({ bridge }) => {
      const { pid, worker } = rig;
      for (let i = 0; i < 100; i += 1) await bridge.call("sbtest", "same", [i]);
      const running = bridge.call("sbtest", "hold_lock", [1]);
      const behind = bridge.call("sbtest", "log", ["behind"], {}, { timeoutMs: 100 });
      assert.equal(worker.load, 2, "the second was handed ahead");
      await assert.rejects(behind, raises(CallTimeoutError));
      assert.equal(await running, "slept");
      assert.equal(await bridge.call("sbtest", "pid"), pid);
    });
  });
});
