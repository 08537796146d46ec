// What is used of apache-arrow. Its own declarations refer to those of Node, and a program of Deno that reads both loses
// the methods of child processes and sockets; other compilers read the package's own.
declare class DataType {}
declare class Vector {
  get(index: number): unknown;
  toArray(): unknown;
  [Symbol.iterator](): Iterator<unknown>;
}
export declare class Utf8 extends DataType {}
export declare class Bool extends DataType {}
export declare class Int32 extends DataType {}
export declare class Dictionary extends DataType {
  constructor(dictionary: DataType, indices: DataType);
}
export declare class RecordBatch {
  readonly numRows: number;
  readonly numCols: number;
  readonly schema: { readonly fields: readonly { readonly name: string; readonly nullable: boolean }[] };
}
export declare class Table {
  constructor(source: readonly RecordBatch[] | Record<string, Vector>);
  readonly numRows: number;
  readonly numCols: number;
  readonly schema: { readonly fields: readonly { readonly name: string; readonly nullable: boolean }[] };
  readonly batches: readonly RecordBatch[];
  getChild(name: string): Vector | null;
  select(names: readonly string[]): Table;
  slice(begin?: number, end?: number): Table;
}
export declare function makeVector(data: ArrayBufferView): Vector;
export declare function tableFromArrays(columns: Record<string, ArrayBufferView | readonly unknown[]>): Table;
export declare function tableFromIPC(bytes: Uint8Array): Table;
export declare function tableToIPC(table: Table, format?: "stream" | "file"): Uint8Array;
export declare function vectorFromArray(values: readonly unknown[], type?: DataType): Vector;
