import type { Lease, RefTable } from "./ref_table.ts";

/** What the worker said of an object (proto/PROTOCOL.md 5.5). */
export interface RefInfo {
  /** Qualified Python type, such as `pandas.core.frame.DataFrame`. */
  readonly type: string;
  /** `repr(object)`, cut; null when it failed or proved slow for the type. */
  readonly repr: string | null;
  /** Bit set of `Trait`. */
  readonly traits: number;
}

/**
 * The hold this process has on one Python object.
 *
 * Every face of the object (explicit reference, proxy, generated class) shares one handle; when the last face is
 * collected, the handle is, and the object is released.
 */
export class Handle {
  /** The conversation the object lives behind. */
  readonly table: RefTable;
  /** Its id in that conversation. */
  readonly id: number;
  /** Session it belongs to. */
  session: string;
  /** What is known of it; undefined until the worker has said. */
  info: RefInfo | undefined;
  #released = false;

  /** What gives the object back when nobody can reach it; keeps its group alive. @ignore */
  readonly group: { readonly lease: Lease };

  /** Made by {@linkcode RefTable}. */
  constructor(
    table: RefTable,
    id: number,
    session: string,
    info: RefInfo | undefined,
    group: { readonly lease: Lease },
  ) {
    this.group = group;
    this.table = table;
    this.id = id;
    this.session = session;
    this.info = info;
  }

  /** Whether it was given back. */
  get released(): boolean {
    return this.#released;
  }

  /** Gives the object back; harmless when done before. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.table.release(this);
  }

  /** Words for messages. */
  describe(): string {
    return `reference ${this.id}${this.info === undefined ? "" : ` (${this.info.type})`}`;
  }
}
