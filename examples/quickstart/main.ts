// pandas, numpy, scikit-learn and matplotlib, driven from typed TypeScript. Run it with `deno task quickstart`.
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { keep, kw, NdArray, type Ref } from "@snakebridge/snakebridge";
import * as plt from "./py/matplotlib/pyplot/mod.ts";
import * as np from "./py/numpy/mod.ts";
import * as pd from "./py/pandas/mod.ts";
import { LinearRegression } from "./py/sklearn/linear_model/mod.ts";
import { mean_absolute_error } from "./py/sklearn/metrics/mod.ts";
import { train_test_split } from "./py/sklearn/model_selection/mod.ts";
import { ridesCsv } from "./rides.ts";

const folder = fileURLToPath(new URL("./output/", import.meta.url));
const csv = `${folder}rides.csv`;
const chart = `${folder}rides.png`;

mkdirSync(folder, { recursive: true });
writeFileSync(csv, ridesCsv());

// pandas: the table stays in Python, `rides` is a typed handle of it.
const rides = await pd.read_csv(csv, kw({ parse_dates: ["date"] }));
const [rows, columns] = await rides.shape;
console.log(`Read ${rows} rows and ${columns} columns\n`);

// A chain of four calls: one message to Python, one answer.
const busiest = await rides.groupby("district").mean(kw({ numeric_only: true })).round(1)
  .sort_values("rides", kw({ ascending: false }));
console.log(`Means by district\n${busiest}\n`);

const pivot = await rides.pivot_table("rides", "season", "district", "mean").round(0).astype("int64");
console.log(`Rides by season and district\n${pivot}\n`);

// numpy: a column as an array that stays in Python, and numbers that come back.
const counts = await keep(np.asarray(rides.getItem("rides")));
const [mean, deviation, quartiles] = await Promise.all([
  counts.mean(),
  np.std(counts),
  np.percentile(counts, [25, 50, 75]),
]);
console.log("Rides per entry");
console.table([{ mean: round(mean), deviation: round(deviation), quartiles: show(quartiles) }]);

// scikit-learn: fit on three quarters of the rows, score on the rest.
const features = ["temperature", "rain", "weekend"];
const inputs = await pd.get_dummies(rides.getItem([...features, "district"]), kw({ columns: ["district"] }));
// The four parts stay in Python; here they are references.
const [trainX, testX, trainY, testY] = await train_test_split(
  inputs,
  rides.getItem("rides"),
  kw({ test_size: 0.25, random_state: 7 }),
) as [Ref, Ref, Ref, Ref];
const model = await LinearRegression.create().fit(trainX, trainY);
const [score, error] = await Promise.all([
  model.score(testX, testY),
  mean_absolute_error(testY, model.predict(testX)),
]);
console.log("Linear regression");
console.table([{ "R² on unseen rows": round(score), "mean error (rides)": round(error) }]);

// matplotlib: what it predicts against what happened.
plt.figure(kw({ figsize: [8, 5], layout: "constrained" }));
plt.scatter(testY, model.predict(testX), kw({ s: 8, alpha: 0.5 }));
plt.xlabel("rides");
plt.ylabel("predicted");
plt.title(`Rides in four districts, R² = ${round(score)}`);
await plt.savefig(chart, kw({ dpi: 120 }));
console.log(`Chart written to ${chart}`);

function round(value: unknown): number {
  return Math.round(Number(value) * 100) / 100;
}

function show(value: unknown): string {
  return value instanceof NdArray ? value.toNested().toString() : String(value);
}
