import { type CodegenConfig, defineConfig } from "@snakebridge/snakebridge/config";

const config: CodegenConfig = defineConfig({
  generatedDir: "py",
  libraries: {
    math: "stdlib",
    json: "stdlib",
    statistics: "stdlib",
    pathlib: "stdlib",
    numpy: { version: "2.*", submodules: ["linalg", "random"] },
    pandas: "3.*",
    sklearn: {
      version: "1.*",
      package: "scikit-learn",
      submodules: ["linear_model", "model_selection", "metrics"],
      include: [
        "linear_model.LinearRegression",
        "linear_model.LogisticRegression",
        "linear_model.Ridge",
        "model_selection.train_test_split",
        "model_selection.cross_val_score",
        "metrics.accuracy_score",
        "metrics.mean_absolute_error",
        "metrics.mean_squared_error",
        "metrics.r2_score",
      ],
    },
    matplotlib: {
      version: "3.*",
      submodules: ["pyplot"],
      include: [
        "pyplot.bar",
        "pyplot.close",
        "pyplot.figure",
        "pyplot.hist",
        "pyplot.legend",
        "pyplot.plot",
        "pyplot.savefig",
        "pyplot.scatter",
        "pyplot.subplots",
        "pyplot.tight_layout",
        "pyplot.title",
        "pyplot.xlabel",
        "pyplot.ylabel",
      ],
    },
  },
});

export default config;
