import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { errors, kw, type PyProxy, RefNotFoundError, WorkerCrashedError } from "../../mod.ts";
import { TempFolder } from "../support/gate.ts";
import { raises } from "../support/raises.ts";
import { Rig, SharedRig } from "../support/rig.ts";
import { runScript } from "../support/run_script.ts";

const rig = new SharedRig();
after(() => rig.close());

async function microtasks(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await null;
}

/** Quick calls, so that the worker takes the next ones at once. */
async function warmUp(bridge: { call(module: string, name: string, args: unknown[]): Promise<unknown> }) {
  await bridge.call("sbtest", "pid", []);
  for (let i = 0; i < 100; i += 1) await bridge.call("math", "sqrt", [4]);
}

describe("a step that is on its way", () => {
  it(
    "can be awaited although only its followers were when it was sent",
    rig.test(async ({ bridge }) => {
      await warmUp(bridge);
      const sbtest = bridge.import("sbtest");
      const text = sbtest.same("one");
      const upper = Promise.resolve(text.upper());
      await microtasks(8);
      assert.equal(await text, "one");
      assert.equal(await upper, "ONE");
    }),
  );

  it(
    "can be used although its value was asked for, when it turns out to be an object",
    rig.test(async ({ bridge }) => {
      await warmUp(bridge);
      const sbtest = bridge.import("sbtest");
      const point = sbtest.Point(1);
      const settled = Promise.resolve(point);
      await microtasks(8);
      const [x, shown] = await Promise.all([point.moved(1).x, bridge.call("builtins", "repr", [point])]);
      assert.deepEqual([x, shown], [2, "Point(1, 0)"]);
      (await settled as PyProxy)[Symbol.dispose]();
    }),
  );

  it(
    "says what to do when it was awaited as a value and is an argument",
    rig.test(async ({ bridge }) => {
      const text = bridge.import("builtins").str(12);
      assert.equal(await text, "12");
      await assert.rejects(bridge.call("builtins", "repr", [text]), raises(RefNotFoundError, /keep\(\)/));
    }),
  );

  it(
    "with an unknown kind of result is refused and harms nobody",
    rig.test(async ({ bridge }, { pid }) => {
      const slow = bridge.call("time", "sleep", [0.05]);
      await microtasks(8);
      const options = JSON.parse('{"returns":"bogus"}');
      await assert.rejects(Promise.resolve(bridge.import("sbtest").same(1, kw({}, options))), TypeError);
      assert.equal(await slow, null);
      assert.equal(await bridge.call("sbtest", "pid"), pid);
    }),
  );

  it("answers a late await also when its worker dies before it was begun", async () => {
    await using other = await Rig.start();
    const { bridge } = other;
    await warmUp(bridge);
    const crash = assert.rejects(bridge.call("os", "_exit", [3]), raises(WorkerCrashedError));
    const text = bridge.import("sbtest").same("one");
    await microtasks(4);
    assert.equal(await text, "one");
    await crash;
  });

  it(
    "hands its failure to calls of later turns",
    rig.test(async ({ bridge }) => {
      const slow = bridge.call("time", "sleep", [0.05]);
      const failing = bridge.import("sbtest").inner();
      await microtasks(8);
      await assert.rejects(Promise.resolve(failing.a), raises(errors.ZeroDivisionError));
      await slow;
    }),
  );
});

it("what a later turn handles, and what succeeded before a step timed out, is no unhandled rejection", async () => {
  using folder = new TempFolder();
  const result = await runScript(
    `
    const { default: process } = await import("node:process");
    let unhandled = 0;
    process.on("unhandledRejection", () => unhandled += 1);
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    await using bridge = await sb.SnakeBridge.start(options);
    const sbtest = bridge.import("sbtest");
    const slow = bridge.call("time", "sleep", [0.05]);
    const chained = sbtest.inner();
    const given = sbtest.inner();
    await pause(5);
    const uses = await Promise.allSettled([chained.a, bridge.call("builtins", "repr", [given]), slow]);
    console.log(uses.map(({ status }) => status).join(" "));
    void sbtest.log("done");
    const late = bridge.import("time").sleep(20, sb.kw({}, { timeoutMs: 200 }));
    await late.then(() => console.log("wrong"), (error) => console.log(error.code));
    await pause(20);
    console.log("unhandled", unhandled);
  `,
    { folder },
  );
  assert.equal(result.stdout.trim(), "rejected rejected fulfilled\ncall_timeout\nunhandled 0", result.stderr);
});
