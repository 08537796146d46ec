import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { inspect } from "node:util";
import {
  ClosedError,
  errors,
  type PyProxy,
  type Ref,
  RefNotFoundError,
  RefReleasedError,
  RefSessionError,
  RefWorkerError,
  slice,
  type SnakeBridge,
} from "../../mod.ts";
import { Gate, TempFolder, until } from "../support/gate.ts";
import { raises } from "../support/raises.ts";
import { Rig, SharedRig } from "../support/rig.ts";
import { runScript } from "../support/run_script.ts";

const rig = new SharedRig();
after(() => rig.close());

async function point(bridge: SnakeBridge, x = 3, y = 4): Promise<Ref> {
  return await bridge.call("sbtest", "Point", [x, y]) as Ref;
}

async function bag(bridge: SnakeBridge, ...items: unknown[]): Promise<Ref> {
  return await bridge.call("sbtest", "Bag", items) as Ref;
}

describe("Ref", () => {
  it(
    "gets, sets and deletes attributes, dotted ones too",
    rig.test(async ({ bridge }) => {
      using made = await point(bridge);
      await made.set("x", 6);
      assert.equal(await made.get("x"), 6);
      await made.set("extra", { a: 1 });
      assert.deepEqual(await made.get("extra"), { a: 1 });
      await made.delete("extra");
      await assert.rejects(made.get("extra"), raises(errors.AttributeError, /'extra'/));
      await assert.rejects(made.delete("extra"), raises(errors.AttributeError));
      await assert.rejects(made.set("norm", 1), raises(errors.AttributeError));
      assert.equal(await made.get("Meta.level"), 3);
      using holder = await bridge.call("types", "SimpleNamespace", [], { inner: made }) as Ref;
      await holder.set("inner.x", 9);
      assert.equal(await made.get("x"), 9);
      await holder.delete("inner.label");
      await assert.rejects(made.get("label"), raises(errors.AttributeError));
    }),
  );

  it(
    "calls methods and itself, with keyword arguments",
    rig.test(async ({ bridge }) => {
      using made = await point(bridge);
      using moved = await made.call("moved", [1], { dy: 2 }) as Ref;
      assert.deepEqual([await moved.get("x"), await moved.get("y")], [4, 6]);
      assert.equal(await made.invoke([5]), 15);
      await assert.rejects(made.call("nothing"), raises(errors.AttributeError));
      using partial = await bridge.call("functools", "partial", [await bridge.attr("sbtest", "describe"), 1]) as Ref;
      assert.equal(await partial.invoke([2], { a: 3 }), "((1, 2), {'a': 3})");
    }),
  );

  it(
    "answers len, str, repr, bool, in, dir and type",
    rig.test(async ({ bridge }) => {
      using three = await bag(bridge, 1, "a", null);
      using none = await bag(bridge);
      assert.equal(await three.len(), 3);
      assert.equal(await three.bool(), true);
      assert.equal(await none.bool(), false);
      assert.equal(await three.contains("a"), true);
      assert.equal(await three.contains("b"), false);
      assert.equal(three.type, "sbtest.Bag");
      using made = await point(bridge);
      assert.equal(await made.str(), "Point(3, 4)");
      assert.equal(await made.repr(), "Point(3, 4)");
      assert.equal((await made.dir()).includes("moved"), true);
      assert.equal(made.callable, true);
      assert.equal(made.iterable, false);
      assert.equal(three.iterable, true);
      await assert.rejects(made.len(), raises(errors.TypeError, /has no len/));
    }),
  );

  it(
    "indexes and slices, to read, write and delete",
    rig.test(async ({ bridge }) => {
      using made = await bag(bridge, 0, 1, 2, 3);
      assert.equal(await made.at(-1), 3);
      assert.deepEqual(await made.at(slice(1, 3)), [1, 2]);
      await made.setAt(0, "zero");
      await made.setAt(slice(1, 3), ["one"]);
      await made.deleteAt(-1);
      assert.deepEqual(await made.get("items"), ["zero", "one"]);
      await assert.rejects(made.at(99), raises(errors.IndexError));
      using table = await bridge.call("builtins", "dict", [], { a: 1 }, { returns: "ref" }) as Ref;
      await assert.rejects(table.at("b"), raises(errors.KeyError));
      assert.equal(await table.at("a"), 1);
    }),
  );

  it(
    "compares, and gives whatever Python gives",
    rig.test(async ({ bridge }) => {
      using one = await point(bridge, 1, 0);
      using same = await point(bridge, 1, 0);
      using two = await point(bridge, 2, 0);
      assert.equal(await one.compare("==", same), true);
      assert.equal(await one.compare("!=", two), true);
      assert.equal(await one.compare("<", two), true);
      assert.equal(await two.compare(">", one), true);
      await assert.rejects(one.compare("<=", two), raises(errors.TypeError));
      assert.throws(() => one.compare("===" as "==", two), TypeError);
    }),
  );

  it(
    "goes in as the object it stands for, at any depth",
    rig.test(async ({ bridge }) => {
      using made = await point(bridge);
      using list = await bridge.call("builtins", "list", [[{ deep: [made] }]], {}, { returns: "ref" }) as Ref;
      assert.equal(await bridge.call("builtins", "str", [list]), "[{'deep': [Point(3, 4)]}]");
      using again = await made.call("me") as Ref;
      assert.equal(await bridge.call("operator", "is_", [again, made]), true);
      assert.equal(await bridge.call("operator", "is_", [made.py, made.$]), true);
    }),
  );

  it(
    "is shown as Python's repr by console.log, and refuses to be JSON",
    rig.test(async ({ bridge }) => {
      using made = await point(bridge);
      assert.equal(inspect(made), "Point(3, 4)");
      assert.equal(inspect({ made }), "{ made: Point(3, 4) }");
      assert.equal(String(made), "Point(3, 4)");
      assert.equal(`${made.py}`, "Point(3, 4)");
      assert.equal(inspect(made.py), "Point(3, 4)");
      assert.throws(() => JSON.stringify({ made }), /await its value\(\)/);
      using bad = await bridge.call("sbtest", "BadRepr") as Ref;
      assert.match(inspect(bad), /^<sbtest\.BadRepr reference -?\d+>$/);
      made.release();
      assert.equal(inspect(made), "<released sbtest.Point>");
    }),
  );

  it(
    "is shown without asking Python when it is a module, an attribute or on its way",
    rig.test(async ({ bridge }) => {
      const sbtest = bridge.import("sbtest");
      assert.equal(inspect(sbtest), "<module sbtest>");
      assert.match(inspect(sbtest.Point), /sbtest\.Point/);
      const coming = sbtest.Point(1);
      assert.match(inspect(coming), /pending sbtest\.Point/);
      using made = await coming as PyProxy;
      assert.equal(inspect(made), "Point(1, 0)");
    }),
  );

  it(
    "cuts a long repr and gives all of it on request",
    rig.test(async ({ bridge }) => {
      using text = await bridge.call("builtins", "str", ["z".repeat(50_000)], {}, { returns: "ref" }) as Ref;
      assert.ok(inspect(text).length <= 1_000);
      assert.equal((await text.repr()).length, 50_002);
    }),
  );

  it(
    "awaited by mistake is itself",
    rig.test(async ({ bridge }) => {
      using made = await point(bridge);
      assert.equal(await made, made);
      const { py } = made;
      assert.equal(await py, py);
    }),
  );
});

describe("Ref.release()", () => {
  it(
    "frees the object in Python at once, and a later use is refused",
    rig.test(async ({ bridge }) => {
      const made = await bridge.call("sbtest", "Counted") as Ref;
      assert.equal(await bridge.call("sbtest", "live"), 1);
      made.release();
      made.release();
      assert.equal(made.released, true);
      await until("Python has freed it", async () => await bridge.call("sbtest", "live") === 0);
      await assert.rejects(made.call("next"), raises(RefReleasedError, /released/));
      await assert.rejects(bridge.call("sbtest", "same", [made]), raises(RefReleasedError));
      await assert.rejects(Promise.resolve(made.py.next()), raises(RefReleasedError));
      await assert.rejects(async () => {
        for await (const item of made) assert.fail(String(item));
      }, raises(RefReleasedError));
    }),
  );

  it(
    "is what using does, for references and proxies",
    rig.test(async ({ bridge }) => {
      {
        using one = await bridge.call("sbtest", "Counted") as Ref;
        using two = await bridge.import("sbtest").Counted() as PyProxy;
        assert.ok(one && two);
        assert.equal(await bridge.call("sbtest", "live"), 2);
      }
      await until("Python has freed both", async () => await bridge.call("sbtest", "live") === 0);
    }),
  );

  it(
    "right behind a call that uses the object does not take it from that call",
    rig.test(async ({ bridge }) => {
      using gate = new Gate();
      const held = bridge.call("sbtest", "hold", gate.args);
      await gate.begun();
      gate.open();
      await held;
      const made = await point(bridge);
      const used = made.call("moved", [1]);
      made.release();
      using moved = await used as Ref;
      assert.equal(await moved.get("x"), 4);
    }),
  );
});

describe("a reference of another session", () => {
  it(
    "is refused as target and as argument",
    rig.test(async ({ bridge }) => {
      await using one = bridge.session();
      await using two = bridge.session();
      const made = await one.call("sbtest", "Point", [1]) as Ref;
      assert.equal(made.session, one.id);
      await assert.rejects(two.call("sbtest", "same", [made]), raises(RefSessionError, new RegExp(one.id)));
      await assert.rejects(two.call("sbtest", "same", [{ a: [made] }]), raises(RefSessionError));
      await assert.rejects(two.run(() => made.get("x")), raises(RefSessionError));
      await assert.rejects(two.run(() => Promise.resolve(made.py.moved(1))), raises(RefSessionError));
      assert.equal(await one.run(() => made.get("x")), 1);
    }),
  );

  it(
    "is refused after that session has ended",
    rig.test(async ({ bridge }, shared) => {
      const one = bridge.session();
      const made = await one.call("sbtest", "Counted") as Ref;
      await one.release();
      await one.release();
      assert.equal(await shared.bridge.call("sbtest", "live"), 0);
      await assert.rejects(one.call("math", "sqrt", [4]), raises(ClosedError));
      assert.throws(() => one.run(() => made.call("next")), ClosedError);
      await assert.rejects(made.call("next"));
    }),
  );
});

describe("references and workers", () => {
  it("in two workers cannot meet in one call", async () => {
    await using rig = await Rig.start({ size: 2 });
    await rig.run(async ({ bridge }) => {
      using one = await point(bridge, 1);
      using gate = new Gate();
      const held = bridge.call("sbtest", "hold", gate.args);
      await gate.begun();
      // The worker of the first is held, so the second is made in the other.
      using two = await point(bridge, 2);
      await assert.rejects(bridge.call("sbtest", "same", [[one, two]]), raises(RefWorkerError));
      await assert.rejects(two.call("__eq__", [one]), raises(RefWorkerError));
      await assert.rejects(Promise.resolve(two.py.moved(one)), raises(RefWorkerError, /different workers|worker/));
      assert.equal(await two.get("x"), 2);
      const queued = one.get("x");
      gate.open();
      assert.equal(await queued, 1);
      assert.equal(await held, "held");
    });
  });

  it("whose worker has crashed are refused, at once", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      const made = await point(bridge);
      const waiting = [made.get("x"), bridge.call("sbtest", "die", ["exit"]), made.get("y")];
      const [before, died, behind] = await Promise.allSettled(waiting);
      assert.equal(before?.status, "fulfilled");
      assert.equal(died?.status, "rejected");
      assert.equal(behind?.status, "rejected");
      await assert.rejects(made.get("x"), raises(RefNotFoundError, /has ended/));
      await assert.rejects(bridge.call("sbtest", "same", [made]), raises(RefNotFoundError));
      await assert.rejects(Promise.resolve(made.py.moved()), raises(RefNotFoundError));
      made.release();
      assert.equal(await bridge.call("math", "sqrt", [4]), 2);
    });
  });

  it("dropped by the thousand are freed by garbage collection", async () => {
    using folder = new TempFolder();
    const script = `
      const gc = globalThis.gc ?? (() => Bun.gc(true));
      await using bridge = await sb.SnakeBridge.start(options);
      const sbtest = bridge.import("sbtest");
      for (let round = 0; round < 50; round += 1) {
        await Promise.all(Array.from({ length: 1000 }, () => bridge.call("sbtest", "Counted")));
        await Promise.all(Array.from({ length: 500 }, () => sbtest.Counted().next()));
      }
      let live = Infinity;
      for (let turn = 0; turn < 200 && live >= 1000; turn += 1) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
        live = await bridge.call("sbtest", "live");
      }
      console.log("live", live);
    `;
    const result = await runScript(script, { folder, exposeGc: true, limitMs: 60_000 });
    assert.equal(result.code, 0, result.stderr);
    const live = Number(/live (\d+)/.exec(result.stdout)?.[1]);
    assert.ok(live < 1_000, result.stdout);
  });
});
