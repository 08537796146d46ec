// @ts-types="../../lib/arrow/apache_arrow.d.ts"
import {
  Bool,
  Dictionary,
  Int32,
  makeVector,
  type RecordBatch,
  Table,
  tableFromArrays,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { type ArrowTable, type ArrowTableLike, fromTable, toTable } from "../../lib/arrow/mod.ts";
import { ArrowData, PythonError, type Ref, SerializationError, type SnakeBridge } from "../../mod.ts";
import { TempFolder } from "../support/gate.ts";
import { raises } from "../support/raises.ts";
import { SharedRig } from "../support/rig.ts";
import { runScript } from "../support/run_script.ts";

const rig = new SharedRig();
after(() => rig.close());
const folder = new TempFolder();
after(() => folder[Symbol.dispose]());

/** Evaluates an expression over `pd`, `pl`, `pa`, `np` and what is given. */
async function python(bridge: SnakeBridge, code: string, given: Record<string, unknown> = {}): Promise<unknown> {
  return await bridge.call("sbtables", "evaluate", [code, given]);
}

function held(bridge: SnakeBridge, code: string): Promise<Ref> {
  return bridge.call("sbtables", "evaluate", [code, {}], undefined, { returns: "ref" }) as Promise<Ref>;
}

/** The columns as plain values. */
function columns(table: ArrowTable): Record<string, unknown[]> {
  return Object.fromEntries(table.schema.fields.map(({ name }) => [name, [...table.getChild(name) ?? []]]));
}

/** Frames of pandas that must come back as they were, index and dtypes included. */
const FRAMES: Record<string, string> = {
  "numbers of every width": `pd.DataFrame({str(t): np.array([0, 1, 100], t) for t in
      ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "bool")})`,
  "text, which is large_string": "pd.DataFrame({'s': ['a', None, 'ünï', '', 'x' * 1000]})",
  "nulls of every kind":
    "pd.DataFrame({'i': pd.array([1, None], 'Int64'), 'f': [1.5, np.nan], 's': ['x', None], 'b': pd.array([True, None], 'boolean')})",
  "categories, ordered and not":
    "pd.DataFrame({'c': pd.Categorical(['b', 'a', None, 'b']), 'o': pd.Categorical(['lo', 'hi', 'lo', 'hi'], ['lo', 'hi'], ordered=True)})",
  "times with and without zone":
    "pd.DataFrame({'n': pd.to_datetime(['2024-01-01', None]), 'z': pd.to_datetime(['2024-07-01 12:00', '2024-01-01 00:00']).tz_localize('Europe/Berlin'), 'd': pd.to_timedelta(['1s', None])})",
  "nanoseconds": "pd.DataFrame({'t': pd.Series(np.array([1, 2], 'M8[ns]'))})",
  "no row": "pd.DataFrame({'a': np.array([], 'i8'), 's': pd.Series([], dtype='str')})",
  "no column": "pd.DataFrame(index=range(3))",
  "an index of text": "pd.DataFrame({'a': [1, 2]}, index=['x', 'y'])",
  "an index of two levels":
    "pd.DataFrame({'a': [1, 2]}, index=pd.MultiIndex.from_tuples([('x', 1), ('y', 2)], names=['k', 'n']))",
  "lists, dates and decimals":
    "pd.DataFrame({'l': [[1, 2], None], 'd': [__import__('datetime').date(2024, 1, 1), None], 'm': [__import__('decimal').Decimal('1.50'), None]})",
  "many rows": "pd.DataFrame({'a': np.arange(200_000), 'b': np.arange(200_000) * 0.5})",
};

describe("tables of pandas", () => {
  for (const [name, code] of Object.entries(FRAMES)) {
    it(
      `go to apache-arrow and back: ${name}`,
      rig.test(async ({ bridge }) => {
        using frame = await held(bridge, code);
        const table = await toTable(frame);
        assert.ok(table instanceof Table);
        // The table itself is the argument, and it remembers that it came from pandas.
        assert.equal(await python(bridge, "same_frame(frame, back)", { frame, back: table }), true);
      }),
    );
  }

  it(
    "have the values that Python has",
    rig.test(async ({ bridge }) => {
      using frame = await held(
        bridge,
        "pd.DataFrame({'i': [1, 2], 's': ['x', None], 'c': pd.Categorical(['u', 'v']), 't': pd.to_datetime(['2024-07-01T12:00:00Z', None])})",
      );
      const table = await toTable(frame);
      assert.deepEqual(table.schema.fields.map(({ name }) => name), ["i", "s", "c", "t"]);
      const { i, s, c, t } = columns(table);
      assert.deepEqual([i, s, c], [[1n, 2n], ["x", null], ["u", "v"]]);
      assert.equal(Number(t![0]), Date.UTC(2024, 6, 1, 12));
      assert.equal(t![1], null);
    }),
  );

  it(
    "a Series is a table of one column; proxies and settled proxies are sources, too",
    rig.test(async ({ bridge }) => {
      const pd = bridge.import("pandas");
      const series = await toTable(pd.Series([1.5, 2.5]));
      assert.deepEqual(columns(series), { "0": [1.5, 2.5] });
      const frame = await pd.DataFrame({ a: [1] });
      assert.deepEqual(columns(await toTable(frame)), { a: [1n] });
      assert.deepEqual(columns(await toTable(await frame.$.toArrow() as ArrowData)), { a: [1n] });
    }),
  );
});

describe("tables of pyarrow", () => {
  it(
    "keep their chunks and their nulls",
    rig.test(async ({ bridge }) => {
      using chunked = await held(
        bridge,
        "pa.concat_tables([pa.table({'a': [i, None], 's': ['x' * i, None]}) for i in range(50)])",
      );
      const table = await toTable<Table>(chunked);
      assert.equal(table.batches.length, 50);
      assert.equal(table.numRows, 100);
      assert.equal(await python(bridge, "t.equals(back)", { t: chunked, back: table }), true);
      using batch = await held(bridge, "pa.record_batch({'a': [1, 2]})");
      assert.deepEqual(columns(await toTable(batch)), { a: [1n, 2n] });
    }),
  );
});

describe("tables of polars", () => {
  it(
    "go to apache-arrow and back",
    rig.test(async ({ bridge }) => {
      using frame = await held(
        bridge,
        "pl.DataFrame({'a': [1, None], 's': ['x', None], 'c': pl.Series(['u', 'v'], dtype=pl.Categorical), 't': [__import__('datetime').datetime(2024, 1, 1), None]})",
      );
      const table = await toTable(frame);
      const { a, s, c } = columns(table);
      assert.deepEqual([a, s, c], [[1n, null], ["x", null], ["u", "v"]]);
      assert.equal(
        await python(bridge, "type(back) is pl.DataFrame and frame.equals(back)", { frame, back: table }),
        true,
      );
      using series = await held(bridge, "pl.Series('n', [1, 2])");
      assert.deepEqual(columns(await toTable(series)), { n: [1n, 2n] });
    }),
  );
});

describe("tables made here", () => {
  it(
    "arrive as frames of pandas, or as what is asked for",
    rig.test(async ({ bridge }) => {
      const table = tableFromArrays({
        n: Int32Array.of(1, 2, 3),
        f: Float64Array.of(0.5, NaN, -0),
        s: ["x", "y", "x"],
      });
      const about = "f'{type(t).__module__}.{type(t).__name__} {len(t)}'";
      assert.match(await python(bridge, about, { t: table }) as string, /^pandas\..*DataFrame 3$/);
      assert.equal(await python(bridge, about, { t: fromTable(table, { library: "pyarrow" }) }), "pyarrow.lib.Table 3");
      assert.deepEqual(
        await python(bridge, "[list(map(str, t.dtypes)), t['n'].tolist(), t['s'].tolist()]", { t: table }),
        [
          ["int32", "float64", "category"],
          [1, 2, 3],
          ["x", "y", "x"],
        ],
      );
      // Anywhere in the arguments.
      assert.equal(await python(bridge, "sum(len(t) for t in ts)", { ts: [table, { t: table }.t] }), 6);
    }),
  );

  it(
    "may be batches, empty, or of many types",
    rig.test(async ({ bridge }) => {
      const made = new Table({
        d: vectorFromArray(["a", null, "b"], new Dictionary(new Utf8(), new Int32())),
        b: vectorFromArray([true, null, false], new Bool()),
        t: vectorFromArray([new Date(0), null, new Date(86_400_000)]),
        v: makeVector(BigInt64Array.of(1n, 2n, 3n)),
      });
      assert.deepEqual(
        await python(bridge, "t.to_pydict()", { t: fromTable(made.select(["d", "b", "v"]), { library: "pyarrow" }) }),
        { d: ["a", null, "b"], b: [true, null, false], v: [1, 2, 3] },
      );
      const batch = made.batches[0] as RecordBatch;
      assert.equal(await python(bridge, "len(t)", { t: batch }), 3);
      assert.equal(await python(bridge, "t.shape == (0, 1)", { t: tableFromArrays({ n: new Int32Array(0) }) }), true);
      assert.equal(await python(bridge, "len(t)", { t: made.slice(1, 3) }), 2);
    }),
  );

  it("what is no table is refused with what it is", async () => {
    assert.throws(
      () => fromTable({} as ArrowTableLike),
      /^TypeError: Cannot write table: got Object, expected a Table/,
    );
    await assert.rejects(
      toTable(5 as unknown as ArrowData),
      /^TypeError: Cannot read table: got 5, expected ArrowData/,
    );
    const table = tableFromArrays({ n: new Int32Array(1) });
    assert.throws(() => fromTable(table, { library: "excel" as "pandas" }), /library is excel/);
  });

  it(
    "what is no table in Python is refused there",
    rig.test(async ({ bridge }) => {
      using list = await held(bridge, "[1, 2]");
      await assert.rejects(toTable(list), raises(SerializationError, /builtins.list is no table/));
      const broken = new ArrowData("pandas", tableToIPC(tableFromArrays({ n: new Int32Array(9) })).subarray(0, 100));
      await assert.rejects(python(bridge, "1", { broken }), raises(SerializationError, /no table can be made of it/));
      const missing = bridge.call("sbtables", "evaluate", ["1 / 0", {}]);
      await assert.rejects(missing, raises(PythonError, /division/));
    }),
  );
});

describe("the core", () => {
  it("does not load apache-arrow, and says which import makes its tables arguments", async () => {
    const { pathname } = new URL("../../node_modules/apache-arrow/Arrow.node.mjs", import.meta.url);
    const { stdout, stderr } = await runScript(
      `
      const { tableFromArrays } = await import(${JSON.stringify(`file://${pathname}`)});
      await using bridge = await sb.SnakeBridge.start(options);
      const table = tableFromArrays({ n: Int32Array.of(1, 2) });
      await bridge.call("builtins", "len", [table]).catch((error) => console.log(error.name, error.message));
      `,
      { folder },
    );
    assert.match(stdout, /ValueEncodeError .*import "@snakebridge\/snakebridge\/arrow"/, stderr);
  });
});
