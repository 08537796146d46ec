import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import {
  CallTimeoutError,
  ClosedError,
  PythonNotFoundError,
  QueueFullError,
  QueueTimeoutError,
  SnakeBridge,
  WorkerCrashedError,
  WorkerStartError,
} from "../../mod.ts";
import { Gate, TempFolder, until } from "../support/gate.ts";
import { isAlive } from "../support/processes.ts";
import { raises } from "../support/raises.ts";
import { Rig, rigOptions } from "../support/rig.ts";

describe("BridgeOptions.size", () => {
  it("is how many calls run at the same time", async () => {
    await using rig = await Rig.start({ size: 2 });
    await rig.run(async ({ bridge }) => {
      using folder = new TempFolder();
      const [a, b] = [folder.file("a"), folder.file("b")];
      // Each waits for the other: one after the other they would wait for ever.
      const pids = await Promise.all([bridge.call("sbtest", "meet", [a, b]), bridge.call("sbtest", "meet", [b, a])]);
      assert.equal(new Set(pids).size, 2);
      assert.equal(bridge.stats().workers.length, 2);
      assert.equal(bridge.stats().pool.started, 2);
    });
  });

  it("is never exceeded, and a lazy bridge starts what it needs", async () => {
    const bridge = SnakeBridge.lazy(rigOptions({ size: 3 }));
    try {
      assert.equal(bridge.stats().pool.workers, 0);
      await bridge.call("math", "sqrt", [4]);
      assert.equal(bridge.stats().pool.workers, 1);
      using folder = new TempFolder();
      const names = ["a", "b", "c"].map((name) => folder.file(name));
      const pids = await Promise.all(
        names.map((name, i) => bridge.call("sbtest", "meet", [name, names[(i + 1) % names.length]])),
      );
      assert.equal(new Set(pids).size, 3);
      await Promise.all(Array.from({ length: 200 }, () => bridge.call("sbtest", "pid")));
      assert.equal(bridge.stats().pool.started, 3);
    } finally {
      await bridge.close();
    }
  });

  it("must be a whole number from 1", () => {
    for (const size of [0, -1, 1.5, NaN]) assert.throws(() => SnakeBridge.lazy(rigOptions({ size })), RangeError);
  });
});

describe("the line", () => {
  it("is first in, first out", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      using gate = new Gate();
      const held = bridge.call("sbtest", "hold", gate.args);
      await gate.begun();
      const texts = Array.from({ length: 50 }, (_, i) => `call ${i}`);
      const calls = texts.map((text, i) =>
        i % 2 === 0 ? bridge.call("sbtest", "log", [text]) : Promise.resolve(bridge.import("sbtest").log(text))
      );
      gate.open();
      await Promise.all([held, ...calls]);
      const log = await bridge.call("sbtest", "take_log") as string[];
      // Proxies send at the end of the turn, so they come after plain calls of the same turn.
      assert.deepEqual(log, [...texts.filter((_, i) => i % 2 === 0), ...texts.filter((_, i) => i % 2 === 1)]);
    });
  });

  it("refuses calls beyond maxQueueSize with QueueFullError", async () => {
    await using rig = await Rig.start({ maxQueueSize: 2 });
    await rig.run(async ({ bridge }) => {
      using gate = new Gate();
      const held = bridge.call("sbtest", "hold", gate.args);
      await gate.begun();
      const queued = [bridge.call("sbtest", "same", [1]), bridge.call("sbtest", "same", [2])];
      await assert.rejects(bridge.call("sbtest", "same", [3]), (error) => {
        assert.ok(error instanceof QueueFullError);
        assert.equal(error.code, "queue_full");
        assert.equal(error.mayHaveRun, false);
        assert.equal(error.category, "pool");
        return true;
      });
      await assert.rejects(Promise.resolve(bridge.import("sbtest").same(3).a), raises(QueueFullError));
      gate.open();
      assert.deepEqual(await Promise.all([...queued, held]), [1, 2, "held"]);
    });
  });

  it("gives up after queueTimeoutMs with QueueTimeoutError", async () => {
    await using rig = await Rig.start({ queueTimeoutMs: 40 });
    await rig.run(async ({ bridge }) => {
      using gate = new Gate();
      const held = bridge.call("sbtest", "hold", gate.args);
      await gate.begun();
      await assert.rejects(bridge.call("sbtest", "log", ["must not run"]), (error) => {
        assert.ok(error instanceof QueueTimeoutError);
        assert.ok(!(error instanceof CallTimeoutError));
        assert.equal(error.queueTimeoutMs, 40);
        assert.equal(error.mayHaveRun, false);
        return true;
      });
      gate.open();
      assert.equal(await held, "held");
      assert.deepEqual(await bridge.call("sbtest", "take_log"), []);
    });
  });

  it("does not hold quick calls up behind a slow one while another worker is free", async () => {
    await using rig = await Rig.start({ size: 2 });
    await rig.run(async ({ bridge }) => {
      // Quick calls first, so that calls are handed ahead.
      for (let i = 0; i < 50; i += 1) await Promise.all([bridge.call("sbtest", "pid"), bridge.call("sbtest", "pid")]);
      using gate = new Gate();
      const held = bridge.call("sbtest", "hold", gate.args);
      const quick = await Promise.all(Array.from({ length: 100 }, (_, i) => bridge.call("sbtest", "same", [i])));
      assert.equal(quick.length, 100);
      gate.open();
      assert.equal(await held, "held");
    });
  });
});

describe("SnakeBridge.close()", () => {
  it("may be called twice, and then calls are refused", async () => {
    const bridge = await SnakeBridge.start(rigOptions());
    const pids = bridge.stats().workers.map(({ pid }) => pid as number);
    await Promise.all([bridge.close(), bridge.close()]);
    await bridge.close();
    assert.ok(pids.length === 1 && pids.every((pid) => !isAlive(pid)));
    assert.equal(bridge.closed, true);
    await assert.rejects(bridge.call("math", "sqrt", [4]), raises(ClosedError));
    await assert.rejects(Promise.resolve(bridge.import("math").sqrt(4)), raises(ClosedError));
    await assert.rejects(bridge.ready(), raises(ClosedError));
    assert.throws(() => bridge.session(), ClosedError);
  });

  it("lets calls in flight finish and rejects those that wait", async () => {
    const bridge = await SnakeBridge.start(rigOptions());
    using gate = new Gate();
    const held = bridge.call("sbtest", "hold", gate.args);
    await gate.begun();
    const queued = bridge.call("sbtest", "pid");
    const closing = bridge.close();
    await assert.rejects(queued, (error) => error instanceof ClosedError && !error.mayHaveRun);
    gate.open();
    assert.equal(await held, "held");
    await closing;
  });

  it("kills what does not end within its grace, and tells the caller", async () => {
    const bridge = await SnakeBridge.start(rigOptions());
    using gate = new Gate();
    const held = bridge.call("sbtest", "hold", gate.args);
    held.catch(() => {});
    await gate.begun();
    const [pid] = bridge.stats().workers.map((worker) => worker.pid as number);
    const start = performance.now();
    await bridge.close({ graceMs: 100 });
    assert.ok(performance.now() - start < 3_000);
    await assert.rejects(held, (error) => error instanceof WorkerCrashedError && error.mayHaveRun);
    assert.equal(isAlive(pid as number), false);
  });

  it("while workers start leaves none behind", async () => {
    const bridge = SnakeBridge.lazy(rigOptions({ size: 2 }));
    const calls = [bridge.call("os", "getpid"), bridge.call("os", "getpid"), bridge.call("os", "getpid")];
    const settled = Promise.allSettled(calls);
    await Promise.resolve();
    await bridge.close();
    for (const result of await settled) {
      if (result.status === "rejected") assert.ok(result.reason instanceof ClosedError, String(result.reason));
      else await until("its worker is gone", () => !isAlive(result.value as number), 3_000);
    }
    assert.equal(bridge.stats().pool.workers, 0);
  });
});

describe("a worker that does not start", () => {
  it("because there is no such program is PythonNotFoundError", async () => {
    const options = rigOptions({ python: "/nonexistent/python3" });
    await assert.rejects(SnakeBridge.start(options), raises(PythonNotFoundError, /nonexistent.*SNAKEBRIDGE_PYTHON/));
    const lazy = SnakeBridge.lazy(options);
    await assert.rejects(lazy.call("math", "sqrt", [4]), raises(PythonNotFoundError));
    await assert.rejects(Promise.resolve(lazy.import("math").sqrt(4)), raises(PythonNotFoundError));
    await lazy.close();
  });

  for (
    const [name, body, pattern] of [
      ["exits", "#!/bin/sh\necho no licence >&2\nexit 7\n", /status 7[^]*no licence/],
      ["is no program", "this is no program\n", /Cannot start/],
      ["kills itself", "#!/bin/sh\nkill -9 $$\n", /SIGKILL/],
    ] as const
  ) {
    it(`because it ${name} is WorkerStartError, for calls too`, async () => {
      using folder = new TempFolder();
      const python = folder.file("python");
      writeFileSync(python, body);
      chmodSync(python, 0o755);
      const start = performance.now();
      await assert.rejects(SnakeBridge.start(rigOptions({ python })), (error) => {
        assert.ok(error instanceof WorkerStartError, String(error));
        assert.equal(error.code, "worker_start");
        assert.match(error.message, pattern);
        return true;
      });
      const lazy = SnakeBridge.lazy(rigOptions({ python, size: 2 }));
      const calls = await Promise.allSettled([lazy.call("math", "sqrt", [4]), lazy.call("math", "sqrt", [4])]);
      for (const call of calls) assert.ok(call.status === "rejected" && call.reason instanceof WorkerStartError);
      await lazy.close();
      assert.ok(performance.now() - start < 8_000);
    });
  }

  it("because its folder is missing is WorkerStartError, which names the folder", async () => {
    await assert.rejects(
      SnakeBridge.start(rigOptions({ cwd: "/nonexistent/folder" })),
      raises(WorkerStartError, /no folder "\/nonexistent\/folder"/),
    );
  });

  it("because it says nothing is WorkerStartError after startTimeoutMs", async () => {
    using folder = new TempFolder();
    const python = folder.file("python");
    writeFileSync(python, "#!/bin/sh\nexec sleep 60\n");
    chmodSync(python, 0o755);
    const start = performance.now();
    await assert.rejects(
      SnakeBridge.start(rigOptions({ python, startTimeoutMs: 100 })),
      raises(WorkerStartError, /100 ms/),
    );
    assert.ok(performance.now() - start < 3_000);
  });
});
