import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import {
  CallCancelledError,
  CallTimeoutError,
  errors,
  type PythonError,
  type Ref,
  WorkerCrashedError,
} from "../../mod.ts";
import { until } from "../support/gate.ts";
import { raises } from "../support/raises.ts";
import { SharedRig } from "../support/rig.ts";

const rig = new SharedRig({ cancelGraceMs: 200 });
after(() => rig.close());

const MODULE = "sbcallbacks";

describe("an async function", () => {
  it(
    "is awaited in Python",
    rig.test(async ({ bridge }) => {
      assert.equal(await bridge.call(MODULE, "double", [21]), 42);
      assert.equal(await bridge.call("asyncio", "sleep", [0, "slept"]), "slept");
      await assert.rejects(bridge.call(MODULE, "fail", ["as asked"]), (error) => {
        assert.ok(error instanceof errors.ValueError);
        assert.match((error as PythonError).traceback, /in fail/);
        return true;
      });
      assert.equal(await bridge.call(MODULE, "future_of", [5]), 5);
    }),
  );

  it(
    "gives references and values as any other call",
    rig.test(async ({ bridge }) => {
      using account = await bridge.call(MODULE, "Account", [1]) as Ref;
      using more = await account.call("deposited", [4]) as Ref;
      assert.equal(String(more), "Account(5)");
      const asked = await account.call("deposited", [5], {}, { returns: "ref" }) as Ref;
      assert.equal(await asked.get("balance"), 6);
      asked.release();
    }),
  );

  it(
    "can be chained on: what uses its result waits for it",
    rig.test(async ({ bridge }) => {
      const { Account } = bridge.import(MODULE);
      assert.equal(await Account(1).deposited(2).deposited(3).balance, 6);
      const first = Account(1).deposited(1);
      assert.deepEqual(await bridge.import("builtins").repr([first, 1]), "[Account(2), 1]");
      await assert.rejects(
        Promise.resolve(bridge.import(MODULE).fail("early").real.imag),
        raises(errors.ValueError, /early/),
      );
    }),
  );

  it(
    "runs beside others and beside plain calls",
    rig.test(async ({ bridge }, { worker }) => {
      const event = await bridge.call(MODULE, "Event") as Ref;
      const waiting = Array.from({ length: 200 }, (_, i) => event.call("wait", [i]));
      assert.equal(await bridge.call("math", "sqrt", [16]), 4);
      await until("all are tasks", () => worker.load === 200);
      assert.equal(await bridge.call(MODULE, "own_loop"), "own", "a function may run a loop of its own meanwhile");
      await event.call("set");
      assert.deepEqual(await Promise.all(waiting), Array.from({ length: 200 }, (_, i) => i));
      event.release();
    }),
  );

  it(
    "may end in ways that end no event loop",
    rig.test(async ({ bridge }, { pid }) => {
      await assert.rejects(bridge.call(MODULE, "leave"), raises(errors.SystemExit));
      await assert.rejects(
        bridge.call(MODULE, "cancel_itself"),
        raises(errors.of("asyncio.exceptions.CancelledError")),
      );
      assert.equal(await bridge.call("os", "getpid"), pid);
    }),
  );

  it(
    "may call functions of the host, which may call Python",
    rig.test(async ({ bridge }) => {
      assert.equal(await bridge.call(MODULE, "call_in_task", [(x: number) => x + 1, 1]), 2);
      const again = async (x: number) => await bridge.call(MODULE, "double", [x]);
      assert.equal(await bridge.call(MODULE, "call_in_task", [again, 4]), 8);
    }),
  );
});

describe("cancelling an async function", () => {
  it(
    "reaches the task",
    rig.test(async ({ bridge }, { pid }) => {
      const controller = new AbortController();
      const waiting = bridge.call(MODULE, "wait_for_ever", [], {}, { signal: controller.signal });
      await until("it has begun", async () => (await bridge.call(MODULE, "take_log") as string[]).includes("begun"));
      controller.abort();
      await assert.rejects(waiting, raises(CallCancelledError));
      await until("it has ended", async () => {
        const log = await bridge.call(MODULE, "take_log") as string[];
        return log.join() === "cancelled,finally";
      });
      assert.equal(await bridge.call("os", "getpid"), pid);
    }),
  );

  it(
    "interrupts one that blocks its thread",
    rig.test(async ({ bridge }, { pid }) => {
      await assert.rejects(bridge.call(MODULE, "block", [], {}, { timeoutMs: 100 }), raises(CallTimeoutError));
      assert.equal(await bridge.call("os", "getpid"), pid);
    }),
  );

  it(
    "kills the worker of one that will not end",
    rig.test(async ({ bridge }, { pid }) => {
      await assert.rejects(bridge.call(MODULE, "ignore_cancel", [], {}, { timeoutMs: 50 }), raises(CallTimeoutError));
      await until("there is another worker", async () => await bridge.call("os", "getpid").catch(() => pid) !== pid);
    }),
  );

  it(
    "leaves the worker to others in the middle of a chain",
    rig.test(async ({ bridge }, { worker }) => {
      const event = await bridge.call(MODULE, "Event") as Ref;
      // The first step is silent: it is done when the second is announced.
      const chain = bridge.import("functools").partial(event.py.wait, 7)().real;
      const both = Promise.resolve(chain);
      await until("all of it waits", () => worker.load === 1 && worker.peer.pendingCount === 2);
      assert.equal(await bridge.call("builtins", "repr", [1]), "1");
      await event.call("set");
      assert.equal(await both, 7);
      event.release();
    }),
  );

  it(
    "cancels what waits for its result",
    rig.test(async ({ bridge }, { worker }) => {
      const event = await bridge.call(MODULE, "Event") as Ref;
      const controller = new AbortController();
      const chain = event.py.wait(7).real;
      const both = Promise.resolve(chain);
      await until("it is a task", () => worker.load === 1 && worker.peer.pendingCount === 2);
      const late = bridge.call("builtins", "repr", [1], {}, { signal: controller.signal });
      assert.equal(await late, "1");
      await event.call("set");
      assert.equal(await both, 7);
      event.release();
    }),
  );
});

describe("a crash", () => {
  it(
    "rejects every task of the worker",
    rig.test(async ({ bridge }) => {
      const event = await bridge.call(MODULE, "Event") as Ref;
      const waiting = Array.from({ length: 5 }, () => event.call("wait", [1]));
      const died = bridge.call(MODULE, "die");
      for (const call of [...waiting, died]) await assert.rejects(call, raises(WorkerCrashedError));
      assert.equal(await bridge.call(MODULE, "double", [1]), 2);
    }),
  );
});
