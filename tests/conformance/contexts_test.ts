import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, describe, it } from "node:test";
import {
  CallCancelledError,
  CallTimeoutError,
  Entered,
  errors,
  kw,
  NumericError,
  type PyProxy,
  type PythonError,
  type Ref,
  RefReleasedError,
  SerializationError,
  type Session,
  type SnakeBridge,
  tuple,
  withPython,
} from "../../mod.ts";
import { until } from "../support/gate.ts";
import { raises } from "../support/raises.ts";
import { Rig, SharedRig } from "../support/rig.ts";

const rig = new SharedRig();
after(() => rig.close());

/** A manager that notes what happens to it; `script` says what its `__exit__` does. */
function manager(bridge: SnakeBridge, script = "", value: unknown = 7): PyProxy {
  return bridge.import("sbtest").Manager(value, script);
}

async function log(bridge: SnakeBridge): Promise<unknown> {
  return await bridge.call("sbtest", "take_log");
}

describe("withPython()", () => {
  it(
    "gives the body what __enter__ gave, and its result to the caller",
    rig.test(async ({ bridge }) => {
      const result = await withPython(manager(bridge), async (value: number, entered) => {
        assert.equal(value, 7);
        assert.equal(entered.exited, false);
        return value + (await bridge.call("math", "sqrt", [16]) as number);
      });
      assert.equal(result, 11);
      assert.deepEqual(await log(bridge), ["enter", "exit None"]);
    }),
  );

  it(
    "takes references, settled proxies and chains on their way",
    rig.test(async ({ bridge }) => {
      const proxy = await manager(bridge) as PyProxy;
      for (const target of [manager(bridge), proxy, proxy.$]) {
        assert.equal(await withPython(target, (value: number) => value), 7);
      }
      assert.deepEqual(await log(bridge), Array(3).fill(["enter", "exit None"]).flat());
    }),
  );

  it(
    "gives objects a face like that of their manager",
    rig.test(async ({ bridge }) => {
      const chain = bridge.import("io").StringIO("text");
      assert.equal(await withPython(chain, async (file: PyProxy) => await file.read()), "text");
      const ref = await bridge.call("io", "StringIO", ["text"]) as Ref;
      assert.equal(await withPython(ref, (file: Ref) => file.call("read")), "text");
      assert.equal(await ref.get("closed"), true);
    }),
  );

  it(
    "passes the very exception in that ended the body",
    rig.test(async ({ bridge }) => {
      const failed = withPython(manager(bridge), () => bridge.call("sbtest", "fail_keeping", ["boom"]));
      await assert.rejects(failed, raises(errors.ValueError, /boom/));
      assert.deepEqual(await log(bridge), ["enter", "exit ValueError: boom (kept)"]);
    }),
  );

  it(
    "rejects with the error of the body itself",
    rig.test(async ({ bridge }) => {
      const thrown = new RangeError("mine");
      for (const error of [thrown, "a text", undefined, await bridge.call("math", "sqrt", [-1]).catch((e) => e)]) {
        await assert.rejects(
          withPython(manager(bridge), () => {
            throw error;
          }),
          (caught) => caught === error,
        );
      }
      const seen = await log(bridge) as string[];
      assert.match(seen[1] as string, /^exit HostError: RangeError: mine .*contexts_test\.ts/);
      assert.match(seen[3] as string, /^exit HostError: string: a text/);
      assert.match(seen[5] as string, /^exit HostError: Error: undefined was thrown/);
      assert.match(seen[7] as string, /^exit ValueError: math domain error|expected a nonnegative/);
    }),
  );

  it(
    "passes the exception in that was translated",
    rig.test(async ({ bridge }) => {
      await log(bridge);
      const failed = withPython(manager(bridge), () => {
        const np = bridge.import("numpy");
        return np.matmul(np.ones([2, 3]), np.ones([2, 3]), kw({}, { errorMode: "raise_translated" }));
      });
      await assert.rejects(failed, NumericError);
      assert.match((await log(bridge) as string[])[1] as string, /^exit ValueError: matmul/);
    }),
  );

  it(
    "resolves to undefined when Python suppresses",
    rig.test(async ({ bridge }) => {
      const { suppress } = bridge.import("contextlib");
      const { ValueError, LookupError } = bridge.import("builtins");
      assert.equal(await withPython(suppress(ValueError), () => bridge.call("math", "sqrt", [-1])), undefined);
      assert.equal(await withPython(suppress(LookupError), () => bridge.call("sbtest", "missing_key")), undefined);
      await assert.rejects(
        withPython(suppress(LookupError), () => bridge.call("math", "sqrt", [-1])),
        raises(errors.ValueError),
      );
      const HostError = bridge.import("snakebridge").HostError;
      assert.equal(
        await withPython(suppress(HostError), () => {
          throw new TypeError("ours");
        }),
        undefined,
      );
    }),
  );

  it(
    "lets what __exit__ raises win, with the first as its cause",
    rig.test(async ({ bridge }) => {
      const ours = new TypeError("first");
      const theirs = bridge.call("sbtest", "missing_key").catch((error) => error);
      for (const first of [ours, await theirs]) {
        const failed = withPython(manager(bridge, "raise"), () => {
          throw first;
        });
        await assert.rejects(failed, (error: PythonError) => {
          assert.ok(error instanceof errors.RuntimeError && error.message === "exit failed");
          assert.equal(error.cause, first);
          return true;
        });
      }
      await log(bridge);
      await assert.rejects(withPython(manager(bridge, "raise"), () => 1), raises(errors.RuntimeError, /exit failed/));
      await assert.rejects(
        withPython(manager(bridge, "reraise"), () => {
          throw ours;
        }),
        (error) => error === ours,
      );
      assert.equal((await log(bridge) as string[]).length, 4);
    }),
  );

  it(
    "goes with generators, stacks and nested managers, in Python's order",
    rig.test(async ({ bridge }) => {
      const { catching } = bridge.import("sbtest");
      assert.equal(await withPython(catching(), () => bridge.call("sbtest", "missing_key")), undefined);
      assert.deepEqual(await log(bridge), ["begun", "caught KeyError('k')", "over"]);
      await withPython(bridge.import("contextlib").ExitStack(), async (stack: PyProxy) => {
        await stack.enter_context(manager(bridge));
        await stack.callback(await bridge.attr("sbtest", "log"), "called back");
        await bridge.call("sbtest", "log", ["body"]);
      });
      assert.deepEqual(await log(bridge), ["enter", "body", "called back", "exit None"]);
      const nested = withPython(
        manager(bridge, "suppress", 1),
        (outer: number) =>
          withPython(manager(bridge, "", 2), (inner: number) => {
            assert.deepEqual([outer, inner], [1, 2]);
            return bridge.call("sbtest", "fail_keeping", ["deep"]);
          }),
      );
      assert.equal(await nested, undefined);
      assert.deepEqual(await log(bridge), Array(2).fill("enter").concat(Array(2).fill("exit ValueError: deep (kept)")));
    }),
  );

  it(
    "does several at once",
    rig.test(async ({ bridge }) => {
      const results = await Promise.all(
        [1, 2, 3, 4, 5].map((number) =>
          withPython(manager(bridge, "", number), async (value: number) => {
            await bridge.call("sbtest", "same", [0]);
            return value * 2;
          })
        ),
      );
      assert.deepEqual(results, [2, 4, 6, 8, 10]);
      assert.equal((await log(bridge) as string[]).filter((line) => line === "exit None").length, 5);
    }),
  );

  it(
    "leaves after steps of the body that nobody awaited",
    rig.test(async ({ bridge }) => {
      await withPython(manager(bridge), () => {
        bridge.import("sbtest").log("not awaited");
      });
      assert.deepEqual(await log(bridge), ["enter", "not awaited", "exit None"]);
    }),
  );

  it(
    "leaves although the reference was released meanwhile",
    rig.test(async ({ bridge }) => {
      const ref = await manager(bridge) as PyProxy;
      await withPython(ref, () => ref.$.release());
      assert.deepEqual(await log(bridge), ["enter", "exit None"]);
      await assert.rejects(withPython(ref.$, () => 1), RefReleasedError);
    }),
  );

  it(
    "tells Python of time limits and aborts",
    rig.test(async ({ bridge }) => {
      await assert.rejects(
        withPython(manager(bridge), () => bridge.call("time", "sleep", [60], {}, { timeoutMs: 50 })),
        CallTimeoutError,
      );
      assert.match((await log(bridge) as string[])[1] as string, /^exit HostTimeoutError: CallTimeoutError: .*50 ms/);
      const abort = new AbortController();
      await assert.rejects(
        withPython(manager(bridge), () => {
          const sleeping = bridge.call("time", "sleep", [60], {}, { signal: abort.signal });
          abort.abort();
          return sleeping;
        }, { signal: abort.signal }),
        CallCancelledError,
      );
      assert.match((await log(bridge) as string[])[1] as string, /^exit HostCancelledError: CallCancelledError: /);
      const { suppress } = bridge.import("contextlib");
      const Timeout = bridge.import("builtins").TimeoutError;
      const late = withPython(suppress(Timeout), () => {
        throw new DOMException("late", "TimeoutError");
      });
      assert.equal(await late, undefined);
    }),
  );

  it(
    "does not run the body when __enter__ fails, and leaves when its value cannot be sent",
    rig.test(async ({ bridge }) => {
      const body = (): never => assert.fail("the body ran");
      await assert.rejects(withPython(manager(bridge, "no entry"), body), raises(errors.PermissionError, /no entry/));
      await assert.rejects(withPython(bridge.import("builtins").object(), body), raises(errors.TypeError, /protocol/));
      await assert.rejects(withPython(manager(bridge), body, { async: true }), raises(errors.TypeError, /`async` out/));
      await log(bridge);
      const object = await bridge.call("builtins", "object") as Ref;
      await assert.rejects(withPython(manager(bridge, "", object), body, { returns: "value" }), SerializationError);
      assert.match((await log(bridge) as string[])[1] as string, /^exit HostError: SerializationError/);
      await withPython(manager(bridge, "", 3), (value: PyProxy) => assert.equal(value.$.type, "builtins.int"), {
        returns: "ref",
      });
      await log(bridge);
    }),
  );

  it(
    "refuses what is no Python object",
    rig.test(async ({ bridge }) => {
      for (const wrong of [null, undefined, 5, {}, () => 1]) {
        await assert.rejects(withPython(wrong as never, () => 1), raises(TypeError, /^Cannot enter /));
      }
      await assert.rejects(withPython(manager(bridge), 5 as never), raises(TypeError, /the body is number/));
      await assert.rejects(
        withPython(manager(bridge), () => 1, { async: 1 } as never),
        raises(TypeError, /async is 1/),
      );
    }),
  );

  it(
    "stays with the process of the manager",
    async () => {
      await using pair = await Rig.start({ size: 2 });
      const { bridge } = pair;
      await bridge.ready();
      const pids = (): Promise<unknown[]> => Promise.all(Array.from({ length: 8 }, () => bridge.call("sbtest", "pid")));
      const [first] = await withPython(bridge.import("sbtest").Manager(), async () => {
        const found = await pids();
        const inner = bridge.import("sbtest");
        found.push(await inner.pid(), ...await Promise.all([inner.pid(), inner.pid()]));
        assert.equal(new Set(found).size, 1);
        return found;
      }) as unknown[];
      assert.ok(pair.workers.some(({ pid }) => pid === first));
      await bridge.withSession(async () => {
        const entered = await (await bridge.import("sbtest").Manager() as PyProxy).$.enter();
        assert.equal(new Set(await pids()).size, 1);
        await entered.exit();
      });
    },
  );

  it(
    "makes exceptions of another process anew",
    rig.test(async ({ bridge }) => {
      await using other = await Rig.start();
      const elsewhere = await other.bridge.call("builtins", "open", ["/nowhere/at/all"]).catch((error) => error);
      const failed = withPython(manager(bridge), () => {
        throw elsewhere;
      });
      await assert.rejects(failed, (error) => error === elsewhere);
      assert.deepEqual(await log(bridge), [
        "enter",
        "exit FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/at/all'",
      ]);
    }),
  );

  it("rejects with the first error when the worker dies in the body", async () => {
    await using own = await Rig.start();
    await assert.rejects(
      withPython(own.bridge.import("sbtest").Manager(), () => own.bridge.call("os", "_exit", [3])),
      (error: Error) => error.name === "WorkerCrashedError",
    );
  });
});

describe("withPython() with the standard library", () => {
  it(
    "removes temporary folders",
    rig.test(async ({ bridge }) => {
      let folder = "";
      await withPython(bridge.import("tempfile").TemporaryDirectory(), (name: string) => {
        folder = name;
        assert.ok(existsSync(folder));
      });
      assert.equal(existsSync(folder), false);
    }),
  );

  it(
    "commits and rolls back transactions",
    rig.test(async ({ bridge }) => {
      const sqlite = bridge.import("sqlite3");
      const connection = await sqlite.connect(":memory:") as PyProxy;
      await connection.execute("create table t (n integer unique)");
      await withPython(connection, (db: PyProxy) => db.execute("insert into t values (1)"));
      await assert.rejects(
        withPython(connection, async (db: PyProxy) => {
          await db.execute("insert into t values (2)");
          await db.execute("insert into t values (1)");
        }),
        raises(errors.of("sqlite3.IntegrityError")),
      );
      await assert.rejects(
        withPython(connection, async (db: PyProxy) => {
          await db.execute("insert into t values (3)");
          throw new Error("changed my mind");
        }),
        raises(Error, /changed my mind/),
      );
      assert.deepEqual(await connection.execute("select n from t").fetchall(), [tuple(1)]);
      await connection.close();
    }),
  );

  it(
    "keeps decimal contexts and locks to the body",
    rig.test(async ({ bridge }) => {
      const { localcontext, Decimal, getcontext } = bridge.import("decimal");
      const third = async (): Promise<string> =>
        String(await bridge.import("operator").truediv(Decimal(1), Decimal(3)));
      const before = await getcontext().prec;
      await withPython(localcontext(), async (context: PyProxy) => {
        await context.$.set("prec", 5);
        assert.equal(await third(), "0.33333");
      });
      assert.equal(await getcontext().prec, before);
      const lock = await bridge.import("threading").Lock() as PyProxy;
      await withPython(lock, async () => {
        assert.equal(await lock.locked(), true);
        assert.equal(await lock.acquire(false), false);
      });
      assert.equal(await lock.locked(), false);
    }),
  );

  it(
    "closes files",
    rig.test(async ({ bridge }) => {
      await withPython(bridge.import("tempfile").TemporaryDirectory(), async (folder: string) => {
        const open = bridge.import("builtins").open;
        await withPython(open(`${folder}/a.txt`, "w"), (file: PyProxy) => file.write("text"));
        const file = await open(`${folder}/a.txt`) as PyProxy;
        await assert.rejects(
          withPython(file, async (opened: PyProxy) => {
            assert.equal(await opened.read(), "text");
            throw new Error("after reading");
          }),
          raises(Error, /after reading/),
        );
        assert.equal(await file.closed, true);
      });
    }),
  );

  it(
    "serves numpy, pandas and pytest",
    rig.test(async ({ bridge }) => {
      const np = bridge.import("numpy");
      const divide = (): PyProxy => np.divide(np.ones(1), np.zeros(1));
      await assert.rejects(
        withPython(np.errstate(kw({ divide: "raise" })), async () => await divide()),
        raises(errors.FloatingPointError),
      );
      await withPython(np.errstate(kw({ divide: "ignore" })), async () => await divide());
      const pd = bridge.import("pandas");
      const shown = async (): Promise<unknown> => await pd.get_option("display.max_rows");
      const before = await shown();
      await withPython(pd.option_context("display.max_rows", 7), async () => assert.equal(await shown(), 7));
      assert.equal(await shown(), before);
      const caught = bridge.import("pytest").raises(
        bridge.import("builtins").ValueError,
        kw({ match: "math|expected" }),
      );
      let info: PyProxy | undefined;
      const suppressed = await withPython(caught, (found: PyProxy) => {
        info = found;
        return bridge.call("math", "sqrt", [-1]);
      });
      assert.equal(suppressed, undefined);
      assert.equal(await info?.typename, "ValueError");
    }),
  );
});

describe("withPython() with asynchronous managers", () => {
  it(
    "enters and leaves them as async with does",
    rig.test(async ({ bridge }) => {
      const { AsyncManager } = bridge.import("sbtest");
      const result = await withPython(AsyncManager(3), async (value: number) => {
        await bridge.call("sbtest", "log", ["body"]);
        return value;
      });
      assert.equal(result, 3);
      assert.deepEqual(await log(bridge), ["aenter", "body", "aexit None"]);
      await assert.rejects(
        withPython(AsyncManager(), () => bridge.call("sbtest", "fail_keeping", ["boom"])),
        raises(errors.ValueError, /boom/),
      );
      assert.deepEqual(await log(bridge), ["aenter", "aexit ValueError: boom (kept)"]);
      await assert.rejects(
        withPython(AsyncManager(1, "raise"), () => bridge.call("sbtest", "missing_key")),
        (error: PythonError) => error.message === "exit failed" && (error.cause as PythonError).name === "KeyError",
      );
      assert.equal(
        await withPython(AsyncManager(1, "suppress"), () => bridge.call("sbtest", "missing_key")),
        undefined,
      );
      await assert.rejects(withPython(AsyncManager(), () => 1, { async: false }), raises(errors.TypeError, /protocol/));
    }),
  );

  it(
    "goes with locks, stacks and asynchronous generators",
    rig.test(async ({ bridge }) => {
      await log(bridge);
      const lock = await bridge.import("asyncio").Lock() as PyProxy;
      await withPython(lock, async () => assert.equal(await lock.locked(), true));
      assert.equal(await lock.locked(), false);
      await withPython(bridge.import("contextlib").AsyncExitStack(), async (stack: PyProxy) => {
        assert.equal(await stack.enter_async_context(bridge.import("sbtest").AsyncManager(5)), 5);
      });
      assert.deepEqual(await log(bridge), ["aenter", "aexit None"]);
      const { async_catching } = bridge.import("sbtest");
      assert.equal(await withPython(async_catching(), () => bridge.call("sbtest", "missing_key")), undefined);
      assert.deepEqual(await log(bridge), ["begun", "caught KeyError('k')", "over"]);
    }),
  );

  it(
    "tells them of coroutines that ran out of time",
    rig.test(async ({ bridge }) => {
      await assert.rejects(
        withPython(
          bridge.import("sbtest").AsyncManager(),
          () => bridge.call("asyncio", "sleep", [60], {}, { timeoutMs: 50 }),
        ),
        CallTimeoutError,
      );
      assert.match((await log(bridge) as string[])[1] as string, /^aexit HostTimeoutError: CallTimeoutError: /);
      const abort = new AbortController();
      const entering = withPython(
        bridge.import("sbtest").AsyncManager(1, "slow entry"),
        () => assert.fail("the body ran"),
        { signal: abort.signal },
      );
      await until("it is being entered", async () => {
        return (await bridge.attr("sbtest", "_log") as string[]).includes("slow entry");
      });
      abort.abort();
      await assert.rejects(entering, CallCancelledError);
      assert.deepEqual(await log(bridge), ["slow entry"]);
    }),
  );

  it(
    "are left by await using",
    rig.test(async ({ bridge }) => {
      {
        await using entered = await bridge.import("sbtest").AsyncManager(9).$enter();
        assert.equal(entered.value, 9);
      }
      assert.deepEqual(await log(bridge), ["aenter", "aexit None"]);
    }),
  );
});

describe("context managers and callbacks", () => {
  it(
    "pass what a body called by Python throws, and are themselves written in TypeScript",
    rig.test(async ({ bridge }) => {
      const mine = new RangeError("mine");
      const inner = bridge.call("builtins", "list", [
        await bridge.call("builtins", "map", [() => {
          throw mine;
        }, [1]]),
      ]);
      const first = await inner.then(() => undefined, (error) => error);
      await assert.rejects(
        withPython(manager(bridge), () => {
          throw first;
        }),
        (error) => error === first,
      );
      assert.match((await log(bridge) as string[])[1] as string, /^exit HostError: RangeError: mine/);
      const seen: unknown[] = [];
      const Ours = await bridge.subclass("contextlib.AbstractContextManager", {
        name: "Ours",
        methods: {
          __enter__: () => "entered",
          __exit__: async (_self: Ref, kind: Ref | null, error: Ref | null) => {
            seen.push(kind === null ? null : [await kind.get("__name__"), await error?.str()]);
            return kind !== null;
          },
        },
      });
      assert.equal(await withPython(Ours.create(), (value: string) => value), "entered");
      assert.equal(await withPython(Ours.create(), () => bridge.call("sbtest", "missing_key")), undefined);
      assert.deepEqual(seen, [null, ["KeyError", "'k'"]]);
    }),
  );

  it(
    "keep calls of a body inside the callback that it runs in",
    rig.test(async ({ bridge }) => {
      const body = async (value: number): Promise<number> =>
        await withPython(
          manager(bridge, "", value),
          async (entered: number) => entered + (await bridge.call("math", "sqrt", [16]) as number),
        ) ?? NaN;
      const mapped = await bridge.call("builtins", "map", [body, [1, 2]]) as Ref;
      assert.deepEqual(await bridge.call("builtins", "list", [mapped]), [5, 6]);
      assert.deepEqual(await log(bridge), ["enter", "exit None", "enter", "exit None"]);
    }),
  );
});

describe("Entered", () => {
  it(
    "is left by await using, once",
    rig.test(async ({ bridge }) => {
      const made = await manager(bridge) as PyProxy;
      let outside: Entered<number>;
      {
        await using entered = await made.$.enter<number>();
        outside = entered;
        assert.equal(entered.value, 7);
        assert.ok(entered instanceof Entered);
      }
      assert.equal(outside.exited, true);
      assert.equal(await outside.exit(new Error("late")), false);
      assert.deepEqual(await log(bridge), ["enter", "exit None"]);
    }),
  );

  it(
    "tells whether an error given to it is suppressed",
    rig.test(async ({ bridge }) => {
      const made = await (await manager(bridge, "suppress") as PyProxy).$.enter();
      const [left, again] = [made.exit(new Error("given")), made.exit()];
      assert.deepEqual([await left, await again], [true, true]);
      assert.match((await log(bridge) as string[])[1] as string, /^exit HostError: Error: given/);
    }),
  );

  it(
    "is left before its object is given back by await using",
    rig.test(async ({ bridge }) => {
      const made = await manager(bridge) as PyProxy;
      {
        await using _ref = made.$;
        await made.$.enter();
        await made.$enter();
      }
      assert.equal(made.$.released, true);
      assert.deepEqual(await log(bridge), ["enter", "enter", "exit None", "exit None"]);
      const proxy = await manager(bridge) as PyProxy;
      {
        await using _proxy = proxy;
        await proxy.$enter();
      }
      assert.deepEqual(await log(bridge), ["enter", "exit None"]);
    }),
  );

  it(
    "is left when its session ends, innermost first",
    rig.test(async ({ bridge }) => {
      const session: Session = bridge.session();
      const entered = await session.run(async () => {
        await (await manager(bridge, "", 1) as PyProxy).$.enter();
        return await (await manager(bridge, "raise", 2) as PyProxy).$.enter();
      });
      await Promise.all([session.release(), session.release()]);
      assert.equal(await entered.exit().catch((error: Error) => error.message), "exit failed");
      const seen = await log(bridge) as string[];
      assert.deepEqual(seen.slice(0, 2), ["enter", "enter"]);
      assert.match(seen[2] as string, /^exit GeneratorExit: session "session-\d+" ended/);
      assert.match(seen[3] as string, /^exit GeneratorExit/);
    }),
  );

  it(
    "is known by the traits of its manager",
    rig.test(async ({ bridge }) => {
      assert.equal((await manager(bridge) as PyProxy).$.enterable, true);
      assert.equal((await bridge.import("contextlib").AsyncExitStack() as PyProxy).$.enterable, true);
      assert.equal((await bridge.call("builtins", "object") as Ref).enterable, false);
    }),
  );
});
