import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import {
  asyncCallback,
  CallCancelledError,
  CallTimeoutError,
  errors,
  kw,
  type NdArray,
  PythonError,
  type Ref,
  ValueEncodeError,
  WorkerCrashedError,
} from "../../mod.ts";
import { TempFolder, until } from "../support/gate.ts";
import { raises } from "../support/raises.ts";
import { SharedRig } from "../support/rig.ts";
import { writeFileSync } from "node:fs";

const rig = new SharedRig();
after(() => rig.close());

const MODULE = "sbcallbacks";

describe("a function in the arguments", () => {
  it(
    "is a Python callable",
    rig.test(async ({ bridge }) => {
      const builtins = bridge.import("builtins");
      assert.deepEqual(await builtins.sorted([3, 1, 2], kw({ key: (x: number) => -x })), [3, 2, 1]);
      assert.deepEqual(await builtins.list(builtins.map((x: number) => x * 2, [1, 2, 3])), [2, 4, 6]);
      assert.equal(await bridge.call("functools", "reduce", [(a: number, b: number) => a + b, [1, 2, 3]]), 6);
      assert.deepEqual(await bridge.call(MODULE, "describe", [function named() {}]), [
        "named",
        "<host function named>",
        "HostFunction",
      ]);
    }),
  );

  it(
    "may stand anywhere in them",
    rig.test(async ({ bridge }) => {
      const seen: unknown[] = [];
      const callbacks = {
        on_epoch_end: (epoch: number, { logs }: { logs: { loss: number } }) => {
          seen.push([epoch, logs.loss]);
          return epoch === 2;
        },
        on_train_end: () => void seen.push("end"),
      };
      assert.deepEqual(await bridge.call(MODULE, "train", [10], { callbacks }), [1, 1 / 2, 1 / 3]);
      assert.deepEqual(seen, [[0, 1], [1, 1 / 2], [2, 1 / 3], "end"]);
    }),
  );

  it(
    "gets keyword arguments as one object behind the others",
    rig.test(async ({ bridge }) => {
      const args = (...given: unknown[]) => given;
      assert.deepEqual(await bridge.call(MODULE, "apply", [args, 1, 2], { a: 3 }), [1, 2, { a: 3 }]);
      assert.deepEqual(await bridge.call(MODULE, "apply", [args]), []);
    }),
  );

  it(
    "is waited for when it gives a promise",
    rig.test(async ({ bridge }) => {
      const later = async (x: number) => {
        await new Promise((resolve) => setImmediate(resolve));
        return x * 3;
      };
      assert.equal(await bridge.call(MODULE, "apply", [later, 5]), 15);
    }),
  );

  it(
    "gets references and gives them",
    rig.test(async ({ bridge }) => {
      using account = await bridge.call(MODULE, "Account", [7]) as Ref;
      const same = await bridge.call(MODULE, "apply", [(given: Ref) => given, account]) as Ref;
      assert.equal(await same.get("balance"), 7);
      same.release();
      const proxied = await bridge.call(MODULE, "apply", [() => bridge.import(MODULE).Account(8).balance]);
      assert.equal(proxied, 8);
    }),
  );

  it(
    "comes back as itself, and has one face in Python",
    rig.test(async ({ bridge }) => {
      const fn = () => 1;
      assert.equal(await bridge.call("builtins", "max", [[fn, fn]], { key: () => 1 }), fn);
      await bridge.call(MODULE, "keep", [fn]);
      assert.equal(await bridge.call(MODULE, "is_kept", [fn]), true);
      await bridge.call(MODULE, "drop");
    }),
  );

  it(
    "is forgotten when Python lets go of it",
    rig.test(async ({ bridge }, { worker }) => {
      const { functions } = worker.refs;
      await until("what other tests left is gone", () => functions.size === 0);
      const fn = (x: number) => x + 1;
      await bridge.call(MODULE, "keep", [fn]);
      assert.equal(functions.size, 1);
      assert.equal(await bridge.call(MODULE, "kept", [1]), 2);
      for (let round = 0; round < 50; round += 1) await bridge.call(MODULE, "apply", [fn, 1]);
      assert.equal(functions.size, 1);
      await bridge.call(MODULE, "drop");
      await until("nothing is lent", () => functions.size === 0);
      await assert.rejects(bridge.call(MODULE, "apply", [() => 1, { wrong: Symbol("no") }]), raises(ValueEncodeError));
      assert.equal(functions.size, 0, "a message that was not sent lends nothing");
    }),
  );

  it(
    "ends with its session",
    rig.test(async ({ bridge }) => {
      await bridge.withSession(async () => await bridge.call(MODULE, "keep", [() => 1]));
      const text = await bridge.call(MODULE, "catch", [await bridge.attr(MODULE, "kept")]);
      assert.match(String(text), /^HostError ReferenceError: .* session it was passed in has ended/);
      await bridge.call(MODULE, "drop");
    }),
  );

  it(
    "that is a class is refused",
    rig.test(async ({ bridge }) => {
      class Point {}
      await assert.rejects(bridge.call(MODULE, "apply", [Point]), raises(TypeError, /Python can call functions only/));
    }),
  );
});

describe("an exception in a callback", () => {
  it(
    "is a HostError in Python and the cause when it comes back",
    rig.test(async ({ bridge }) => {
      const thrown = new RangeError("too much");
      const failing = () => {
        throw thrown;
      };
      assert.equal(await bridge.call(MODULE, "catch", [failing]), "HostError RangeError: too much");
      await assert.rejects(bridge.call(MODULE, "apply", [failing]), (error) => {
        assert.ok(error instanceof PythonError);
        assert.equal(error.cause, thrown);
        assert.match(error.traceback, /in apply/);
        assert.match(error.stack ?? "", /callbacks_test\.ts/, "the TypeScript side is told, too");
        return true;
      });
    }),
  );

  it(
    "that came from Python goes on as what it was",
    rig.test(async ({ bridge }) => {
      const failing = async () => await bridge.call("builtins", "int", ["x"]);
      assert.match(String(await bridge.call(MODULE, "catch", [failing])), /^ValueError invalid literal for int/);
      await assert.rejects(bridge.call(MODULE, "apply", [failing]), raises(errors.ValueError, /invalid literal/));
      const missing = async () => await bridge.call("builtins", "open", ["/no/such/file"]);
      await assert.rejects(bridge.call(MODULE, "apply", [missing]), (error) => {
        assert.ok(error instanceof errors.FileNotFoundError);
        assert.equal((error as PythonError).attributes.errno, 2);
        return true;
      });
    }),
  );

  it(
    "may be anything that can be thrown",
    rig.test(async ({ bridge }) => {
      for (const thrown of ["text", undefined, null, 5, { then: 1 }, Object.create(null), Symbol("s")]) {
        const failing = () => {
          throw thrown;
        };
        assert.match(String(await bridge.call(MODULE, "catch", [failing])), /^HostError/);
      }
      const rejected = () => Promise.reject(new Error("later"));
      assert.equal(await bridge.call(MODULE, "catch", [rejected]), "HostError Error: later");
    }),
  );

  it(
    "says so when what it gives cannot be sent",
    rig.test(async ({ bridge }) => {
      assert.match(String(await bridge.call(MODULE, "catch", [() => Symbol("s")])), /^HostError ValueEncodeError: /);
    }),
  );
});

describe("a callback that calls Python", () => {
  it(
    "is served by the worker that waits, on one worker",
    rig.test(async ({ bridge }, { worker }) => {
      assert.equal(
        await bridge.call(MODULE, "apply", [async (x: number) => await bridge.call("math", "factorial", [x]), 5]),
        120,
      );
      const chain = async () => await bridge.import("pathlib").PurePosixPath("/a/b.txt").with_suffix(".csv").name;
      assert.equal(await bridge.call(MODULE, "apply", [chain]), "b.csv");
      const parallel = () => Promise.all([1, 4, 9].map((x) => bridge.call("math", "sqrt", [x])));
      assert.deepEqual(await bridge.call(MODULE, "apply", [parallel]), [1, 2, 3]);
      const iterating = async () => {
        const seen: unknown[] = [];
        for await (const item of bridge.import("builtins").range(5)) seen.push(item);
        return seen;
      };
      assert.deepEqual(await bridge.call(MODULE, "apply", [iterating]), [0, 1, 2, 3, 4]);
      assert.equal(worker.peer.pendingCount, 0);
    }),
  );

  it(
    "may be nested to depth 50",
    rig.test(async ({ bridge }) => {
      const nest = async (depth: number): Promise<number> =>
        depth === 0 ? 0 : 1 + (await bridge.call(MODULE, "apply", [nest, depth - 1]) as number);
      assert.equal(await nest(50), 50);
    }),
  );

  it(
    "ends with a RecursionError where it has no end, and the worker goes on",
    rig.test(async ({ bridge }, { pid }) => {
      const endless = async (): Promise<unknown> => await bridge.call(MODULE, "apply", [endless]);
      await assert.rejects(endless(), raises(errors.RecursionError));
      assert.equal(await bridge.call("os", "getpid"), pid);
    }),
  );

  it(
    "leaves calls of others in their order behind it",
    rig.test(async ({ bridge }, { worker }) => {
      for (let i = 0; i < 100; i += 1) await bridge.call(MODULE, "take_log");
      const order: string[] = [];
      const outer = bridge.call(MODULE, "apply", [async () => {
        for (let i = 0; i < 3; i += 1) await bridge.call(MODULE, "log", [`inner ${i}`]);
        order.push("answered");
      }]);
      const behind = Array.from({ length: 10 }, (_, i) => bridge.call(MODULE, "log", [`behind ${i}`]));
      assert.ok(worker.load > 1, "calls were handed ahead");
      await Promise.all([outer, ...behind]);
      assert.deepEqual(order, ["answered"]);
      const expected = [0, 1, 2].map((i) => `inner ${i}`).concat(Array.from({ length: 10 }, (_, i) => `behind ${i}`));
      assert.deepEqual(await bridge.call(MODULE, "take_log"), expected);
    }),
  );

  it(
    "works while a result is being encoded",
    rig.test(async ({ bridge }) => {
      using object = await bridge.call(MODULE, "Repr", [
        async () => String(await bridge.call("math", "sqrt", [16])),
      ]) as Ref;
      assert.equal(await object.repr(), "<4>");
      const [nested] = await bridge.call("builtins", "list", [[object]]) as [Ref];
      assert.equal(await nested.repr(), "<4>");
    }),
  );
});

describe("callbacks from threads of Python", () => {
  it(
    "are answered while the main thread waits for them",
    rig.test(async ({ bridge }) => {
      assert.deepEqual(await bridge.call(MODULE, "from_threads", [(x: number) => x * x, 8]), [
        0,
        1,
        4,
        9,
        16,
        25,
        36,
        49,
      ]);
    }),
  );

  it(
    "may call Python again, and see its exceptions",
    rig.test(async ({ bridge }) => {
      const root = async (x: number) => await bridge.call("math", "sqrt", [x]);
      assert.deepEqual(await bridge.call(MODULE, "from_threads", [async (x: number) => await root(x * x), 6]), [
        0,
        1,
        2,
        3,
        4,
        5,
      ]);
      await assert.rejects(
        bridge.call(MODULE, "from_threads", [async (x: number) => await root(-1 - x), 3]),
        raises(errors.ValueError),
      );
      const coroutine = async (x: number) => await bridge.call(MODULE, "double", [x]);
      assert.deepEqual(await bridge.call(MODULE, "from_threads", [coroutine, 3]), [0, 2, 4]);
    }),
  );

  it(
    "arrive when no call runs at all",
    rig.test(async ({ bridge }) => {
      using folder = new TempFolder();
      const called = Promise.withResolvers<unknown>();
      const hold = setTimeout(() => {}, 60_000);
      await bridge.call(MODULE, "from_thread_later", [async () => {
        called.resolve(await bridge.call("math", "sqrt", [4]));
      }, folder.file("go")]);
      writeFileSync(folder.file("go"), "");
      assert.equal(await called.promise, 2);
      clearTimeout(hold);
    }),
  );
});

describe("a call that waits for a callback", () => {
  it(
    "can be cancelled and timed out, and leaves the worker usable",
    rig.test(async ({ bridge }, { pid }) => {
      const never = () => new Promise(() => {});
      await assert.rejects(
        bridge.call(MODULE, "apply", [never], {}, { timeoutMs: 50 }),
        raises(CallTimeoutError),
      );
      const controller = new AbortController();
      const begun = Promise.withResolvers<void>();
      const waiting = bridge.call(
        MODULE,
        "apply",
        [() => {
          begun.resolve();
          return never();
        }],
        {},
        { signal: controller.signal },
      );
      await begun.promise;
      controller.abort();
      await assert.rejects(waiting, raises(CallCancelledError));
      assert.equal(await bridge.call("os", "getpid"), pid);
    }),
  );

  it(
    "is interrupted through a call that runs inside it",
    rig.test(async ({ bridge }, { pid }) => {
      const controller = new AbortController();
      const inner = Promise.withResolvers<unknown>();
      const outer = bridge.call(
        MODULE,
        "apply",
        [async () => {
          const sleeping = bridge.call("time", "sleep", [60]);
          sleeping.catch(inner.resolve);
          controller.abort();
          await sleeping;
        }],
        {},
        { signal: controller.signal },
      );
      await assert.rejects(outer, raises(CallCancelledError));
      assert.ok(await inner.promise instanceof CallCancelledError);
      assert.equal(await bridge.call("os", "getpid"), pid);
    }),
  );

  it(
    "lets a call inside it time out on its own",
    rig.test(async ({ bridge }) => {
      const text = await bridge.call(MODULE, "apply", [
        () => bridge.call("time", "sleep", [60], {}, { timeoutMs: 30 }).catch((error: Error) => error.name),
      ]);
      assert.equal(text, "CallTimeoutError");
    }),
  );

  it(
    "is rejected with everything inside it when the worker dies",
    rig.test(async ({ bridge }) => {
      let inside: unknown;
      const outer = bridge.call(MODULE, "apply", [async () => {
        try {
          await bridge.call("os", "_exit", [3]);
        } catch (error) {
          inside = error;
          throw error;
        }
      }]);
      await assert.rejects(outer, raises(WorkerCrashedError));
      assert.ok(inside instanceof WorkerCrashedError);
      assert.equal(await bridge.call("math", "sqrt", [4]), 2);
    }),
  );
});

describe("asyncCallback()", () => {
  it(
    "is a coroutine function in Python",
    rig.test(async ({ bridge }) => {
      let together = 0;
      let most = 0;
      const later = asyncCallback(async (x: number) => {
        most = Math.max(most, together += 1);
        await until("all have begun", () => most === 5);
        together -= 1;
        return x + 1;
      });
      assert.deepEqual(await bridge.call(MODULE, "gather", [later, 5]), [1, 2, 3, 4, 5]);
      const failing = asyncCallback(() => Promise.reject(new TypeError("no")));
      await assert.rejects(bridge.call(MODULE, "gather", [failing, 2]), raises(PythonError, /TypeError: no/));
    }),
  );
});

describe("libraries that call back", () => {
  it(
    "scipy.optimize.minimize",
    rig.test(async ({ bridge }) => {
      const cost = (x: NdArray) => ((x.data as Float64Array)[0] as number - 3) ** 2 + 1;
      const result = await bridge.call("scipy.optimize", "minimize", [cost, [0]]) as Ref;
      const { data } = await result.get("x") as NdArray;
      assert.ok(Math.abs((data as Float64Array)[0] as number - 3) < 1e-4);
      result.release();
    }),
  );

  it(
    "pandas.DataFrame.apply",
    rig.test(async ({ bridge }) => {
      const pd = bridge.import("pandas");
      const frame = await pd.DataFrame({ a: [1, 2, 3], b: [4, 5, 6] });
      const sums = await frame.apply(async (row: typeof frame) => await row.sum(), kw({ axis: 1 })).tolist();
      assert.deepEqual(sums, [5, 7, 9]);
      assert.deepEqual(await frame.a.map((x: number) => x * 10).tolist(), [10, 20, 30]);
    }),
  );
});
