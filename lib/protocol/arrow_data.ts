import { showAsText } from "./inspect.ts";
/** What a table comes from, or is to become, in Python. */
export type ArrowLibrary = "pandas" | "polars" | "pyarrow";

/** Whether the text names a table library of the protocol. */
export function isArrowLibrary(text: unknown): text is ArrowLibrary {
  return text === "pandas" || text === "polars" || text === "pyarrow";
}

/**
 * A table as an Apache Arrow IPC stream. Any Arrow library reads `data`; sent back, Python builds the same kind of table.
 *
 * `toTable` of `@snakebridge/snakebridge/arrow` makes a table of the package `apache-arrow` of it.
 *
 * @example The bytes of a table
 * ```ts
 * import { type ArrowData, type Ref, SnakeBridge } from "@snakebridge/snakebridge";
 *
 * await using bridge = await SnakeBridge.start();
 * const table = await bridge.call("pyarrow", "table", [{ a: [1, 2] }]) as Ref;
 * const { library, data } = await table.toArrow() as ArrowData;
 * console.log(library, data instanceof Uint8Array); // pyarrow true
 * ```
 */
export class ArrowData {
  static {
    showAsText(this);
  }

  /** What Python builds from it, or what it came from. */
  readonly library: ArrowLibrary;
  /** The IPC stream. */
  readonly data: Uint8Array;

  /**
   * Wraps an IPC stream; the bytes are not copied.
   *
   * @throws {TypeError} if the library is not one of the three.
   */
  constructor(library: ArrowLibrary, data: Uint8Array) {
    if (!isArrowLibrary(library)) {
      throw new TypeError(`Cannot make ArrowData: library is ${String(library)}, expected pandas, polars or pyarrow`);
    }
    this.library = library;
    this.data = data;
  }

  /** Library and size. */
  toString(): string {
    return `ArrowData(${this.library}, ${this.data.byteLength} bytes)`;
  }
}
