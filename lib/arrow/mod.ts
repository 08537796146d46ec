/**
 * Tables of Python (pandas, polars, pyarrow) as tables of the package
 * [apache-arrow](https://www.npmjs.com/package/apache-arrow), and back.
 *
 * @example
 * ```ts
 * import { SnakeBridge } from "@snakebridge/snakebridge";
 * import { fromTable, toTable } from "@snakebridge/snakebridge/arrow";
 * import { tableFromArrays } from "apache-arrow";
 *
 * await using bridge = await SnakeBridge.start();
 * const frame = await bridge.import("pandas").DataFrame({ a: [1, 2], b: ["x", "y"] });
 * const table = await toTable(frame);
 * console.log(table.numRows, table.getChild("b")?.get(1)); // 2 y
 *
 * const numbers = tableFromArrays({ n: Int32Array.of(1, 2, 3) });
 * console.log(await bridge.call("builtins", "len", [numbers])); // 3: it arrives as a DataFrame of pandas
 * console.log(await bridge.call("builtins", "len", [fromTable(numbers, { library: "pyarrow" })])); // 3
 * ```
 *
 * Once this module is imported, tables of apache-arrow may be arguments wherever values may. It costs some 30 ms, which
 * programs that do not import it never pay.
 *
 * @module
 */
export * from "./table.ts";
