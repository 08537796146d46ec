import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { kw, type NdArray, type Pending, type PyPromise } from "../lib/wrapper/mod.ts";
import { defaultBridge, errors, py, PythonError, withPython } from "../mod.ts";
import * as json from "../examples/quickstart/py/json/mod.ts";
import * as math from "../examples/quickstart/py/math/mod.ts";
import * as np from "../examples/quickstart/py/numpy/mod.ts";
import * as linalg from "../examples/quickstart/py/numpy/linalg/mod.ts";
import * as pd from "../examples/quickstart/py/pandas/mod.ts";
import { Path } from "../examples/quickstart/py/pathlib/mod.ts";
import { LinearRegression } from "../examples/quickstart/py/sklearn/linear_model/mod.ts";
import * as statistics from "../examples/quickstart/py/statistics/mod.ts";

/** Fails to compile unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function same<A, B>(_: Same<A, B>): void {}

/** Never called: what it states is checked by the compiler. */
export function compileTimeAssertions(df: pd.DataFrame): void {
  same<ReturnType<typeof math.sqrt>, PyPromise<number>>(true);
  same<typeof math.pi, number>(true);
  const grid = np.arange(10).reshape([2, 5]);
  same<typeof grid, Pending<np.ndarray, NdArray>>(true);
  const groups = df.groupby("a");
  same<typeof groups, Pending<pd.DataFrameGroupBy>>(true);
  const column = df.getItem("a");
  same<typeof column, Pending<pd.Series>>(true);
  same<Awaited<ReturnType<typeof groups.mean>>, pd.DataFrame>(true);
  // @ts-expect-error -- a text is no number
  math.sqrt("16");
  // @ts-expect-error -- there is no such keyword
  np.linspace(0, 1, kw({ nums: 5 }));
  // @ts-expect-error -- there is no such method
  df.no_such_method();
  // @ts-expect-error -- there is no such order
  df.sort_values("a", kw({ na_position: "middle" }));
  // Keywords that pandas takes as an unpacked TypedDict.
  const read = pd.read_csv("x", kw({ parse_dates: ["date"], sep: ";" }));
  same<typeof read, Pending<pd.DataFrame>>(true);
  const reader = pd.read_csv("x", kw({ chunksize: 10, nrows: 100 }));
  same<typeof reader, Pending<pd.TextFileReader>>(true);
  // @ts-expect-error -- the keyword is parse_dates
  pd.read_csv("x", kw({ parse_date: ["d"] }));
  // @ts-expect-error -- there is no such keyword
  pd.read_csv("x", kw({ zzz: 1 }));
  // @ts-expect-error -- a number of rows is no text
  pd.read_csv("x", kw({ nrows: "a" }));
  // The body of a context manager gets what `__enter__` gives.
  const head = withPython(np.nditer.create([1]), (items) => {
    same<typeof items, np.nditer>(true);
    return df.head();
  });
  same<Awaited<typeof head>, pd.DataFrame | undefined>(true);
}

describe("generated wrappers", () => {
  it("take functions of TypeScript where Python takes a callable, and fill holes of expressions", async () => {
    const loaded = json.loads('{"a": {"b": 1}}', kw({ object_hook: (found: object) => Object.keys(found).join() }));
    assert.equal(await loaded, "a");
    assert.equal(await py`${np.eye(2)}[1].sum() + ${math.sqrt(16)}`, 5);
  });

  it("are bases of classes written here", async () => {
    const Fixed = await defaultBridge().subclass(LinearRegression, {
      name: "Fixed",
      methods: { predict: () => new Float64Array([1, 2]) },
    });
    const fitted = await Fixed.create().fit([[1], [2]], [3, 4]);
    assert.deepEqual([...(await fitted.predict([[1]]) as NdArray).data], [1, 2]);
    assert.equal(Math.round(await fitted.score([[1], [2]], [1, 2])), 1);
    await assert.rejects(defaultBridge().subclass(class {}, { name: "C" }), /Cannot pass class/);
  });

  it("enter context managers, and give values their class", async () => {
    const divide = (): PromiseLike<unknown> => np.divide(np.ones(1), np.zeros(1));
    await assert.rejects(
      withPython(np.errstate.create(kw({ divide: "raise" })), divide),
      (error) => error instanceof errors.FloatingPointError && error instanceof PythonError,
    );
    const total = await withPython(np.nditer.create(np.arange(3)), async (items) => {
      assert.ok(items instanceof np.nditer);
      return await items.itersize;
    });
    assert.equal(total, 3);
    await using entered = await np.nditer.create(np.arange(2)).$enter();
    assert.equal(await entered.value.itersize, 2);
  });

  it("call functions of the standard library", async () => {
    assert.equal(await math.sqrt(16), 4);
    assert.equal(await math.comb(5, 2), 10);
    assert.equal(math.pi, Math.PI);
    assert.deepEqual(await json.loads('{"a": [1, null]}'), { a: [1, null] });
    assert.equal(await json.dumps({ b: 1, a: 2 }, kw({ sort_keys: true })), '{"a": 2, "b": 1}');
    assert.equal(await statistics.mean([1, 2, 3, 4]), 2.5);
  });

  it("construct objects and read their properties", async () => {
    assert.equal(await Path.create("folder", "x.txt").name, "x.txt");
    assert.equal(await Path.create("/a/b").parent.joinpath("c").as_posix(), "/a/c");
  });

  it("chain numpy and give values", async () => {
    assert.equal(await np.arange(10).reshape([2, 5]).sum(), 45);
    assert.deepEqual((await np.linspace(0, 1, 3)).toNested(), [0, 0.5, 1]);
    assert.equal(await np.sin(0), 0);
    assert.equal(await np.mean([1, 2, 3]), 2);
    assert.ok(Math.abs((await linalg.det([[1, 2], [3, 4]]) as number) + 2) < 1e-9);
  });

  it("read, group and select with pandas", async () => {
    const folder = await mkdtemp(join(tmpdir(), "snakebridge-generated-test-"));
    try {
      const file = join(folder, "data.csv");
      await writeFile(file, "a;b\nx;1\nx;2\ny;3\n");
      using df = await pd.read_csv(file, kw({ sep: ";" }));
      assert.ok(df instanceof pd.DataFrame);
      assert.equal(await df.length, 3);
      const means = await df.groupby("a").mean();
      assert.ok(means instanceof pd.DataFrame);
      assert.deepEqual(await means.getItem("b").to_list(), [1.5, 3]);
      assert.equal(await df.getItem("b").sum(), 6);
      assert.deepEqual([...await df.getItem(["b"]).head(1).shape], [1, 1]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("give a result the class of what it is, where a signature promises several", async () => {
    const sizes = await pd.DataFrame.create({ a: ["x", "y", "x"] }).groupby("a").size();
    assert.ok(sizes instanceof pd.Series, `${sizes.constructor.name} ${sizes.$.type}`);
    assert.equal(await sizes.max(), 2);
  });

  it("train and score with scikit-learn", async () => {
    const model = LinearRegression.create().fit([[1], [2], [3]], [2, 4, 6]);
    assert.ok(await model.score([[4], [5]], [8, 10]) > 0.999);
    const [predicted] = (await model.predict([[5]])).toNested() as number[];
    assert.ok(Math.abs(predicted! - 10) < 1e-9);
  });
});
