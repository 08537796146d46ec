// Checked by `deno check`, never run: types of generated wrappers. A line under `@ts-expect-error` must not compile.
import { keep, kw, type NdArray, type Pending, py, type SnakeBridge } from "../../mod.ts";
import * as math from "../../examples/quickstart/py/math/mod.ts";
import * as np from "../../examples/quickstart/py/numpy/mod.ts";
import * as pd from "../../examples/quickstart/py/pandas/mod.ts";
import { PurePosixPath } from "../../examples/quickstart/py/pathlib/mod.ts";
import { LinearRegression } from "../../examples/quickstart/py/sklearn/linear_model/mod.ts";
import { expectType } from "./expect_type.ts";

/** Chains keep the class of every step. */
export async function chains(): Promise<void> {
  const table = pd.read_csv("rides.csv", kw({ parse_dates: ["date"] }));
  expectType(table).is<Pending<pd.DataFrame>>();
  expectType(await table).is<pd.DataFrame>();
  expectType(table.head(3).sort_values("a", kw({ ascending: false }))).is<Pending<pd.DataFrame>>();
  expectType(table.getItem("a")).is<Pending<pd.Series>>();
  expectType(table.getItem(["a", "b"])).is<Pending<pd.DataFrame>>();
  expectType(await table.shape).is<Awaited<pd.DataFrame["shape"]>>();
  const [rows, columns] = await table.groupby("a").mean(kw({ numeric_only: true })).round(1).shape;
  expectType(rows).is<number>();
  expectType(columns).is<number>();
  expectType(await PurePosixPath.create("/a/b").with_suffix(".c").parent.name).is<string>();

  // A settled object goes on like a pending one.
  const settled = await table;
  expectType(settled.head()).is<Pending<pd.DataFrame>>();

  // @ts-expect-error: no method of this name
  table.headd();
  // @ts-expect-error: no method of this name, after a step either
  table.head().sort_value("a");
  // @ts-expect-error: no keyword of this name
  table.head(kw({ count: 1 }));
  // @ts-expect-error: kw() goes last
  table.head(kw({ n: 1 }), 2);
  // @ts-expect-error: a settled object is no promise
  settled.then;
}

/** Values, and arrays that are both. */
export async function values(bridge: SnakeBridge): Promise<void> {
  expectType(await math.sqrt(16)).is<number>();
  expectType(math.pi).is<number>();
  expectType(np.eye(2)).is<Pending<np.ndarray, NdArray>>();
  expectType(await np.eye(2)).is<NdArray>();
  expectType(await keep(np.eye(2))).is<np.ndarray>();
  expectType(await np.mean([1, 2, 3])).is<number>();
  expectType(await np.eye(2).sum()).is<number | NdArray>();
  const model = LinearRegression.create();
  expectType(await model.fit([[1], [2]], [1, 2]).predict([[3]])).is<NdArray>();
  // Generated objects and templates go together.
  expectType(await py<number>`${np.eye(2)}[0, 0] + ${math.sqrt(4)}`).is<number>();
  await model.fit(np.eye(2), [1, 2]);
  // The types of generated modules serve as the shape of a module of another bridge.
  expectType(await bridge.import<typeof math>("math").sqrt(16)).is<number>();
  expectType(bridge.import<typeof pd>("pandas").read_csv("rides.csv")).is<
    ReturnType<typeof pd.read_csv>
  >();

  // @ts-expect-error: text is no number
  math.sqrt("16");
  // @ts-expect-error: a number has no rows
  math.sqrt(1).shape;
  // @ts-expect-error: only what stays in Python is kept
  keep(1);
}

/** Functions of this program where Python takes a callable. */
export async function callbacks(table: pd.DataFrame): Promise<void> {
  expectType(np.apply_along_axis((row) => row.sum(), 0, [[1, 2], [3, 4]])).is<Pending<np.ndarray, NdArray>>();
  await np.apply_along_axis(py`lambda row: row.sum()`, 0, [[1, 2]]);
  await table.head().apply((column: unknown) => column);
  // @ts-expect-error: text is no function
  np.apply_along_axis("sum", 0, [[1, 2]]);
}
