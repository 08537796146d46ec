import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { errors, kw, type PyProxy, PythonError, Ref, Tuple } from "../../mod.ts";
import { raises } from "../support/raises.ts";
import { SharedRig } from "../support/rig.ts";

const rig = new SharedRig();
after(() => rig.close());

const POINT = "sbtest.Point";

describe("Caller.call()", () => {
  it(
    "calls functions with positional, keyword and keyword-only arguments",
    rig.test(async ({ bridge }) => {
      assert.equal(await bridge.call("math", "sqrt", [16]), 4);
      assert.deepEqual(await bridge.call("sbtest", "keyword_only", [1], { c: 3 }), [1, 2, 3, 4]);
      assert.deepEqual(await bridge.call("sbtest", "keyword_only", [1, 9], { d: 5, c: 3 }), [1, 9, 3, 5]);
      assert.equal(
        await bridge.call("sbtest", "describe", [1, "a"], { b: null, a: [1] }),
        `((1, 'a'), {'b': None, 'a': [1]})`,
      );
    }),
  );

  it(
    "leaves keyword arguments out that are undefined, and takes undefined for None",
    rig.test(async ({ bridge }) => {
      assert.equal(await bridge.call("sbtest", "describe", [undefined], { a: undefined, b: 1 }), "((None,), {'b': 1})");
    }),
  );

  it(
    "calls builtins",
    rig.test(async ({ bridge }) => {
      assert.equal(await bridge.call("builtins", "len", [[1, 2, 3]]), 3);
      assert.equal(await bridge.call("builtins", "sum", [[1, 2]], { start: 10 }), 13);
      assert.deepEqual(await bridge.call("builtins", "sorted", [[3, 1, 2]], { reverse: true }), [3, 2, 1]);
    }),
  );

  it(
    "constructs objects, and calls static and class methods",
    rig.test(async ({ bridge }) => {
      using point = await bridge.call("sbtest", "Point", [3, 4], { label: "p" }) as Ref;
      assert.equal(point.type, POINT);
      assert.equal(await point.get("norm"), 5);
      assert.equal(await bridge.call("sbtest", "Point.add", [2, 3]), 5);
      using origin = await bridge.call("sbtest", "Point.origin", ["start"]) as Ref;
      assert.equal(await origin.get("label"), "start");
    }),
  );

  it(
    "walks nested attributes",
    rig.test(async ({ bridge }) => {
      assert.equal(await bridge.call("sbtest", "Point.Meta.name"), "meta");
      assert.equal(await bridge.call("datetime", "datetime.min.isoformat"), "0001-01-01T00:00:00");
      assert.equal(await bridge.attr("sbtest", "Point.Meta.level"), 3);
    }),
  );

  it(
    "imports a submodule that its package has not imported",
    rig.test(async ({ bridge }) => {
      assert.equal(await bridge.call("builtins", "hasattr", [await bridge.attr("xml", ""), "dom"]), false);
      assert.equal(
        await bridge.call("xml", "dom.minidom.parseString", ["<a><b/></a>"], {}, { returns: "ref" })
          .then(async (document) => {
            using found = document as Ref;
            return await found.call("toxml");
          }),
        '<?xml version="1.0" ?><a><b/></a>',
      );
    }),
  );

  it(
    "imports a module by its dotted name",
    rig.test(async ({ bridge }) => {
      assert.equal(await bridge.call("os.path", "join", ["a", "b"]), "a/b");
      assert.equal(await bridge.call("xml.sax.saxutils", "escape", ["<"]), "&lt;");
    }),
  );

  it(
    "rejects an unknown module with ModuleNotFoundError",
    rig.test(async ({ bridge }) => {
      await assert.rejects(bridge.call("no_such_module_at_all", "f"), (error) => {
        assert.ok(error instanceof errors.ModuleNotFoundError);
        assert.ok(error instanceof errors.ImportError);
        assert.ok(error instanceof PythonError);
        assert.ok(!(error instanceof errors.ValueError));
        assert.equal(error.message, "No module named 'no_such_module_at_all'");
        assert.equal(error.attributes.name, "no_such_module_at_all");
        return true;
      });
    }),
  );

  it(
    "rejects an unknown name with AttributeError and a near name",
    rig.test(async ({ bridge }) => {
      await assert.rejects(bridge.call("math", "sqrtt", [1]), (error) => {
        assert.ok(error instanceof errors.AttributeError);
        assert.match(error.message, /module 'math' has no attribute 'sqrtt'/);
        assert.match(error.notes.join(), /Did you mean: 'sqrt'/);
        return true;
      });
      await assert.rejects(bridge.call("os", "path.nothing"), raises(errors.AttributeError));
    }),
  );

  it(
    "rejects wrong arguments with TypeError of Python",
    rig.test(async ({ bridge }) => {
      await assert.rejects(bridge.call("math", "sqrt", ["x"]), raises(errors.TypeError));
      await assert.rejects(bridge.call("math", "sqrt", []), raises(errors.TypeError));
      await assert.rejects(bridge.call("sbtest", "keyword_only", [1], { e: 1 }), /unexpected keyword argument 'e'/);
      await assert.rejects(bridge.call("sbtest", "constant", []), /'int' object is not callable/);
    }),
  );

  it(
    "rejects names and arguments of the wrong kind before anything is sent",
    rig.test(async ({ bridge }) => {
      await assert.rejects(bridge.call("", "f"), TypeError);
      await assert.rejects(bridge.call("math", ""), TypeError);
      await assert.rejects(bridge.call("math", "sqrt", 4 as unknown as unknown[]), TypeError);
      await assert.rejects(
        bridge.call("math", "sqrt", [4], {}, { returns: "all" as unknown as "auto" }),
        /returns is "all"/,
      );
      await assert.rejects(bridge.call("math", "sqrt", [4], {}, { timeoutMs: 0 }), RangeError);
      assert.throws(() => bridge.import(""), TypeError);
    }),
  );

  it(
    "rejects an argument without encoding and says where it is",
    rig.test(async ({ bridge }) => {
      await assert.rejects(bridge.call("sbtest", "same", [{ a: [1, Symbol("s")] }]), /\ba\b.*\[1\]|symbol/i);
      await assert.rejects(bridge.call("sbtest", "same", ["\ud800"]), /surrogate/i);
      const cyclic: unknown[] = [];
      cyclic.push(cyclic);
      await assert.rejects(bridge.call("sbtest", "same", [cyclic]), /itself|cycl/i);
      assert.equal(await bridge.call("sbtest", "same", ["still there"]), "still there");
    }),
  );

  it(
    "gives results in the order of calls made at once",
    rig.test(async ({ bridge }) => {
      const numbers = Array.from({ length: 500 }, (_, i) => i);
      assert.deepEqual(await Promise.all(numbers.map((n) => bridge.call("sbtest", "same", [n]))), numbers);
    }),
  );
});

describe("CallOptions.returns", () => {
  it(
    "ref gives a reference of what would come as a value",
    rig.test(async ({ bridge }) => {
      using list = await bridge.call("builtins", "list", [[1, 2]], {}, { returns: "ref" }) as Ref;
      assert.ok(list instanceof Ref);
      assert.equal(list.type, "builtins.list");
      await list.call("append", [3]);
      assert.deepEqual(await list.value(), [1, 2, 3]);
    }),
  );

  it(
    "value sends a subclass as its base, and refuses what has no encoding",
    rig.test(async ({ bridge }) => {
      const counted = await bridge.call("collections", "Counter", ["banana"], {}, { returns: "value" });
      assert.deepEqual(counted, { b: 1, a: 3, n: 2 });
      await assert.rejects(bridge.call("sbtest", "Point", [1], {}, { returns: "value" }), (error: Error) => {
        assert.equal((error as { code?: string }).code, "not_serializable");
        assert.match(error.message, /Point/);
        return true;
      });
    }),
  );

  it(
    "auto puts references where leaves have no encoding",
    rig.test(async ({ bridge }) => {
      const [one, [two]] = await bridge.call("builtins", "list", [[1, Tuple.of(2)]]) as [number, Tuple];
      assert.deepEqual([one, two], [1, 2]);
      const mixed = await bridge.call("builtins", "dict", [], { a: 1 }) as Record<string, unknown>;
      assert.deepEqual(mixed, { a: 1 });
      using point = await bridge.call("sbtest", "Point", [1]) as Ref;
      const inside = await bridge.call("sbtest", "same", [{ deep: [point, 2] }]) as { deep: [Ref, number] };
      using again = inside.deep[0];
      assert.equal(await again.get("x"), 1);
      assert.equal(inside.deep[1], 2);
    }),
  );
});

describe("Caller.attr()", () => {
  it(
    "reads module attributes, nested ones too",
    rig.test(async ({ bridge }) => {
      assert.equal(await bridge.attr("math", "pi"), Math.PI);
      assert.equal(await bridge.attr("sbtest", "constant"), 42);
      assert.deepEqual(await bridge.attr("sbtest", "nested"), { a: [1, { b: Tuple.of(2, 3) }] });
      assert.equal(await bridge.attr("os", "path.sep"), "/");
    }),
  );

  it(
    "gives the module itself under an empty name",
    rig.test(async ({ bridge }) => {
      using math = await bridge.attr("math", "") as Ref;
      assert.equal(await math.call("sqrt", [4]), 2);
    }),
  );
});

describe("Caller.import()", () => {
  it(
    "calls functions, constructs objects and reads attributes",
    rig.test(async ({ bridge }) => {
      const math = bridge.import("math");
      assert.equal(await math.sqrt(16), 4);
      assert.equal(await math.pi, Math.PI);
      const { Point } = bridge.import("sbtest");
      using point = await (Point as PyProxy)(3, 4, kw({ label: "p" })) as PyProxy;
      assert.equal(await point.norm, 5);
      assert.equal(await point.label, "p");
      assert.equal(await point(2), 6);
      assert.equal(await (Point as PyProxy).Meta.name(), "meta");
      assert.equal(await (Point as PyProxy).add(1, 2), 3);
    }),
  );

  it(
    "takes keyword arguments, options with them, and only at the end",
    rig.test(async ({ bridge }) => {
      const sbtest = bridge.import("sbtest");
      assert.deepEqual(await sbtest.keyword_only(1, kw({ c: 3 })), [1, 2, 3, 4]);
      using list = await sbtest.keyword_only(1, kw({ c: 3 }, { returns: "ref" })) as PyProxy;
      assert.equal(list.$.type, "builtins.list");
      assert.throws(() => kw(1 as unknown as object), TypeError);
    }),
  );

  it(
    "reaches Python names that mean something here: name, length, call, constructor, toString",
    rig.test(async ({ bridge }) => {
      using made = await bridge.call("types", "SimpleNamespace", [], {
        name: "n",
        length: 2,
        call: 3,
        constructor: 4,
        toString: 5,
        prototype: 6,
        apply: 7,
        catch: 8,
      }) as Ref;
      const { py } = made;
      assert.deepEqual(
        [
          await py.name,
          await py.length,
          await py.call,
          await py.constructor,
          await py.toString,
          await py.prototype,
          await py.apply,
          await py.catch,
        ],
        ["n", 2, 3, 4, 5, 6, 7, 8],
      );
    }),
  );

  it(
    "refuses assignment and deletion, which cannot be awaited, and names the way",
    rig.test(async ({ bridge }) => {
      using point = await bridge.call("sbtest", "Point", [1]) as Ref;
      assert.throws(() => ((point.py as unknown as { x: number }).x = 2), /\.\$\.set\("x", value\)/);
      assert.throws(() => delete (point.py as unknown as { x?: number }).x, /\.\$\.delete\("x"\)/);
      assert.throws(() => bridge.import("math")(), /Cannot call module math/);
    }),
  );
});
