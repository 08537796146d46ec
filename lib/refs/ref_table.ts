import type { FunctionRecord, RefPort } from "../protocol/mod.ts";
import { RefLostError, RefNotFoundError, RefReleasedError, RefSessionError, RefWorkerError } from "../errors/mod.ts";
import { FunctionTable, isAsyncCallback, type LentFunction } from "./function_table.ts";
import { Handle, type RefInfo, type RefSession } from "./handle.ts";

/** What stands behind a face of a Python object. */
export interface Behind {
  /** The hold on the object; undefined while its call has not been sent. */
  readonly handle: Handle | undefined;
  /** Why there will never be a hold, when the call failed before it was sent. */
  readonly failure: Error | undefined;
}

// A property rather than a WeakMap from faces: those make every garbage collection slower, and chains make many faces.
const behind: unique symbol = Symbol("snakebridge.behind");

/** Key of the property through which a face that is a `Proxy` answers for what stands behind it. */
export const behindKey: symbol = behind;

/** Notes what stands behind a face that users hold. */
export function setBehind(face: object, found: Behind): void {
  (face as { [behind]?: Behind })[behind] = found;
}

/** What stands behind `value`, when it is a face of a Python object. */
export function behindOf(value: unknown): Behind | undefined {
  if ((typeof value !== "object" || value === null) && typeof value !== "function") return undefined;
  return (value as { readonly [behind]?: Behind })[behind];
}

/** What a table needs from its surroundings. */
export interface RefTableOptions {
  /** The worker behind the table, for those who route calls. */
  readonly owner: object;
  /** Makes the face that users see of an object met inside a result. */
  readonly face: (handle: Handle) => object;
  /** The handle under which the unanswered call `id` keeps its result. */
  readonly kept: (id: number) => Handle | undefined;
  /** Tells the worker to forget objects. */
  readonly release: (ids: readonly number[]) => void;
}

/** Objects that are given back when what stands for them here is garbage. */
export interface Lease {
  readonly table: RefTable;
  /** Those not given back yet. */
  readonly ids: number[];
}

// Registering is cheap, but what is registered costs every large garbage collection; so the results inside one chain
// share a lease, and nothing is ever unregistered: what was given back by hand is only struck out.
const collected = new FinalizationRegistry<Lease>(({ table, ids }) => {
  for (const id of ids) table.forget(id);
});

/** Handles that are given back together: when none of them can be reached any more. */
export class HandleGroup {
  /** @ignore */
  readonly lease: Lease;

  /** Makes an empty group on a table. */
  constructor(table: RefTable) {
    this.lease = { table, ids: [] };
    collected.register(this, this.lease);
  }
}

/**
 * The objects of one worker that this process holds.
 *
 * Finalizers only note ids; one message per turn of the event loop carries them.
 */
export class RefTable implements RefPort {
  /** Session whose call is being encoded. */
  session = "";
  /** What makes the faces that functions in the message being encoded are called with; known to who encodes. */
  callbackFace: unknown;
  /** Functions of this process that the worker may call. */
  readonly functions: FunctionTable = new FunctionTable();
  readonly #options: RefTableOptions;
  readonly #sessions = new Map<string, RefSession>();
  /** Objects met since the last answer was settled, by id: an object met twice in one answer has one face. */
  readonly #fresh = new Map<number, { readonly handle: Handle; readonly face: object }>();
  #dead: number[] = [];
  #scheduled = false;
  #ended: string | undefined;

  /** Makes an empty table. */
  constructor(options: RefTableOptions) {
    this.#options = options;
  }

  /** The worker behind this table. */
  get owner(): object {
    return this.#options.owner;
  }

  /** Why nothing behind this table can be used any more; undefined while it can. */
  get ended(): string | undefined {
    return this.#ended;
  }

  /** A session has calls here from now on. */
  enter(session: RefSession): void {
    this.#sessions.set(session.id, session);
  }

  /** A session has ended; another of its name may have begun. */
  leave(session: RefSession): void {
    if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
  }

  /**
   * A handle for an object whose call with `keep` is about to be sent under `id`.
   *
   * @param group The handles it is given back with; alone when there is none.
   */
  hold(id: number, session: string, group?: HandleGroup): Handle {
    return this.#make(id, session, undefined, group);
  }

  /** Takes back {@linkcode RefTable.hold}: nothing was sent. */
  drop(handle: Handle): void {
    strike(handle);
  }

  /** Gives the objects met since the last call of this method to a session. */
  adopt(session: string): void {
    if (this.#fresh.size === 0) return;
    const scope = this.#sessions.get(session);
    for (const { handle } of this.#fresh.values()) {
      handle.session = session;
      handle.scope = scope;
      // Met after the end of its session, in an answer that was on its way: it belongs to nobody.
      if (scope === undefined) {
        strike(handle);
        this.forget(handle.id);
      }
    }
    this.#fresh.clear();
  }

  /** @inheritdoc */
  encodeRef(value: object): number | undefined {
    const found = behindOf(value);
    if (found === undefined) return undefined;
    const { handle, failure } = found;
    if (failure !== undefined) throw failure;
    if (handle === undefined) {
      throw new RefNotFoundError(
        "a result",
        "it was awaited as a value and not kept; hold it with keep(), or pass the awaited value",
      );
    }
    return this.use(handle, this.session);
  }

  /**
   * The id to name `handle` by in a call of `session` on this conversation, which was admitted when it was made.
   *
   * @throws {RefError} If the handle cannot be used there, by reason.
   */
  use(handle: Handle, session: string): number {
    if (handle.isGivenBack) throw new RefReleasedError(handle.describe());
    if (handle.table.ended !== undefined) throw new RefLostError(handle.describe(), handle.table.ended);
    if (handle.table !== this) throw new RefWorkerError(`with ${handle.describe()}`);
    if (handle.session !== session) throw new RefSessionError(handle.describe(), handle.session, session);
    return handle.id;
  }

  /** @inheritdoc */
  encodeFunction(value: LentFunction["call"]): FunctionRecord {
    const { number, session } = this.functions.lend(value, this.session, this.callbackFace);
    return { number, name: value.name, flags: isAsyncCallback(value) ? 1 : 0, session };
  }

  /** @inheritdoc */
  decodeFunction(number: number): unknown {
    return this.functions.get(number)?.call;
  }

  /** @inheritdoc */
  decodeRef(id: number, type: string, repr: string | null, traits: number): unknown {
    const met = this.#fresh.get(id);
    if (met !== undefined) return met.face;
    const info: RefInfo = { type, repr, traits };
    const expected = this.#options.kept(id);
    if (expected !== undefined) {
      expected.info = info;
      return this.#options.face(expected);
    }
    const handle = this.#make(id, "", info);
    const face = this.#options.face(handle);
    this.#fresh.set(id, { handle, face });
    return face;
  }

  /** Notes that an object was given back. */
  release(handle: Handle): void {
    strike(handle);
    this.forget(handle.id);
  }

  /** Notes that nobody here needs the object `id`. */
  forget(id: number): void {
    if (this.#ended !== undefined) return;
    this.#dead.push(id);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      const ids = this.#dead;
      this.#dead = [];
      if (this.#ended === undefined) this.#options.release(ids);
    });
  }

  /** The worker is gone: every object with it. */
  end(why: string): void {
    this.#ended ??= why;
    this.functions.end();
    this.#dead = [];
  }

  #make(id: number, session: string, info: RefInfo | undefined, group?: HandleGroup): Handle {
    const scope = this.#sessions.get(session);
    if (group !== undefined) {
      group.lease.ids.push(id);
      return new Handle(this, id, session, scope, info, group);
    }
    const lease: Lease = { table: this, ids: [id] };
    const handle = new Handle(this, id, session, scope, info, { lease });
    collected.register(handle, lease);
    return handle;
  }
}

/** Takes an object that was given back by hand out of its lease. */
function strike({ id, group }: Handle): void {
  const { ids } = group.lease;
  const index = ids.indexOf(id);
  if (index !== -1) ids.splice(index, 1);
}
