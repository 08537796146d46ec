import assert from "node:assert/strict";
import process from "node:process";
import { after, describe, it } from "node:test";
import {
  CallCancelledError,
  CallTimeoutError,
  dict,
  errors,
  exec,
  kw,
  NdArray,
  py,
  PythonError,
  Ref,
  RefSessionError,
  RefWorkerError,
  type SettledProxy,
  type SnakeBridge,
  tuple,
} from "../../mod.ts";
import { Gate, until } from "../support/gate.ts";
import { raises } from "../support/raises.ts";
import { Rig, SharedRig } from "../support/rig.ts";
import { WireTap } from "../support/wire_tap.ts";

const rig = new SharedRig();
after(() => rig.close());

/** The error of an expression; the traceback is what a reader sees. */
async function syntaxError(result: PromiseLike<unknown>): Promise<PythonError> {
  const error = await Promise.resolve(result).then(() => undefined, (error: unknown) => error);
  assert.ok(error instanceof PythonError, `expected a PythonError, got ${String(error)}`);
  assert.equal(error.type, "builtins.SyntaxError");
  return error;
}

describe("py``", () => {
  it(
    "binds values, references and results on their way as variables",
    rig.test(async ({ bridge }) => {
      const { py } = bridge;
      assert.equal(await py`${1} + ${2}`, 3);
      assert.equal(await py<string>`repr(${"'); import os; ('"})`, `"'); import os; ('"`);
      assert.equal(
        await py`repr([${undefined}, ${1n << 70n}, ${dict([[tuple(1, 2), "a"]])}])`,
        `[None, ${1n << 70n}, {(1, 2): 'a'}]`,
      );
      const point = await bridge.call("sbtest", "Point", [1, 2]) as Ref;
      const settled = await bridge.import("sbtest").Point(5) as SettledProxy;
      assert.equal(await py`${point}.x + ${settled}.x + ${bridge.import("sbtest").Point(10).moved(1).x}`, 17);
      assert.equal(
        await py`[${[point, { p: point }]}[1]['p'] is ${point}, ${bridge.import("math")}.pi > 3]`.__getitem__(0),
        true,
      );
    }),
  );

  it(
    "says what TypeScript has no spelling for",
    rig.test(async ({ bridge }) => {
      const np = bridge.import("numpy");
      const [a, b] = [np.arange(6).reshape([2, 3]), np.ones([3, 4])];
      const product = await bridge.py<NdArray>`${a} @ ${b}[:, 1:3, ...]`;
      assert.ok(product instanceof NdArray);
      assert.deepEqual(product.toNested(), [[3, 3], [12, 12]]);
      assert.equal(await bridge.py`0 < ${1} <= ${1} and not ${null}`, true);
    }),
  );

  it(
    "travels with the chains before and behind it in one write",
    rig.test(async ({ bridge }) => {
      const { Point } = bridge.import("sbtest");
      await bridge.py`1`;
      using tap = new WireTap();
      const moved = bridge.py`${Point(1)}.moved(${2})`;
      assert.equal(await bridge.py`${bridge.py`${moved} and ${moved}`}.moved(1)`.moved(1).x, 5);
      assert.equal(tap.frames, 6);
      assert.equal(tap.writes, 1);
    }),
  );

  it(
    "gives a settled proxy for an object, which can be used, iterated and released",
    rig.test(async ({ bridge, session }) => {
      using point = await session.py<SettledProxy>`__import__("sbtest").Point(${4})`;
      assert.equal(await point.moved(1).x, 5);
      assert.equal(point.$.type, "sbtest.Point");
      const items: unknown[] = [];
      for await (const item of bridge.py`(x * ${2} for x in range(3))`) items.push(item);
      assert.deepEqual(items, [0, 2, 4]);
      const ref = await bridge.py({ returns: "ref" })`[${1}]`.as<SettledProxy>();
      assert.deepEqual(await ref.$.value(), [1]);
    }),
  );

  it(
    "a hole is seen in nested scopes, and kept by functions that outlive the call",
    rig.test(async ({ bridge }) => {
      const { py } = bridge;
      assert.deepEqual(await py`[[x * ${3} for x in ${[1, 2]} if x != ${2}] for _ in range(${2})]`, [[3], [3]]);
      assert.deepEqual(await py`{k: ${1} for k in 'ab'}`, { a: 1, b: 1 });
      assert.equal(await py`sum(${2} for _ in range(3))`, 6);
      assert.equal(await py`(y := ${3}) + y`, 6);
      assert.equal(await py`(lambda: [(lambda: ${7})() for _ in range(1)])()[0]`, 7);
      const add = await py<SettledProxy>`lambda x: x + ${10}`;
      const other = await py<SettledProxy>`lambda x: x + ${20}`;
      assert.deepEqual([await add(1), await other(1)], [11, 21]);
      assert.deepEqual(await bridge.import("builtins").sorted([1, -3, 2], kw({ key: py`lambda x: x * ${-1}` })), [
        2,
        1,
        -3,
      ]);
      // What `:=` names stays inside the expression.
      await assert.rejects(Promise.resolve(py`y`), raises(errors.NameError));
    }),
  );

  it(
    "is Python's text as written: several lines, escapes, braces, comments",
    rig.test(async ({ bridge }) => {
      const { py } = bridge;
      assert.equal(
        await py`
          ${1}
          + ${2}  # a comment with 'quotes"
          + len("""
            x""")
        `,
        17,
      );
      assert.equal(await py`"a\nb\\" + '\`' + "\${0}" + "$\{1}" + r"\d"`, "a\nb\\`${0}${1}\\d");
      assert.equal(await py`len("é😀\u00e9\U0001F600" + r"é") + ${0}`, 5);
      assert.equal(await py`f"{${1}:>3}|{${2}!r}|{${3} = }"`, "  1|2|${2} = 3");
      assert.equal(
        await py`_a0_ if False else ${"no clash with names that look like ours"}`,
        "no clash with names that look like ours",
      );
    }),
  );

  it(
    "names modules by option, and builtins always",
    rig.test(async ({ bridge }) => {
      const scientific = bridge.py({ imports: { m: "math", path: "os.path" } });
      assert.equal(await scientific`m.floor(${2.5}) + len(path.join("a", "b"))`, 5);
      assert.equal(await scientific({ timeoutMs: 5_000, imports: { j: "json" } })`j.dumps(${[1]})`, "[1]");
      await assert.rejects(
        Promise.resolve(bridge.py({ imports: { x: "no_such_module_at_all" } })`x.y`),
        raises(errors.ModuleNotFoundError, /no_such_module_at_all/),
      );
      await syntaxError(bridge.py({ imports: { "a b": "math" } })`1`);
      const error = await Promise.resolve(bridge.py`math.pi`).then(null, (error: PythonError) => error);
      assert.ok(error instanceof PythonError && error instanceof errors.NameError);
      assert.match(error.notes.join(), /exec\(\)[\s\S]*imports/);
    }),
  );

  const refused: [string, (tag: SnakeBridge["py"]) => PromiseLike<unknown>, RegExp][] = [
    ["in a string", (py) => py`1 + 'a${3}'`, /\$\{0\} is inside a string[\s\S]*\n {4}1 \+ 'a\$\{0\}'\n {10}\^\^\^\^/],
    ["in the text of an f-string", (py) => py`f'${3}'`, /\$\{0\} is inside a string/],
    ["in a comment", (py) => py`${1} # ${2}`, /\$\{1\} is inside a comment/],
    ["touching a name", (py) => py`foo${3}`, /\$\{0\} touches a name/],
    ["as an attribute", (py) => py`${1}.${"real"}`, /\$\{1\} stands where Python expects a name/],
    ["as a keyword", (py) => py`dict(${"a"}=1)`, /\$\{0\} stands where Python expects a name/],
    ["as a target", (py) => py`(${1} := 2)`, /\$\{0\} is a value, and cannot be assigned to/],
  ];
  for (const [where, use, message] of refused) {
    it(
      `refuses a hole ${where}`,
      rig.test(async ({ bridge }) => {
        const error = await syntaxError(use(bridge.py));
        assert.match(`${error.message}\n${error.traceback}`, message);
        assert.equal(await bridge.py`${1}`, 1);
      }),
    );
  }

  it(
    "a syntax error points at its place, with holes as they were written",
    rig.test(async ({ bridge }) => {
      const { py } = bridge;
      assert.match((await syntaxError(py`'é' + ${1} ${2}`)).traceback, /\n {4}'é' \+ \$\{0\} \$\{1\}\n {15}\^\^\^\^\n/);
      assert.match(
        (await syntaxError(py`
        ${1} +
        (2 @@ ${3})
      `)).traceback,
        /line 2\n {4}\(2 @@ \$\{1\}\)\n {8}\^/,
      );
      assert.match((await syntaxError(py`f(${1},`)).message, /never closed/);
      assert.match((await syntaxError(py`1)\n+(2`)).message, /unmatched|invalid/);
      assert.match((await syntaxError(py``)).message, /empty/);
      assert.match((await syntaxError(py`x = ${1}`)).notes.join(), /statements go to exec\(\)/);
      assert.match((await syntaxError(py`await ${1}`)).message, /async function/);
      assert.match((await syntaxError(py`(yield ${1})`)).message, /'yield'/);
    }),
  );

  it(
    "a traceback shows the line of the expression",
    rig.test(async ({ bridge }) => {
      const error = await Promise.resolve(bridge.py`
        1 +
        ${2} / ${0}
      `).then(null, (error: PythonError) => error);
      assert.ok(error instanceof PythonError && error instanceof errors.ZeroDivisionError);
      assert.match(error.traceback, /File "<py \d+>", line 2, in <expression>\n {4}\$\{0\} \/ \$\{1\}\n/);
      assert.deepEqual(error.frames.map(({ line, text }) => [line, text]), [[2, "${0} / ${1}"]]);
      // Code that was compiled before shows it, too.
      const again = (x: number): PromiseLike<unknown> => bridge.py`${1} // ${x}`;
      assert.equal(await again(1), 1);
      await assert.rejects(Promise.resolve(again(0)), (error: PythonError) => error.traceback.includes("${0} // ${1}"));
    }),
  );

  it(
    "is cancelled and limited like any call",
    rig.test(async ({ bridge }) => {
      const time = { time: "time" };
      const late = bridge.py({ timeoutMs: 50, imports: time })`time.sleep(${60})`;
      await assert.rejects(
        Promise.resolve(late),
        raises(CallTimeoutError, /py`time\.sleep\(\$\{0\}\)` gave no result within 50 ms/),
      );
      using gate = new Gate();
      const controller = new AbortController();
      const spin = Promise.resolve(
        bridge.py({ signal: controller.signal, imports: { t: "sbtest" } })`t.begin_then_spin(${gate.args[0]})`,
      );
      const refused = assert.rejects(spin, raises(CallCancelledError));
      await gate.begun();
      controller.abort();
      await refused;
      assert.equal(await bridge.py`1`, 1);
      await assert.rejects(
        Promise.resolve(bridge.py({ returns: "value" })`object()`),
        raises(Error, /object/),
      );
    }),
  );

  it(
    "is refused in another session, and runs in the one that is bound",
    rig.test(async ({ bridge }) => {
      await using other = bridge.session();
      const point = await other.py<SettledProxy>`__import__("sbtest").Point(1)`;
      assert.equal(await other.py`${point}.x`, 1);
      await assert.rejects(Promise.resolve(bridge.py`${point}.x`), raises(RefSessionError));
      await other.run(async () => assert.equal(await py`${point}.x`, 1));
    }),
  );

  it("says how it is used", async () => {
    const { bridge } = await rig.get();
    const wrong = bridge.py as unknown as (text: unknown) => unknown;
    assert.throws(() => wrong("1 + 1"), /TypeError: Cannot evaluate the text "1 \+ 1": py is a template/);
    assert.throws(() => wrong({ imports: { np: 1 } }), /Cannot import np: got 1, expected the name of a module/);
    assert.throws(() => wrong(null), TypeError);
    assert.throws(() => bridge.py({ raw: ["\0"] } as unknown as TemplateStringsArray), TypeError);
  });
});

describe("exec()", () => {
  it(
    "defines async functions, which expressions call; functions of TypeScript fill holes, too",
    rig.test(async ({ bridge }) => {
      await bridge.exec("import asyncio\nasync def soon(x):\n  await asyncio.sleep(0)\n  return x + 1");
      assert.equal(await bridge.py`soon(${1})`, 2);
      const seen: unknown[] = [];
      const note = (x: number): number => seen.push(x) * x;
      assert.deepEqual(await bridge.py`[${note}(x) for x in ${[5, 6]}]`, [5, 12]);
      assert.deepEqual(seen, [5, 6]);
      await bridge.exec("noted = note(7)", { note });
      assert.equal(await bridge.py`noted`, 21);
      // Python waits in the function of TypeScript meanwhile, and takes what that asks for.
      const nested = async (): Promise<unknown> => {
        await bridge.exec("inside = noted + 1");
        return bridge.py`inside`;
      };
      assert.equal(await bridge.py`${nested}() + ${1}`, 23);
    }),
  );

  it(
    "defines names for what follows in the session, awaited or not",
    rig.test(async ({ bridge }) => {
      const defined = bridge.exec(
        `
        import math
        def scaled(x):
            return factor * x
      `,
        { factor: 3 },
      );
      assert.equal(await bridge.py`scaled(${2}) + math.floor(0.5)`, 6);
      assert.equal(await defined, null);
      await bridge.exec("factor = 4");
      assert.equal(await bridge.py`scaled(2)`, 8);
      const scaled = await bridge.py<SettledProxy>`scaled`;
      assert.equal(await scaled(5), 20);
    }),
  );

  it(
    "gives the value of the expression it ends with",
    rig.test(async ({ bridge }) => {
      assert.equal(await bridge.exec<number>("x = 20\nx + 1"), 21);
      assert.equal(await bridge.exec("x = 1"), null);
      assert.equal(await bridge.exec(""), null);
      const point = await bridge.exec<Ref>("p", { p: bridge.import("sbtest").Point(3) });
      assert.ok(point instanceof Ref);
      assert.equal(await point.get("x"), 3);
    }),
  );

  it(
    "has names of its own in each session, which end with it",
    rig.test(async ({ bridge }) => {
      await bridge.exec("mine = 1");
      const name = await bridge.withSession(async (session) => {
        await assert.rejects(Promise.resolve(session.py`mine`), raises(errors.NameError));
        await session.exec(`
          from dataclasses import dataclass
          from __future__ import annotations
        `).catch(() => {});
        await session.exec(`
          from __future__ import annotations
          from dataclasses import dataclass
          import sbtest
          @dataclass
          class Pair:
              left: int
              right: int = 2
          kept = sbtest.Counted()
          def use(): return kept
        `);
        assert.equal(await session.py`repr(Pair(1))`, "Pair(left=1, right=2)");
        assert.equal(
          await session.py`__import__("pickle").loads(__import__("pickle").dumps(Pair(1))) == Pair(1)`,
          true,
        );
        assert.equal(await exec("kept is use()"), true);
        assert.equal(await bridge.call("sbtest", "live"), 1);
        return await session.py<string>`Pair.__module__`;
      });
      assert.match(name, /^__exec_session_\d+__$/);
      assert.equal(await bridge.call("sbtest", "live"), 0);
      assert.equal(await bridge.py`${name} in __import__("sys").modules`, false);
      assert.equal(await bridge.py`mine`, 1);
    }),
  );

  it(
    "shows the lines of statements in tracebacks and syntax errors",
    rig.test(async ({ bridge }) => {
      await bridge.exec("def broken(x):\n  return x / 0\n");
      const error = await Promise.resolve(bridge.py`broken(${1})`).then(null, (error: PythonError) => error);
      assert.ok(error instanceof PythonError);
      assert.match(error.traceback, /broken\(\$\{0\}\)\n[\s\S]*line 2, in broken\n {4}return x \/ 0\n/);
      assert.match((await syntaxError(bridge.exec("x = 1\ndef f(:\n"))).traceback, /line 2\n {4}def f\(:\n {10}\^/);
      assert.match((await syntaxError(bridge.exec("return 1"))).traceback, /line 1\n {4}return 1\n/);
      assert.match((await syntaxError(bridge.exec("1", { "class": 1 }))).message, /'class' is no name/);
    }),
  );

  it(
    "refuses what is no code",
    rig.test(async ({ bridge }) => {
      await assert.rejects(bridge.exec(1 as unknown as string), raises(TypeError, /Cannot execute 1/));
      await assert.rejects(bridge.exec("1", [] as unknown as Record<string, unknown>), raises(TypeError, /variables/));
      await assert.rejects(bridge.exec("'\0'"), raises(TypeError, /null character/));
      await assert.rejects(bridge.exec("import time\ntime.sleep(60)", {}, { timeoutMs: 50 }), raises(CallTimeoutError));
      // A failure leaves the names that were there.
      assert.equal(await bridge.py`time.__name__`, "time");
    }),
  );

  it("keeps names in one worker, and goes there while others are free", async () => {
    await using two = await Rig.start({ size: 2 });
    await two.run(async ({ bridge }) => {
      await bridge.exec("import os\nimport sbtest");
      const home = await bridge.py<number>`os.getpid()`;
      using gate = new Gate();
      const held = bridge.py`sbtest.hold(*${gate.args})`;
      const waiting = Promise.resolve(bridge.py<number>`os.getpid()`);
      const first = bridge.exec("os.getpid()");
      const heldResult = Promise.resolve(held);
      await gate.begun();
      // Calls that name nothing are free to go elsewhere; this one makes an object there.
      await until("another worker takes calls", async () => await bridge.call("os", "getpid") !== home);
      const away = await bridge.call("sbtest", "Point", [7]) as Ref;
      assert.equal(await bridge.py`${away}.x`, 7);
      const error = await Promise.resolve(bridge.py`os.getpid() or ${away}`).then(null, (error: PythonError) => error);
      assert.match((error as PythonError).notes.join(), /this worker/);
      await assert.rejects(bridge.exec("p", { p: away }), raises(RefWorkerError));
      gate.open();
      assert.equal(await heldResult, "held");
      assert.deepEqual([await waiting, await first], [home, home]);
    });
  });

  it("starts anew after its worker was replaced", async () => {
    await using own = await Rig.start();
    await own.run(async ({ bridge }) => {
      await bridge.exec("x = 1");
      process.kill(own.pid, "SIGKILL");
      await until("the worker is replaced", () => bridge.stats().pool.crashed === 1);
      await assert.rejects(Promise.resolve(bridge.py`x`), raises(errors.NameError));
      await bridge.exec("x = 2");
      assert.equal(await bridge.py`x`, 2);
    });
  });
});
