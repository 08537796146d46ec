import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { ClosedError, SnakeBridge, WorkerCrashedError } from "../../mod.ts";
import { Gate, TempFolder } from "../support/gate.ts";
import { raises } from "../support/raises.ts";
import { rigOptions } from "../support/rig.ts";
import { runScript } from "../support/run_script.ts";

describe("close", () => {
  it("lets calls in flight finish although another worker dies meanwhile", async () => {
    const bridge = await SnakeBridge.start(rigOptions({ size: 2 }));
    using one = new Gate();
    using two = new Gate();
    const held = bridge.call("sbtest", "hold", one.args);
    const lost = assert.rejects(bridge.call("sbtest", "hold", two.args), raises(WorkerCrashedError));
    await Promise.all([one.begun(), two.begun()]);
    const closed = bridge.close();
    const pids = bridge.stats().workers.map(({ pid }) => pid as number);
    process.kill(pids[1] as number, "SIGKILL");
    await lost;
    one.open();
    assert.equal(await held, "held");
    await closed;
  });

  it("settles when no worker is left, also of one that was being started", async () => {
    const bridge = SnakeBridge.lazy(rigOptions());
    const refused = assert.rejects(bridge.call("math", "sqrt", [4]), raises(ClosedError));
    await bridge.close();
    assert.equal(bridge.stats().pool.workers, 0);
    await refused;
  });
});

it("a script ends by itself although calls were taken back just when the one before them was answered", async () => {
  using folder = new TempFolder();
  const result = await runScript(
    `
    const bridge = await sb.SnakeBridge.start(options);
    const space = await bridge.call("builtins", "dict", [], undefined, { returns: "ref" });
    const spin = "def spin(s):\\n  end = time.perf_counter() + s\\n  while time.perf_counter() < end: pass";
    await bridge.call("builtins", "exec", ["import time, math\\n" + spin + "\\nmath.spin = spin", space]);
    for (let i = 0; i < 200; i += 1) await bridge.call("math", "sqrt", [4]);
    for (let i = 0; i < 180; i += 1) {
      for (let k = 0; k < 30; k += 1) await bridge.call("math", "sqrt", [4]);
      const calls = [bridge.call("math", "spin", [(4.6 + (i % 60) * 0.05) / 1000])];
      for (let k = 0; k < 3; k += 1) calls.push(bridge.call("math", "sqrt", [k]));
      await Promise.all(calls);
    }
    console.log("done");
  `,
    { folder },
  );
  assert.equal(result.stdout.trim(), "done", result.stderr);
  assert.equal(result.code, 0);
});
