import { RefLostError, RefReleasedError, RefSessionEndedError, RefSessionError } from "../errors/mod.ts";
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

/** The session of a hold, as far as holds need it. */
export interface RefSession {
  /** Its name. */
  readonly id: string;
  /** Whether it has ended. */
  readonly released: boolean;
}

/** Why an object went away without being given back from here. */
export type RefFate = "expired" | "evicted";

// Enough to tell an object from others, and one line.
const SHOWN_CHARS = 80;

/**
 * The hold this process has on one Python object.
 *
 * Every face of the object (explicit reference, proxy, generated class) shares one handle; when the last face is
 * collected, the handle is, and the object is released.
 *
 * A call that was made before its release still gets the object, whether it waits in line, runs, or is sent again to be
 * run: calls pin what they name, and a release waits for them.
 */
export class Handle {
  /** The conversation the object lives behind. */
  readonly table: RefTable;
  /** Its id in that conversation. */
  readonly id: number;
  /** Session it belongs to. */
  session: string;
  /** The session itself; undefined where it had ended before the object was met. */
  scope: RefSession | undefined;
  /** What is known of it; undefined until the worker has said. */
  info: RefInfo | undefined;
  #released = false;
  #pins = 0;
  #fate: { readonly name: RefFate; readonly refuse: () => Error } | undefined;

  /** What gives the object back when nobody can reach it; keeps its group alive. @ignore */
  readonly group: { readonly lease: Lease };

  /** Made by {@linkcode RefTable}. */
  constructor(
    table: RefTable,
    id: number,
    session: string,
    scope: RefSession | undefined,
    info: RefInfo | undefined,
    group: { readonly lease: Lease },
  ) {
    this.group = group;
    this.table = table;
    this.id = id;
    this.session = session;
    this.scope = scope;
    this.info = info;
  }

  /** Whether it was given back. */
  get released(): boolean {
    return this.#released;
  }

  /** Whether the worker was told, or will be, that nobody here needs the object. */
  get isGivenBack(): boolean {
    return this.#released && this.#pins === 0;
  }

  /** What became of an object that the worker forgot by itself, once that is known here. */
  get fate(): RefFate | undefined {
    return this.#fate?.name;
  }

  /** Notes that the worker forgot the object by itself. */
  lose(fate: RefFate, refuse: () => Error): void {
    this.#fate ??= { name: fate, refuse };
  }

  /**
   * Checks that a call of `session` that is made now may name the object.
   *
   * @throws {RefError} If it may not, by reason.
   */
  admit(session: string): void {
    if (this.#released) throw new RefReleasedError(this.describe());
    if (this.#fate !== undefined) throw this.#fate.refuse();
    if (this.table.ended !== undefined) throw new RefLostError(this.describe(), this.table.ended);
    if (this.scope?.released !== false) throw new RefSessionEndedError(this.describe(), this.session, session);
    if (this.session !== session) throw new RefSessionError(this.describe(), this.session, session);
  }

  /** A call names the object: a release waits until that call has ended. */
  pin(): void {
    this.#pins += 1;
  }

  /** A call that named the object has ended. */
  unpin(): void {
    this.#pins -= 1;
    if (this.#pins === 0 && this.#released) this.table.release(this);
  }

  /** Gives the object back, when the calls that name it have ended; harmless when done before. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    if (this.#pins === 0) this.table.release(this);
  }

  /** Words for messages. */
  describe(): string {
    const { id, info } = this;
    if (info === undefined) return `reference ${id}`;
    const repr = info.repr?.replaceAll(/\s+/g, " ") ?? "";
    const shown = repr.length > SHOWN_CHARS ? `${repr.slice(0, SHOWN_CHARS)}…` : repr;
    return `reference ${id} (${info.type}${shown === "" ? "" : `: ${shown}`})`;
  }
}
