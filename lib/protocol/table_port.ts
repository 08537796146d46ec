// Tables of the package apache-arrow as arguments. The package costs 30 ms and 8 MB, so it is not known here: lib/arrow,
// which knows it, says how such a table becomes bytes, once somebody imports it.
import type { ArrowData } from "./arrow_data.ts";

/** Turns a table of the package apache-arrow into Arrow data; undefined for what it does not know. */
export type TableWriter = (table: object) => ArrowData | undefined;

let writer: TableWriter | undefined;

/** Says how tables become Arrow data from now on. */
export function setTableWriter(write: TableWriter): void {
  writer = write;
}

/** The Arrow data of a table; undefined when it is none, or nobody has said how. */
export function arrowDataOf(value: object): ArrowData | undefined {
  return writer !== undefined && isArrowTable(value) ? writer(value) : undefined;
}

/** Whether the object is a table or a record batch of the package apache-arrow, whichever copy of it made it. */
export function isArrowTable(value: object): boolean {
  const { schema, numCols, getChildAt } = value as { schema?: unknown; numCols?: unknown; getChildAt?: unknown };
  return typeof schema === "object" && schema !== null && Array.isArray((schema as { fields?: unknown }).fields) &&
    typeof numCols === "number" && typeof getChildAt === "function";
}
