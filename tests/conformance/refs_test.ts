import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { inspect } from "node:util";
import {
  type ArithmeticOperator,
  ClosedError,
  Ellipsis,
  errors,
  kw,
  LimitExceededError,
  type NdArray,
  type Pending,
  PyObject,
  type PyPromise,
  type PyProxy,
  type Ref,
  RefEvictedError,
  RefExpiredError,
  RefLostError,
  RefNotFoundError,
  RefReleasedError,
  RefSessionEndedError,
  RefSessionError,
  RefWorkerError,
  slice,
  SnakeBridge,
  tuple,
  ValueEncodeError,
} from "../../mod.ts";
import { pyModule } from "../../lib/wrapper/mod.ts";
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
      await assert.rejects(one.compare("===" as "==", two), TypeError);
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

describe("Ref operators", () => {
  it(
    "compute with values and objects on either side",
    rig.test(async ({ bridge }) => {
      using seven = await bridge.call("builtins", "int", [7], {}, { returns: "ref" }) as Ref;
      using three = await bridge.call("builtins", "int", [3], {}, { returns: "ref" }) as Ref;
      const results = {
        "+": 10,
        "-": 4,
        "*": 21,
        "/": 7 / 3,
        "//": 2,
        "%": 1,
        "**": 343,
        "&": 3,
        "|": 7,
        "^": 4,
        "<<": 56,
        ">>": 0,
      };
      for (const [operator, expected] of Object.entries(results)) {
        const name = operator as ArithmeticOperator;
        assert.equal(await seven.op(name, 3), expected, operator);
        assert.equal(await seven.op(name, three.py), expected, operator);
        assert.equal(await three.rop(name, 7), expected, `7 ${operator} three`);
        assert.equal(await three.rop(name, seven), expected, `seven ${operator} three`);
        assert.equal(await seven.op(`${name}=`, 3), expected, `${operator}=`);
      }
      assert.deepEqual(
        [await seven.unary("-"), await seven.unary("+"), await seven.unary("~"), await seven.unary("abs")],
        [-7, 7, -8, 7],
      );
      assert.equal(await seven.hash(), 7);
      assert.equal(await seven.equals(7), true);
      assert.equal(await seven.equals(three), false);
      assert.equal(await seven.compare("<", 8n), true);
    }),
  );

  it(
    "change an object in place with =, and give it back",
    rig.test(async ({ bridge }) => {
      using list = await bridge.call("builtins", "list", [[1]], {}, { returns: "ref" }) as Ref;
      using same = await list.op("+=", [2], { returns: "ref" }) as Ref;
      assert.equal(await list.is(same), true);
      assert.deepEqual(await list.value(), [1, 2]);
    }),
  );

  it(
    "refuse operands and operators that make no sense",
    rig.test(async ({ bridge }) => {
      using made = await point(bridge);
      await assert.rejects(made.op("+", 1), raises(errors.TypeError, /unsupported operand/));
      await assert.rejects(made.rop("@", [1]), raises(errors.TypeError, /unsupported operand/));
      await assert.rejects(made.unary("~"), raises(errors.TypeError, /bad operand/));
      await assert.rejects(made.op("+", undefined), /operand is undefined; pass null for None/);
      await assert.rejects(made.equals(undefined), /operand is undefined/);
      await assert.rejects(made.compare("<", undefined), /operand is undefined/);
      await assert.rejects(made.op("==" as "+", 1), /use compare\("==", other\)/);
      await assert.rejects(made.op("&&" as "&", true), /expected one of \+ - \*/);
      await assert.rejects(made.op("toString" as "&", true), /expected one of/);
      await assert.rejects(made.rop("+=" as "+", 1), /expected one of/);
      await assert.rejects(made.unary("!" as "~"), /expected one of - \+ ~ abs/);
      await assert.rejects(made.op("+", Symbol("s")), raises(ValueEncodeError));
    }),
  );

  it(
    "tell identity, types and classes",
    rig.test(async ({ bridge }) => {
      using made = await point(bridge);
      using other = await point(bridge);
      using me = await made.call("me") as Ref;
      assert.equal(await made.is(me), true);
      assert.equal(await made.is(made.py), true);
      assert.equal(await made.is(other), false);
      assert.equal(await made.is(null), false);
      assert.equal(await made.equals(other), true);
      await assert.rejects(made.is(5), /use equals\(\)/);
      await assert.rejects(made.is([]), /use equals\(\)/);
      using kind = await made.classRef();
      assert.equal(await kind.get("__name__"), "Point");
      assert.equal(await made.isInstance(kind), true);
      assert.equal(await made.isInstance("sbtest.Point"), true);
      assert.equal(await made.isInstance([kind, "dict"]), true);
      assert.equal(await made.isInstance(["numbers.Number", "str"]), false);
      await assert.rejects(made.isInstance("sbtest.Nothing"), raises(errors.AttributeError));
      await assert.rejects(made.isInstance(undefined), /operand is undefined/);
    }),
  );

  it(
    "index arrays by tuples, slices and the ellipsis",
    rig.test(async ({ bridge }) => {
      const np = bridge.import("numpy");
      using grid = await np.arange(24).reshape([2, 3, 4], kw({}, { returns: "ref" })) as PyProxy;
      const { $: ref } = grid;
      assert.equal(await ref.at(tuple(1, -1, 2)), 22);
      assert.deepEqual((await ref.at(tuple(0, slice(1, null), -1)) as NdArray).toNested(), [7, 11]);
      assert.deepEqual((await ref.at(tuple(Ellipsis, 0)) as NdArray).toNested(), [[0, 4, 8], [12, 16, 20]]);
      assert.deepEqual((await ref.at(tuple(0, slice(null, null, 2), null, 1)) as NdArray).shape, [2, 1]);
      assert.deepEqual((await ref.slice(1) as NdArray).shape, [1, 3, 4]);
      assert.deepEqual(
        (await ref.slice(null, null, -1) as NdArray).toNested(),
        (await ref.at(slice(null, null, -1)) as NdArray).toNested(),
      );
      await ref.setAt(tuple(Ellipsis, 0), -1);
      assert.equal(await ref.at(tuple(1, 2, 0)), -1);
      using doubled = await ref.op("*", 2, { returns: "ref" }) as Ref;
      assert.equal(await doubled.at(tuple(0, 0, 3)), 6);
      assert.deepEqual((await ref.rop("-", new Float64Array([1, 1, 1, 1])) as NdArray).shape, [2, 3, 4]);
      assert.equal((await ref.compare(">", 100) as NdArray).dtype, "|b1");
      await assert.rejects(ref.equals(ref), raises(errors.ValueError, /ambiguous/));
      await assert.rejects(ref.at(tuple(5, 0, 0)), raises(errors.IndexError));
    }),
  );
});

describe("console.log of a Python object", () => {
  it(
    "says what became of one that is gone",
    rig.test(async ({ bridge }) => {
      const session = bridge.session();
      const made = await session.call("sbtest", "Point", [1]) as Ref;
      const { py } = made;
      assert.equal(inspect([made, { py }]), "[ Point(1, 0), { py: Point(1, 0) } ]");
      await session.release();
      assert.match(inspect(made), /^<released sbtest\.Point: session ".*" has ended>$/);
      assert.equal(inspect(py), inspect(made));
      assert.equal(`${made}`, inspect(made));
    }),
  );

  it(
    "asks Python nothing",
    rig.test(async ({ bridge }, shared) => {
      using made = await point(bridge);
      const before = shared.worker.peer.lastId;
      for (const shown of [made, made.py, bridge.import("sbtest"), bridge.import("sbtest").Point]) {
        assert.equal(inspect(shown), String(shown));
      }
      assert.equal(shared.worker.peer.lastId, before);
    }),
  );

  it("is what Python shows, in the console of the runtime itself", async () => {
    using folder = new TempFolder();
    const script = `
      await using bridge = await sb.SnakeBridge.start(options);
      const sbtest = bridge.import("sbtest");
      const made = await bridge.call("sbtest", "Point", [3, 4]);
      console.log(made);
      console.log([[made]]);
      console.log(made.py, sbtest);
      const pending = sbtest.Point(1);
      console.log(pending);
      console.log([await pending]);
      made.release();
      console.log(made, made.py, String(made));
      const other = await sbtest.Point(2);
      await bridge.close();
      console.log(other);
    `;
    const { code, stdout, stderr } = await runScript(script, { folder });
    assert.equal(code, 0, stderr);
    // Runtimes differ in where they break lines.
    const shown = stdout.replaceAll(/\s+/g, " ");
    const released = "<released sbtest.Point>";
    assert.ok(
      shown.startsWith(
        "Point(3, 4) [ [ Point(3, 4) ] ] Point(3, 4) <module sbtest> <pending sbtest.Point> [ Point(1, 0) ] " +
          `${released} ${released} ${released} <lost sbtest.Point: its worker `,
      ),
      shown,
    );
  });

  it(
    "is the same for generated classes",
    rig.test(async () => {
      const coming = pyModule("sbtest").call<Pending<PyObject>>("Point", [1], PyObject);
      assert.equal(inspect({ coming }), "{ coming: <pending sbtest.Point> }");
      assert.throws(() => JSON.stringify({ coming }), /Cannot write <pending sbtest\.Point> as JSON: await it/);
      const made = await coming;
      assert.equal(inspect([made]), "[ Point(1, 0) ]");
      assert.throws(() => JSON.stringify([made]), /Cannot write Point\(1, 0\) as JSON/);
      assert.throws(() => structuredClone({ made }), { name: "DataCloneError" });
      made[Symbol.dispose]();
      assert.equal(String(made), "<released sbtest.Point>");
      await assert.rejects(
        Promise.resolve(made.$call<PyPromise<unknown>>("moved", [1])),
        raises(RefReleasedError, /Point\(1, 0\)/),
      );
    }),
  );

  it(
    "cannot be JSON or cloned, at any depth",
    rig.test(async ({ bridge }) => {
      using made = await point(bridge);
      assert.throws(() => JSON.stringify([{ made }]), /Cannot write Point\(3, 4\) as JSON: await its value\(\)/);
      assert.throws(() => JSON.stringify({ py: made.py }), /as JSON/);
      assert.throws(() => structuredClone(made), { name: "DataCloneError" });
      assert.throws(() => structuredClone([{ made }]), { name: "DataCloneError" });
      assert.throws(() => structuredClone(made.py), { name: "DataCloneError" });
    }),
  );
});

describe("a reference and its release", () => {
  it(
    "a call that waits in line has the object, one made after the release has not",
    rig.test(async ({ bridge }, shared) => {
      const made = await bridge.call("sbtest", "Counted") as Ref;
      using gate = new Gate();
      const held = bridge.call("sbtest", "hold", gate.args);
      await gate.begun();
      const waiting = [
        made.call("__class__.__name__.upper"),
        bridge.call("builtins", "str", [[made]]),
        Promise.resolve(made.py.next()),
        Promise.resolve(bridge.import("sbtest").same([made])),
      ];
      made.release();
      await assert.rejects(made.call("next"), raises(RefReleasedError, /sbtest\.Counted/));
      await assert.rejects(bridge.call("sbtest", "same", [made]), raises(RefReleasedError));
      await assert.rejects(Promise.resolve(made.py.next()), raises(RefReleasedError));
      gate.open();
      await held;
      const [name, text, next, list] = await Promise.all(waiting) as [string, string, PyProxy, [Ref]];
      assert.equal(name, "COUNTED");
      assert.match(text, /Counted object/);
      next.$.release();
      list[0].release();
      await until("Python has freed all", async () => await bridge.call("sbtest", "live") === 0);
      assert.equal(await shared.refs(), 0);
    }),
  );

  it(
    "while its call runs, leaves the object to that call",
    rig.test(async ({ bridge }) => {
      using gate = new Gate();
      const made = await bridge.call("functools", "partial", [await bridge.attr("sbtest", "hold")]) as Ref;
      const running = made.invoke(gate.args);
      await gate.begun();
      made.release();
      assert.equal(made.released, true);
      gate.open();
      assert.equal(await running, "held");
      await assert.rejects(made.invoke([]), raises(RefReleasedError));
    }),
  );

  it(
    "waits for a call that is cancelled, and for no longer",
    rig.test(async ({ bridge }, shared) => {
      using gate = new Gate();
      const made = await point(bridge);
      const held = bridge.call("sbtest", "hold", gate.args);
      await gate.begun();
      const controller = new AbortController();
      const waiting = made.call("moved", [1], {}, { signal: controller.signal });
      made.release();
      controller.abort();
      await assert.rejects(waiting);
      gate.open();
      await held;
      await until("the object is gone", async () => await shared.refs() === 0);
    }),
  );

  it(
    "in the middle of a chain is a use like any other",
    rig.test(async ({ bridge }) => {
      const sbtest = bridge.import("sbtest");
      const first = await sbtest.Point(1) as PyProxy;
      const chain = first.moved(1).moved(1).x;
      first.$.release();
      assert.equal(await chain, 3);
      await assert.rejects(Promise.resolve(first.moved(1).moved(1).x), raises(RefReleasedError, /sbtest\.Point/));
      await assert.rejects(Promise.resolve(sbtest.Point(2).__eq__(first)), raises(RefReleasedError));
    }),
  );
});

describe("maxRefs", () => {
  it("gives back what was used least recently, whose next use is told so", async () => {
    await using capped = await Rig.start({ maxRefs: 3 });
    await capped.run(async ({ bridge }) => {
      const [a, b, c] = [await point(bridge, 1), await point(bridge, 2), await point(bridge, 3)];
      assert.equal(await a.get("x"), 1);
      const d = await point(bridge, 4);
      assert.equal(await capped.refs(), 3);
      const evicted = raises(RefEvictedError, /sbtest\.Point: Point\(2, 4\).*of the 3 .*raise maxRefs/);
      await assert.rejects(b.get("x"), evicted);
      assert.equal(inspect(b), "<evicted sbtest.Point>");
      const before = capped.worker.peer.lastId;
      await assert.rejects(b.get("x"), evicted);
      await assert.rejects(bridge.call("sbtest", "same", [[b]]), evicted);
      await assert.rejects(Promise.resolve(b.py.moved()), evicted);
      assert.equal(capped.worker.peer.lastId, before, "what is known here is not asked for again");
      assert.deepEqual([await c.get("x"), await a.get("x"), await d.get("x")], [3, 1, 4]);
    });
  });

  it("counts what lies inside results, and refuses one that is too much by itself", async () => {
    await using capped = await Rig.start({ maxRefs: 4 });
    await capped.run(async ({ bridge }) => {
      const older = await point(bridge);
      const list = bridge.call("builtins", "list", [await bridge.call("sbtest", "objects", [3])]);
      assert.equal((await list as Ref[]).length, 3);
      assert.equal(await capped.refs(), 4);
      await assert.rejects(bridge.call("sbtest", "same", [older]), raises(RefEvictedError, /Point\(3, 4\)/));
      const five = bridge.call("builtins", "list", [await bridge.call("sbtest", "objects", [5])]);
      await assert.rejects(five, raises(LimitExceededError, /maxRefs is 5, limit is 4/));
      const seen: unknown[] = [];
      for await (const item of await bridge.call("sbtest", "objects", [10]) as Ref) {
        seen.push(await (item as Ref).get("x"));
      }
      assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });
  });

  it("holds for each session by itself", async () => {
    await using capped = await Rig.start({ maxRefs: 1 });
    await capped.run(async ({ bridge }) => {
      const one = await point(bridge, 1);
      await using session = bridge.session();
      const two = await session.call("sbtest", "Point", [2]) as Ref;
      assert.equal(await capped.refs(), 2);
      assert.equal(await one.get("x"), 1);
      assert.equal(await session.run(() => two.get("x")), 2);
    });
  });

  it("comes from the environment of Python when no option says it, and 0 is no limit", async () => {
    for (const [options, expected] of [[{}, 2], [{ maxRefs: 0 }, 5], [{ maxRefs: Infinity }, 5]] as const) {
      await using capped = await Rig.start({ ...options, env: { SNAKEBRIDGE_REF_MAX: "2" } });
      await capped.run(async ({ bridge }) => {
        for (let i = 0; i < 5; i += 1) await point(bridge);
        assert.equal(await capped.refs(), expected);
      });
    }
  });

  it("is refused where it makes no sense", async () => {
    await assert.rejects(SnakeBridge.start({ maxRefs: -1 }), /maxRefs is -1, expected a whole number from 0/);
    await assert.rejects(SnakeBridge.start({ maxRefs: 1.5 }), RangeError);
    await assert.rejects(SnakeBridge.start({ maxRefs: NaN }), RangeError);
    await assert.rejects(SnakeBridge.start({ refTtlSeconds: -1 }), /refTtlSeconds is -1/);
    await assert.rejects(SnakeBridge.start({ refTtlSeconds: NaN }), RangeError);
  });
});

describe("refTtlSeconds", () => {
  it("gives back what nobody uses, whose next use is told so", async () => {
    await using aging = await Rig.start({ refTtlSeconds: 0.02 });
    await aging.run(async ({ bridge }) => {
      const made = await bridge.call("sbtest", "Counted") as Ref;
      await until("the reference has expired", async () => await aging.refs() === 0);
      await assert.rejects(made.call("next"), raises(RefExpiredError, /sbtest\.Counted.*0\.02 seconds.*refTtlSeconds/));
      assert.equal(inspect(made), "<expired sbtest.Counted>");
      await assert.rejects(bridge.call("sbtest", "same", [{ made }]), raises(RefExpiredError));
      await until("the object is gone", async () => await bridge.call("sbtest", "live") === 0);
    });
  });

  it("does not take an object from a call that waits behind a longer one", async () => {
    await using aging = await Rig.start({ refTtlSeconds: 0.2 });
    await aging.run(async ({ bridge }) => {
      const made = await point(bridge);
      // A step that nobody awaits goes with all others of its turn in one write, so these wait in the worker.
      bridge.import("time").sleep(0.6);
      assert.deepEqual(await Promise.all([made.py.moved(2).x, made.py.x]), [5, 3]);
    });
  });
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
      const ended = raises(RefSessionEndedError, new RegExp(`sbtest\\.Counted.*session "${one.id}" has ended`));
      await assert.rejects(made.call("next"), ended);
      await assert.rejects(bridge.call("sbtest", "same", [[made]]), ended);
      await assert.rejects(Promise.resolve(made.py.next().next()), ended);
      await assert.rejects(made.call("next"), raises(RefSessionError));
      await using again = bridge.session(one.id);
      await assert.rejects(again.call("sbtest", "same", [made]), ended);
    }),
  );
});

describe("the end of a session", () => {
  it(
    "comes after the calls made before it, and what they give belongs to nobody",
    rig.test(async ({ bridge }, shared) => {
      const session = bridge.session();
      const made = await session.call("sbtest", "Counted") as Ref;
      using gate = new Gate();
      const held = bridge.call("sbtest", "hold", gate.args);
      await gate.begun();
      const waiting = session.run(
        () => [made.call("next"), bridge.call("sbtest", "crowd", [3]), made.py.next().next()],
      );
      const ended = session.release();
      gate.open();
      const [next, crowd, last] = await Promise.all(waiting) as [Ref, Ref[], PyProxy];
      await ended;
      await held;
      for (const each of [made, next, ...crowd, last.$]) {
        await assert.rejects(each.call("next"), raises(RefSessionEndedError));
      }
      assert.equal(await bridge.call("sbtest", "live"), 0);
      assert.equal(await shared.refs(), 0);
    }),
  );

  it("leaves other sessions alone, in the same worker and at the same time", async () => {
    await using crowded = await Rig.start({ maxRefs: 2 });
    await crowded.run(async ({ bridge }) => {
      await Promise.all(Array.from({ length: 20 }, async (_, index) => {
        await using session = bridge.session();
        const one = await session.call("sbtest", "Point", [index]) as Ref;
        const two = await session.call("sbtest", "Point", [index, 1]) as Ref;
        await bridge.withSession((inner) => inner.call("sbtest", "Point", [-1]));
        assert.deepEqual(await session.run(() => Promise.all([one.get("x"), two.get("x")])), [index, index]);
      }));
      assert.equal(await crowded.refs(), 0);
    });
  });
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
      await assert.rejects(made.get("x"), raises(RefLostError, /sbtest\.Point: Point\(3, 4\).*has ended/));
      await assert.rejects(bridge.call("sbtest", "same", [made]), raises(RefNotFoundError));
      await assert.rejects(Promise.resolve(made.py.moved()), raises(RefLostError));
      assert.match(inspect({ made }), /^{ made: <lost sbtest\.Point: its worker .* has ended> }$/);
      // The new worker's objects are others, whatever their ids.
      using again = await point(bridge);
      assert.equal(await again.get("x"), 3);
      await assert.rejects(again.equals(made), raises(RefLostError));
      made.release();
      assert.equal(await bridge.call("math", "sqrt", [4]), 2);
    });
  });

  it("dropped while calls on them wait, run or go on their way stay for these calls", async () => {
    using folder = new TempFolder();
    using gate = new Gate();
    const script = `
      import { existsSync, writeFileSync } from "node:fs";
      const [begun, open] = ${JSON.stringify(gate.args)};
      const gc = globalThis.gc ?? (() => Bun.gc(true));
      const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
      await using bridge = await sb.SnakeBridge.start(options);
      const sbtest = bridge.import("sbtest");
      const start = async () => {
        const running = await bridge.call("functools", "partial", [await bridge.attr("sbtest", "hold")]);
        const one = await bridge.call("sbtest", "Point", [1]);
        const two = await sbtest.Point(2);
        const calls = [running.invoke([begun, open]), one.get("x"), bridge.call("builtins", "str", [[two]])];
        calls.push(Promise.resolve(two.moved(1).moved(1).x));
        return Promise.all(calls);
      };
      const answers = start();
      while (!existsSync(begun)) await turn();
      for (let i = 0; i < 50; i += 1) {
        gc();
        await turn();
      }
      writeFileSync(open, "");
      console.log(JSON.stringify(await answers));
    `;
    const result = await runScript(script, { folder, exposeGc: true, limitMs: 60_000 });
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(JSON.parse(result.stdout), ["held", 1, "[Point(2, 0)]", 4]);
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
