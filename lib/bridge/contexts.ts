import { CallCancelledError, CallTimeoutError, PythonError } from "../errors/mod.ts";
import { CallKind, ValueEncodeError } from "../protocol/mod.ts";
import { type Behind, behindOf, type Handle } from "../refs/mod.ts";
import { describeHostError, describeLeft, type HostErrorDescription } from "../rpc/mod.ts";
import { runPinned, type SessionScope } from "../session/mod.ts";
import type { Worker } from "../worker/mod.ts";
import { located } from "./call_site.ts";
import type { Core } from "./core.ts";
import type { CallOptions } from "./options.ts";
import { type FaceMaker, Pending } from "./pending.ts";

/** Options of entering a context manager; those of a call are for entering, and `timeoutMs` for leaving, too. */
export interface EnterOptions extends CallOptions {
  /**
   * Whether to enter it as `async with` does, or as `with` does.
   *
   * @default Whichever the object supports; `with` when it supports both
   */
  async?: boolean;
}

/** What can be entered: whatever stands for a Python object. `V` is what its `__enter__` gives. */
export interface Enterable<V = unknown> {
  /** Enters it, as the `with` statement does; no Python name begins with a `$`. */
  $enter(options?: EnterOptions): Promise<Entered<V>>;
}

/** What an entered manager is made of. */
interface Parts {
  readonly core: Core;
  readonly scope: SessionScope;
  readonly handle: Handle;
  readonly timeoutMs: number | undefined;
}

/** What was entered through each object, outermost first. */
const enteredThrough = new WeakMap<Handle, Entered<unknown>[]>();

/**
 * A Python context manager between its `__enter__` and its `__exit__`.
 *
 * `await using` leaves it as if its block had ended well, for JavaScript does not tell a disposer of an exception. Where
 * that matters (a transaction would be committed), use {@linkcode withPython}, or call {@linkcode Entered.exit}.
 *
 * @example A folder for as long as a block
 * ```ts
 * import { Ref, SnakeBridge } from "@snakebridge/snakebridge";
 *
 * await using bridge = await SnakeBridge.start();
 * const manager = await bridge.call("tempfile", "TemporaryDirectory") as Ref;
 * await using folder = await manager.enter<string>();
 * console.log(folder.value.length > 0); // true
 * ```
 */
export class Entered<V = unknown> implements AsyncDisposable {
  /** What `__enter__` gave. */
  readonly value: V;
  /** @ignore */
  readonly worker: Worker;
  readonly #parts: Parts;
  #leaving: Promise<boolean> | undefined;

  /** Made by the bridge. @ignore */
  constructor(value: V, parts: Parts) {
    this.value = value;
    this.#parts = parts;
    this.worker = parts.handle.table.owner as Worker;
  }

  /** Whether it was left. */
  get exited(): boolean {
    return this.#leaving !== undefined;
  }

  /**
   * Calls `__exit__`; harmless when done before.
   *
   * @param error What ended the body; leave it out when nothing did.
   * @returns Whether Python asks for the error to be forgotten.
   * @throws {PythonError} If `__exit__` raised; `error` is its `cause` then, unless it names another.
   */
  exit(error?: unknown): Promise<boolean> {
    return this.#leave(error === undefined ? null : describeHostError(error, this.#parts.handle.table), error);
  }

  /**
   * Runs `fn` with its calls bound to the process of this manager, where no argument binds them to another.
   *
   * What a manager sets up in its process, such as a decimal context, does not hold in the others of a pool. The body of
   * {@linkcode withPython} and sessions of your own are bound like this by themselves.
   */
  run<T>(fn: () => T): T {
    return runPinned(this.#parts.core.bridge, this.worker, fn);
  }

  /** Leaves it as if all went well. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.exit();
  }

  /** @ignore */
  async abandon(): Promise<void> {
    try {
      await this.#leave(describeLeft(`session "${this.#parts.scope.id}" ended`), undefined);
    } catch {
      // Nobody is left who could be told: whoever ended the session did not know of this manager.
    }
  }

  #leave(description: HostErrorDescription | null, error: unknown): Promise<boolean> {
    return this.#leaving ??= located(this.#exit(description, error));
  }

  async #exit(description: HostErrorDescription | null, error: unknown): Promise<boolean> {
    const { core, scope, handle, timeoutMs } = this.#parts;
    scope.left(this);
    try {
      return await sendExit(core, scope, handle, description, timeoutMs);
    } catch (failure) {
      if (failure instanceof PythonError && description !== null && cameFrom(failure, description)) {
        failure.cause = error;
      }
      throw failure;
    } finally {
      handle.release();
    }
  }
}

/** Whether what `__exit__` raised has the error of the body for its context, which then is that error itself here. */
function cameFrom({ cause, context }: PythonError, description: HostErrorDescription): boolean {
  if (context === undefined || cause !== context) return false;
  return description.kind === "python"
    ? context.type === description.type && context.message === description.message
    : context.type.startsWith("snakebridge.host_error.");
}

async function sendExit(
  core: Core,
  scope: SessionScope,
  handle: Handle,
  description: HostErrorDescription | null,
  timeoutMs: number | undefined,
): Promise<boolean> {
  const send = (argument: HostErrorDescription | null): Promise<unknown> =>
    // Planned like a step of a chain, because it must not overtake the steps of the body that nobody awaited.
    new Pending(core, scope, {
      kind: CallKind.operation,
      target: { handle, failure: undefined },
      name: "exit",
      args: [argument],
      kwargs: null,
      options: timeoutMs === undefined ? undefined : { timeoutMs },
    }, () => undefined).result();
  try {
    return await send(description) === true;
  } catch (error) {
    if (description === null || !(error instanceof ValueEncodeError)) throw error;
    // Whatever a program put into an exception: the manager must be left.
    return await send({ ...description, attributes: {} }) === true;
  }
}

/** Enters a context manager in the session `scope`; `face` makes what stands for the value of `__enter__`. */
export async function enterContext<V>(
  core: Core,
  scope: SessionScope,
  target: Behind,
  options: EnterOptions | undefined,
  face: FaceMaker,
): Promise<Entered<V>> {
  const { async: asAsync, ...call } = options ?? {};
  if (asAsync !== undefined && typeof asAsync !== "boolean") {
    throw new TypeError(`Cannot enter: async is ${String(asAsync)}, expected true or false`);
  }
  const mode = asAsync === undefined ? null : asAsync ? "async with" : "with";
  const step = new Pending(core, scope, {
    kind: CallKind.operation,
    target,
    name: "enter",
    args: [mode],
    kwargs: null,
    options: { ...call, returns: "ref" },
  }, (_core, handle) => handle);
  const read = new Pending(core, scope, {
    kind: CallKind.getAttr,
    target: step,
    name: "value",
    args: [],
    kwargs: null,
    options: call,
  }, face);
  const [entering, reading] = await Promise.allSettled([step.result() as Promise<Handle>, read.result()]);
  if (entering.status === "rejected") {
    const { reason } = entering;
    if ((reason instanceof CallTimeoutError || reason instanceof CallCancelledError) && step.handle !== undefined) {
      // It may have been entered while we gave up.
      const { handle } = step;
      sendExit(core, scope, handle, describeHostError(reason, handle.table), undefined)
        .catch(() => {}).finally(() => handle.release());
    }
    throw reason;
  }
  const parts = { core, scope, handle: entering.value, timeoutMs: call.timeoutMs };
  if (reading.status === "rejected") {
    await new Entered(undefined, parts).exit(reading.reason);
    throw reading.reason;
  }
  const entered = new Entered(reading.value as V, parts);
  // Calls outside any session are of many minds: a manager of one must not bind them all.
  if (scope !== core.root || core.isSession) scope.enter(entered);
  const { handle } = target;
  if (handle !== undefined) enteredThrough.set(handle, [...enteredThrough.get(handle) ?? [], entered]);
  return entered;
}

/** Leaves what was entered through an object, innermost first, and gives the object back. */
export async function exitAndRelease(handle: Handle | undefined): Promise<void> {
  if (handle === undefined) return;
  try {
    for (const entered of (enteredThrough.get(handle) ?? []).reverse()) await entered.exit();
  } finally {
    enteredThrough.delete(handle);
    handle.release();
  }
}

/**
 * Runs `fn` inside a Python context manager, as the body of a `with` (or `async with`) statement.
 *
 * `fn` gets what `__enter__` gave. Whatever it throws is passed to `__exit__`: an exception that came from Python is
 * that very exception again, any other error a `snakebridge.HostError` (`HostTimeoutError`, which is a `TimeoutError`,
 * after a time limit; `HostCancelledError`, an `asyncio.CancelledError`, after an abort). Calls of the body go to the
 * process of the manager unless their arguments live elsewhere.
 *
 * @param target The context manager: a reference, a proxy, a generated object, also one on its way.
 * @returns What `fn` gives; undefined when `__exit__` suppressed what it threw.
 * @throws {PythonError} If `__enter__` or `__exit__` raised, or `fn` threw one that was not suppressed.
 * @throws {TypeError} If `target` is no Python object.
 *
 * @example Python decides what becomes of an error
 * ```ts
 * import { call, pyImport, withPython } from "@snakebridge/snakebridge";
 *
 * const { suppress } = pyImport("contextlib");
 * const root = await withPython(suppress(pyImport("builtins").ValueError), () => call("math", "sqrt", [-1]));
 * console.log(root); // undefined
 * ```
 */
export function withPython<V, T>(
  target: Enterable<V>,
  fn: (value: V, entered: Entered<V>) => T,
  options?: EnterOptions,
): Promise<Awaited<T> | undefined>;
/** Runs `fn` inside a Python context manager whose `__enter__` gives a `V`. */
export function withPython<V, T>(
  target: Enterable,
  fn: (value: V, entered: Entered<V>) => T,
  options?: EnterOptions,
): Promise<Awaited<T> | undefined>;
export async function withPython<V, T>(
  target: Enterable,
  fn: (value: V, entered: Entered<V>) => T,
  options?: EnterOptions,
): Promise<Awaited<T> | undefined> {
  if (behindOf(target) === undefined) {
    throw new TypeError(`Cannot enter ${String(target)}: expected a reference, a proxy or an object of Python`);
  }
  if (typeof fn !== "function") throw new TypeError(`Cannot enter: the body is ${typeof fn}, expected a function`);
  const entered = await located(target.$enter(options)) as Entered<V>;
  let result: Awaited<T>;
  try {
    result = await entered.run(() => fn(entered.value, entered));
  } catch (error) {
    try {
      if (await exitWith(entered, error)) return undefined;
    } catch (failure) {
      // What `__exit__` raised is news; that it could not be called is not, beside the error that came first.
      if (failure instanceof PythonError) throw failure;
    }
    throw error;
  }
  await entered.exit();
  return result;
}

/** Tells `__exit__` of an error, even if that is undefined. */
function exitWith(entered: Entered<unknown>, error: unknown): Promise<boolean> {
  return entered.exit(error === undefined ? new Error("undefined was thrown") : error);
}
