import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import process from "node:process";
import { describe, it } from "node:test";
import { TempFolder, until } from "../support/gate.ts";
import { isAlive, processesWithEnv } from "../support/processes.ts";
import { startScript } from "../support/run_script.ts";
import { killStorm } from "./kill_storm.ts";

const BUSY = [
  ["is idle", undefined],
  ["sleeps", "begin_then_sleep"],
  ["runs a Python loop", "begin_then_spin"],
  ["swallows every exception", "stubborn"],
  ["is in a C call that holds the interpreter lock", "begin_then_c"],
] as const;

describe("a host ended by SIGKILL", () => {
  for (const [name, call] of BUSY) {
    it(`leaves no Python behind that ${name}`, async () => {
      using folder = new TempFolder();
      const begun = folder.file("begun");
      const mark = randomUUID();
      const script = startScript(
        `const bridge = await sb.SnakeBridge.start(options);
        console.log("pid", await bridge.call("os", "getpid"));
        ${call === undefined ? "" : `void bridge.call("sbtest", "${call}", [${JSON.stringify(begun)}]);`}
        console.log("stands");
        setInterval(() => {}, 1000);`,
        { folder, env: { SNAKEBRIDGE_TEST_MARK: mark } },
      );
      await until("the script stands", () => /stands/.test(script.printed()));
      if (call !== undefined) await until("Python has begun", () => existsSync(begun));
      const pid = Number(/pid (\d+)/.exec(script.printed())?.[1]);
      assert.ok(isAlive(pid));
      const start = performance.now();
      process.kill(script.child.pid as number, "SIGKILL");
      await until("Python is gone", () => !isAlive(pid), 5_000);
      assert.ok(performance.now() - start < 2_000);
      await script.ended;
      assert.deepEqual(processesWithEnv("SNAKEBRIDGE_TEST_MARK", mark), []);
    });
  }

  it("leaves no Python behind that started a child of its own, which goes on", async () => {
    using folder = new TempFolder();
    const script = startScript(
      `const bridge = await sb.SnakeBridge.start(options);
      console.log("pid", await bridge.call("os", "getpid"));
      using child = await bridge.call("subprocess", "Popen", [["sleep", "30"]]);
      console.log("child", await child.get("pid"));
      console.log("stands");
      setInterval(() => {}, 1000);`,
      { folder },
    );
    await until("the script stands", () => /stands/.test(script.printed()));
    const pid = Number(/pid (\d+)/.exec(script.printed())?.[1]);
    const child = Number(/child (\d+)/.exec(script.printed())?.[1]);
    process.kill(script.child.pid as number, "SIGKILL");
    // The child inherited none of the worker's descriptors, so it does not keep the worker.
    await until("Python is gone", () => !isAlive(pid), 5_000);
    assert.ok(isAlive(child));
    process.kill(child, "SIGKILL");
    await script.ended;
  });
});

describe("a storm of scripts ended by SIGKILL at random moments", () => {
  it("leaves no process behind", async () => {
    const { left, scripts, workersSeen } = await killStorm({ scripts: 16, parallel: 2 });
    assert.equal(scripts, 16);
    assert.ok(workersSeen > 0, "some were killed while Python lived");
    assert.deepEqual(left, []);
  });
});
