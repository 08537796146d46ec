import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { ClosedError, errors, kw, NdArray, type PyProxy, PythonError, type Ref, RefNotFoundError } from "../../mod.ts";
import { Gate, TempFolder } from "../support/gate.ts";
import { raises } from "../support/raises.ts";
import { SharedRig } from "../support/rig.ts";
import { runScript } from "../support/run_script.ts";
import { WireTap } from "../support/wire_tap.ts";

const rig = new SharedRig();
after(() => rig.close());

describe("a chain", () => {
  it(
    "travels in one write",
    rig.test(async ({ bridge }) => {
      const pathlib = bridge.import("pathlib");
      await pathlib.PurePosixPath("/").name;
      using tap = new WireTap();
      assert.equal(await pathlib.PurePosixPath("/tmp/x").joinpath("a.txt").with_suffix(".csv").parent.name, "x");
      assert.equal(tap.frames, 4);
      assert.equal(tap.writes, 1);
    }),
  );

  it(
    "travels whole while the worker is busy",
    rig.test(async ({ bridge }, { worker }) => {
      using gate = new Gate();
      const point = await bridge.call("sbtest", "Point", [1]) as Ref;
      const held = bridge.call("sbtest", "hold", gate.args);
      await gate.begun();
      const chain = Promise.resolve(point.py.moved(1).moved(2).moved(3).x);
      const other = Promise.resolve(bridge.import("sbtest").Point(5).moved(1).norm);
      gate.open();
      assert.deepEqual(await Promise.all([chain, other, held]), [7, 6, "held"]);
      assert.equal(worker.peer.pendingCount, 0);
      point.release();
    }),
  );

  it(
    "branches: a step is run once, however many use it",
    rig.test(async ({ bridge }) => {
      const sbtest = bridge.import("sbtest");
      await sbtest.take_log();
      const logged = sbtest.log("once");
      const results = await Promise.all([logged.upper(), logged.title(), logged, logged.__len__()]);
      assert.deepEqual(results, ["ONCE", "Once", "once", 4]);
      assert.deepEqual(await sbtest.take_log(), ["once"]);
    }),
  );

  it(
    "joins: pending objects are arguments of each other's calls",
    rig.test(async ({ bridge }) => {
      const { Point, same } = bridge.import("sbtest");
      const a = Point(1);
      const b = Point(2);
      using tap = new WireTap();
      assert.equal(await same([a, { b }]).__getitem__(1).__getitem__("b").x, 2);
      assert.equal(tap.writes, 1);
      assert.equal(await bridge.call("builtins", "repr", [a]), "Point(1, 0)");
    }),
  );

  it(
    "takes attributes of modules and objects as arguments",
    rig.test(async ({ bridge }) => {
      const np = bridge.import("numpy");
      const array = await np.zeros(2, kw({ dtype: np.float32 }));
      assert.ok(array instanceof NdArray);
      assert.equal(array.dtype, "<f4");
      const { Point } = bridge.import("sbtest");
      const a = Point(3, 4);
      assert.equal(await bridge.import("math").sqrt(a.norm), Math.sqrt(5));
      assert.deepEqual(await bridge.import("builtins").sorted([-2, 1], kw({ key: bridge.import("builtins").abs })), [
        1,
        -2,
      ]);
    }),
  );

  it(
    "goes on from objects of earlier turns, awaited or not",
    rig.test(async ({ bridge }) => {
      const { Point } = bridge.import("sbtest");
      const early = Point(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      const moved = early.moved(1);
      await bridge.call("math", "sqrt", [4]);
      assert.equal(await moved.x, 2);
      assert.equal(await moved.moved(1).x, 3);
      using settled = await moved as PyProxy;
      assert.equal(await settled.x, 2);
      assert.equal(await moved.x, 2);
    }),
  );

  it(
    "can be awaited twice",
    rig.test(async ({ bridge }) => {
      const text = bridge.import("builtins").str(12);
      assert.equal(await text, "12");
      assert.equal(await text, "12");
      const point = bridge.import("sbtest").Point(1);
      using one = await point as PyProxy;
      using two = await point as PyProxy;
      assert.equal(await bridge.call("operator", "is_", [one, two]), true);
    }),
  );

  it(
    "goes on from a value that was awaited before, or says what to do",
    rig.test(async ({ bridge }) => {
      const text = bridge.import("builtins").str(12);
      assert.equal(await text, "12");
      await assert.rejects(Promise.resolve(text.zfill(4)), raises(RefNotFoundError, /keep|awaited value/));
      // Used and awaited in one turn, it is kept.
      const again = bridge.import("builtins").str(12);
      const [value, filled] = await Promise.all([again, again.zfill(4)]);
      assert.deepEqual([value, filled], ["12", "0012"]);
    }),
  );

  it(
    "rejects its end with the traceback of the step that failed",
    rig.test(async ({ bridge }, { worker }) => {
      const sbtest = bridge.import("sbtest");
      const error = await Promise.resolve(sbtest.Point(1).moved(sbtest.inner()).moved(2).x).catch((reason) => reason);
      assert.ok(error instanceof errors.ZeroDivisionError, String(error));
      assert.match(error.traceback, /in inner/);
      const middle = await Promise.resolve(sbtest.Point(1).nothing.moved(2).x).catch((reason) => reason);
      assert.ok(middle instanceof errors.AttributeError);
      assert.match(middle.message, /'Point' object has no attribute 'nothing'/);
      assert.equal(worker.peer.pendingCount, 0);
      assert.equal(await sbtest.constant, 42);
    }),
  );

  it(
    "rejects every branch of what failed, and no other",
    rig.test(async ({ bridge }) => {
      const sbtest = bridge.import("sbtest");
      const failed = sbtest.inner();
      const fine = sbtest.Point(1);
      const results = await Promise.allSettled([failed.a, failed.b(), failed, fine.x]);
      assert.deepEqual(results.map(({ status }) => status), ["rejected", "rejected", "rejected", "fulfilled"]);
      await assert.rejects(Promise.resolve(failed.later), raises(errors.ZeroDivisionError));
    }),
  );

  it(
    "whose argument has no encoding fails, and what was sent before it runs",
    rig.test(async ({ bridge }, { worker }) => {
      const sbtest = bridge.import("sbtest");
      await sbtest.take_log();
      await assert.rejects(Promise.resolve(sbtest.log("first").join([Symbol("no")]).upper()), (error) => {
        assert.ok(!(error instanceof PythonError), String(error));
        return true;
      });
      assert.deepEqual(await sbtest.take_log(), ["first"]);
      assert.equal(worker.peer.pendingCount, 0);
    }),
  );

  it(
    "of a session that has ended is refused",
    rig.test(async ({ bridge }) => {
      const session = bridge.session();
      const point = await session.run(() => session.import("sbtest").Point(1)) as unknown as PyProxy;
      await session.release();
      await assert.rejects(async () => await point.x);
      assert.throws(() => session.run(() => point.x), ClosedError);
    }),
  );
});

describe("a step that nobody awaits", () => {
  it(
    "runs all the same, in order",
    rig.test(async ({ bridge }) => {
      const sbtest = bridge.import("sbtest");
      await sbtest.take_log();
      for (const text of ["a", "b", "c"]) void sbtest.log(text);
      assert.deepEqual(await sbtest.take_log(), ["a", "b", "c"]);
    }),
  );

  it("that fails is an unhandled rejection, as with any promise", async () => {
    using folder = new TempFolder();
    const result = await runScript(
      `
      process.on("unhandledRejection", (error) => {
        console.log("unhandled", error.name, error instanceof sb.errors.ZeroDivisionError);
        process.exit(7);
      });
      const bridge = await sb.SnakeBridge.start(options);
      void bridge.import("sbtest").inner();
      await new Promise((resolve) => setTimeout(resolve, 20_000));
    `.replace("process.on", 'const { default: process } = await import("node:process"); process.on'),
      { folder },
    );
    assert.match(result.stdout, /unhandled ZeroDivisionError true/);
    assert.equal(result.code, 7);
  });

  it("whose failure the end of its chain reports is no second rejection", async () => {
    using folder = new TempFolder();
    const result = await runScript(
      `
      const { default: process } = await import("node:process");
      let unhandled = 0;
      process.on("unhandledRejection", () => unhandled += 1);
      await using bridge = await sb.SnakeBridge.start(options);
      const sbtest = bridge.import("sbtest");
      for (let i = 0; i < 10; i += 1) await sbtest.inner().a.b().c.then(() => console.log("wrong"), () => {});
      const failed = sbtest.inner();
      await Promise.allSettled([failed.a, failed.b]);
      await bridge.call("math", "sqrt", [4]);
      await new Promise((resolve) => setTimeout(resolve, 10));
      console.log("unhandled", unhandled);
    `,
      { folder },
    );
    assert.equal(result.stdout.trim(), "unhandled 0", result.stderr);
    assert.equal(result.code, 0);
  });
});
