import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { errors, kw, SnakeBridge, type SnakeBridgeError, WorkerCrashedError } from "../../mod.ts";
import { Gate, TempFolder, until } from "../support/gate.ts";
import { isAlive } from "../support/processes.ts";
import { raises } from "../support/raises.ts";
import { Rig, rigOptions } from "../support/rig.ts";

const DEATHS = [
  ["exit", 3, null],
  ["kill", null, "SIGKILL"],
  ["segfault", null, "SIGSEGV"],
  ["term", null, "SIGTERM"],
] as const;

describe("WorkerCrashedError", () => {
  for (const [how, exitCode, signal] of DEATHS) {
    it(`tells of ${signal ?? `status ${exitCode}`}, with the last words`, async () => {
      await using rig = await Rig.start();
      await rig.run(async ({ bridge }) => {
        const { pid } = rig;
        for (
          const call of [() => bridge.call("sbtest", "die", [how]), async () => await bridge.import("sbtest").die(how)]
        ) {
          const before = rig.pid;
          await assert.rejects(call(), (error) => {
            assert.ok(error instanceof WorkerCrashedError, String(error));
            assert.equal(error.pid, before);
            assert.equal(error.exitCode, exitCode);
            assert.equal(error.signal, signal);
            assert.match(error.stderrTail, new RegExp(`last words of ${how}`));
            assert.equal(error.mayHaveRun, true);
            assert.equal(error.category, "worker");
            assert.equal(error.code, "worker_crashed");
            assert.match(error.message, /sbtest\.die/);
            return true;
          });
          assert.equal(await bridge.call("math", "sqrt", [4]), 2);
        }
        assert.notEqual(rig.pid, pid);
        assert.equal(bridge.stats().pool.crashed, 2);
      });
    });
  }

  it("tells of a worker that somebody killed from outside", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      using gate = new Gate();
      const held = bridge.call("sbtest", "hold", gate.args);
      held.catch(() => {});
      await gate.begun();
      process.kill(rig.pid, "SIGKILL");
      await assert.rejects(held, raises(WorkerCrashedError, /SIGKILL/));
      assert.equal(await bridge.call("math", "sqrt", [4]), 2);
    });
  });
});

describe("a crash", () => {
  it("rejects the call that was hit alone, not those that wait", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      using gate = new Gate();
      const hit = bridge.call("sbtest", "die_after", gate.args);
      hit.catch(() => {});
      await gate.begun();
      const waiting = Array.from({ length: 20 }, (_, i) => bridge.call("sbtest", "same", [i]));
      const chain = Promise.resolve(bridge.import("sbtest").Point(5).moved(1).x);
      gate.open();
      await assert.rejects(hit, raises(WorkerCrashedError));
      assert.deepEqual(await Promise.all(waiting), Array.from({ length: 20 }, (_, i) => i));
      assert.equal(await chain, 6);
      assert.equal(bridge.stats().pool.crashed, 1);
    });
  });

  it("does not reject what was handed ahead to the worker", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      for (let round = 0; round < 5; round += 1) {
        const { worker } = rig;
        // Quick calls make the worker one that is handed calls ahead.
        for (let i = 0; i < 100; i += 1) await bridge.call("sbtest", "same", [i]);
        const hit = bridge.call("os", "_exit", [3]);
        const behind = Array.from({ length: 30 }, (_, i) => bridge.call("sbtest", "same", [i]));
        const chain = Promise.resolve(bridge.import("sbtest").Point(5).moved(1).x);
        assert.ok(worker.load > 1, "calls were handed ahead");
        await assert.rejects(hit, raises(WorkerCrashedError));
        assert.deepEqual(await Promise.all(behind), Array.from({ length: 30 }, (_, i) => i));
        assert.equal(await chain, 6);
      }
    });
  });

  it("hits a chain as a whole", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      const sbtest = bridge.import("sbtest");
      const died = sbtest.die("exit");
      const results = await Promise.allSettled([died.a, died.b(), died]);
      for (const result of results) {
        assert.ok(result.status === "rejected" && result.reason instanceof WorkerCrashedError, JSON.stringify(result));
      }
      const late = sbtest.Point(1).moved(sbtest.die("kill")).x;
      await assert.rejects(Promise.resolve(late), raises(WorkerCrashedError));
      assert.equal(await sbtest.Point(1).x, 1);
    });
  });

  it("of one worker leaves the others alone", async () => {
    await using rig = await Rig.start({ size: 2 });
    await rig.run(async ({ bridge }) => {
      using gate = new Gate();
      const held = bridge.call("sbtest", "hold", gate.args);
      await gate.begun();
      await assert.rejects(bridge.call("sbtest", "die", ["exit"]), raises(WorkerCrashedError));
      gate.open();
      assert.equal(await held, "held");
      await until(
        "the pool is back at size",
        () => bridge.stats().workers.filter((w) => w.state === "ready").length === 2,
      );
    });
  });

  it("in the middle of an iteration ends it with the error", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      using gate = new Gate();
      const items: unknown[] = [];
      await assert.rejects(async () => {
        for await (const item of bridge.import("sbtest").slow(...gate.args)) {
          items.push(item);
          if (item === "second") void gate.begun().then(() => process.kill(rig.pid, "SIGKILL"));
        }
      }, raises(WorkerCrashedError));
      assert.deepEqual(items, ["first", "second"]);
    });
  });

  it("while a call is interrupted rejects once, with the cancellation", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      using gate = new Gate();
      const controller = new AbortController();
      const call = bridge.call("sbtest", "hold", gate.args, {}, { signal: controller.signal });
      call.catch(() => {});
      await gate.begun();
      const { pid } = rig;
      controller.abort();
      process.kill(pid, "SIGKILL");
      await assert.rejects(call, /cancelled/);
      assert.equal(await bridge.call("math", "sqrt", [4]), 2);
    });
  });

  it("one after the other does not stop the pool", async () => {
    await using rig = await Rig.start({ size: 2 });
    await rig.run(async ({ bridge }) => {
      const results = await Promise.allSettled(
        Array.from(
          { length: 24 },
          (_, i) => i % 3 === 0 ? bridge.call("os", "_exit", [i]) : bridge.call("sbtest", "same", [i]),
        ),
      );
      for (const [i, result] of results.entries()) {
        if (i % 3 !== 0) assert.deepEqual(result, { status: "fulfilled", value: i });
        else {assert.ok(
            result.status === "rejected" && result.reason instanceof WorkerCrashedError && result.reason.exitCode === i,
          );}
      }
    });
  });
});

describe("what Python code does to its own process", () => {
  it("fork: the child does not answer, the worker does", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      using folder = new TempFolder();
      await bridge.call("sbtest", "same", [1]);
      const code = "import os, sys\npid = os.fork()\nif pid == 0:\n    sys.exit(0)\nos.waitpid(pid, 0)\n";
      await bridge.call("builtins", "exec", [code, {}]);
      const child = await bridge.call("sbtest", "fork_and_return") as number;
      assert.equal(await bridge.call("sbtest", "pid"), rig.pid);
      await until("the child is gone", () => !isAlive(child), 5_000);
      assert.ok(folder.path);
    });
  });

  it("closing every descriptor ends it with a typed error", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      await assert.rejects(
        bridge.call("os", "closerange", [3, 100], {}, { timeoutMs: 5_000 }),
        (error) => /worker_crashed|call_timeout/.test((error as SnakeBridgeError).code),
      );
      assert.equal(await bridge.call("math", "sqrt", [4]), 2);
    });
  });

  it("rubbish on the data descriptor ends it with a typed error", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      for (const rubbish of [new Uint8Array(64).fill(255), new TextEncoder().encode("print to the wrong place\n")]) {
        await assert.rejects(bridge.call("os", "write", [3, rubbish], {}, { timeoutMs: 5_000 }), (error) => {
          assert.match((error as SnakeBridgeError).code, /worker_crashed|protocol|call_timeout/);
          return true;
        });
        assert.equal(await bridge.call("math", "sqrt", [4]), 2);
      }
    });
  });

  it("changing stdout, stdin, signals or the folder does not disturb it", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      const code = [
        "import os, sys, signal",
        "sys.stdout = None; sys.stderr = None; sys.stdin = None",
        "os.close(0); os.close(1)",
        "os.chdir('/')",
        "signal.signal(signal.SIGINT, signal.SIG_IGN)",
      ].join("\n");
      await bridge.call("builtins", "exec", [code, {}]);
      assert.equal(await bridge.call("sbtest", "pid"), rig.pid);
      await assert.rejects(bridge.call("sbtest", "fail", ["cause"]), raises(errors.RuntimeError));
      await assert.rejects(bridge.call("sbtest", "spin", [], {}, { timeoutMs: 30 }), /no result within 30 ms/);
      assert.equal(await bridge.call("sbtest", "pid"), rig.pid);
    });
  });

  it("a SIGINT, as from Ctrl-C, does not end it", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      using gate = new Gate();
      const held = bridge.call("sbtest", "hold", gate.args);
      await gate.begun();
      process.kill(rig.pid, "SIGINT");
      gate.open();
      assert.equal(await held, "held");
      process.kill(rig.pid, "SIGINT");
      assert.equal(await bridge.call("sbtest", "pid"), rig.pid);
    });
  });
});

describe("BridgeOptions.stdout and stderr", () => {
  it("give what Python prints, and never reach the protocol", async () => {
    let out = "";
    let err = "";
    const bridge = await SnakeBridge.start(rigOptions({
      stdout: (chunk) => void (out += new TextDecoder().decode(chunk)),
      stderr: (chunk) => void (err += new TextDecoder().decode(chunk)),
    }));
    await bridge.call("builtins", "print", ["to out"]);
    await bridge.import("builtins").print("to err", kw({ file: bridge.import("sys").stderr }));
    await bridge.call("os", "system", ["echo from a child"]);
    await bridge.close();
    assert.equal(out, "to out\nfrom a child\n");
    assert.equal(err, "to err\n");
  });
});
