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
 * @example With the `apache-arrow` package
 * ```ts ignore
 * import { tableFromIPC } from "apache-arrow";
 *
 * const table = tableFromIPC((await df.toArrow()).data);
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
