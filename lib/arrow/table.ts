// @ts-types="./apache_arrow.d.ts"
import { type RecordBatch, Table, tableFromIPC, tableToIPC } from "apache-arrow";
import { Ref } from "../bridge/mod.ts";
import { ArrowData, type ArrowLibrary, isArrowTable, setTableWriter } from "../protocol/mod.ts";

/** A column: what apache-arrow calls a `Vector`, as far as it is named here. */
export interface ArrowColumn extends Iterable<unknown> {
  /** Number of rows. */
  readonly length: number;
  /** Number of rows without a value. */
  readonly nullCount: number;
  /** The value of a row; null where it has none. */
  get(index: number): unknown;
  /** All values; a view of the bytes received where they are numbers without nulls. */
  toArray(): ArrayLike<unknown>;
}

/** A table of apache-arrow, as far as it is named here; `toTable<Table>` gives it the type that the package has. */
export interface ArrowTable extends Iterable<unknown> {
  /** Number of rows. */
  readonly numRows: number;
  /** Number of columns. */
  readonly numCols: number;
  /** Names and types of the columns. */
  readonly schema: { readonly fields: readonly { readonly name: string; readonly nullable: boolean }[] };
  /** The column of that name. */
  getChild(name: string): ArrowColumn | null;
  /** The column at that place. */
  getChildAt(index: number): ArrowColumn | null;
  /** A row. */
  get(index: number): unknown;
  /** All rows. */
  toArray(): unknown[];
}

/** A table or record batch of apache-arrow, whichever copy of the package made it. */
export interface ArrowTableLike {
  /** Number of columns. */
  readonly numCols: number;
  /** Names and types of the columns. */
  readonly schema: object;
}

/** What {@linkcode toTable} takes: a table in Python, by whatever stands for it, or its Arrow data. */
export type TableSource = ArrowData | Ref | { readonly $: unknown };

/** Options for {@linkcode fromTable}. */
export interface FromTableOptions {
  /**
   * What Python makes of it.
   *
   * @default the library that the table came from, else `"pandas"`
   */
  library?: ArrowLibrary;
}

/** What tables came from, so that they go back as the same. */
const origins = new WeakMap<object, ArrowLibrary>();

/**
 * Reads a table of Python as a table of apache-arrow. Its columns are views of the bytes received, not copies.
 *
 * Needs `pyarrow` in Python. A Series is a table of one column; the index of a DataFrame that is no mere count is a
 * column, too.
 *
 * @param source A reference to a DataFrame, Series, Table or RecordBatch, or what `ref.toArrow()` gave.
 * @throws {TypeError} If the source is none of these.
 * @throws {ValueEncodeError} If the object in Python is no table, or pyarrow is missing there.
 * @throws {Error} What apache-arrow throws for a column type that it does not know.
 *
 * @example A column of pandas
 * ```ts
 * import { SnakeBridge } from "@snakebridge/snakebridge";
 * import { toTable } from "@snakebridge/snakebridge/arrow";
 *
 * await using bridge = await SnakeBridge.start();
 * const table = await toTable(bridge.import("pandas").DataFrame({ a: [1, 2] }));
 * console.log(table.getChild("a")?.toArray()); // BigInt64Array(2) [ 1n, 2n ]
 * ```
 */
export async function toTable<T = ArrowTable>(source: TableSource | PromiseLike<unknown>): Promise<T> {
  const settled = await source;
  const ref = settled instanceof ArrowData ? undefined : refOf(settled);
  const data = ref === undefined ? settled : await ref.toArrow();
  if (!(data instanceof ArrowData)) {
    throw new TypeError(`Cannot read table: got ${nameOf(data)}, expected ArrowData or a reference to a table`);
  }
  const table = tableFromIPC(data.data);
  origins.set(table, data.library);
  return table as unknown as T;
}

/**
 * Turns a table of apache-arrow into Arrow data, which Python receives as a table of the library asked for.
 *
 * Columns of dictionaries, which `tableFromArrays` makes of texts, arrive in pandas as categories.
 *
 * @throws {TypeError} If it is no table, or the library is none of the three.
 *
 * @example A table for polars
 * ```ts
 * import { fromTable } from "@snakebridge/snakebridge/arrow";
 * import { tableFromArrays } from "apache-arrow";
 *
 * console.log(fromTable(tableFromArrays({ n: Int32Array.of(1, 2) }), { library: "polars" }).library); // polars
 * ```
 */
export function fromTable(table: ArrowTableLike, options: FromTableOptions = {}): ArrowData {
  if (typeof table !== "object" || table === null || !isArrowTable(table)) {
    throw new TypeError(`Cannot write table: got ${nameOf(table)}, expected a Table or RecordBatch of apache-arrow`);
  }
  const { library = origins.get(table) ?? "pandas" } = options;
  // Another copy of the package makes batches, too; only those of one's own know each other by `instanceof`.
  const whole = "batches" in table ? table as unknown as Table : new Table([table as unknown as RecordBatch]);
  return new ArrowData(library, tableToIPC(whole, "stream"));
}

setTableWriter((table) => fromTable(table as ArrowTableLike));

/** The reference behind whatever stands for a Python object. */
function refOf(value: unknown): Ref | undefined {
  if (value instanceof Ref) return value;
  const isHolder = (typeof value === "object" && value !== null) || typeof value === "function";
  const ref = isHolder ? (value as { $?: unknown }).$ : undefined;
  return ref instanceof Ref ? ref : undefined;
}

function nameOf(value: unknown): string {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return String(value);
  return (value as { constructor?: { name?: string } }).constructor?.name ?? typeof value;
}
