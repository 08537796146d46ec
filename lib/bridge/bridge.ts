import { systemClock } from "../async/mod.ts";
import { ClosedError } from "../errors/mod.ts";
import { childEnvironment } from "../host/mod.ts";
import { locatePython } from "../interpreter/mod.ts";
import { Pool, type PoolStats, type WorkerSnapshot } from "../pool/mod.ts";
import { resolveLimits } from "../protocol/mod.ts";
import type { Handle } from "../refs/mod.ts";
import { SessionScope } from "../session/mod.ts";
import { DEFAULTS, type RefLimits } from "../worker/mod.ts";
import { answerCallback } from "./callbacks.ts";
import { type Core, createCore } from "./core.ts";
import { closeAtEnd, forgetOpen } from "./open_bridges.ts";
import { checkErrorMode } from "./failed_call.ts";
import { type BridgeOptions, checkBridgeOptions } from "./options.ts";
import { resolvePolicy } from "./policy.ts";
import { Ref } from "./ref.ts";
import { type IdempotentCacheStats, resolveCacheOptions, ResultCache } from "./result_cache.ts";
import { Caller, Session } from "./session.ts";
import { resolveTimeSettings } from "./time_limits.ts";

/** A look at a bridge. */
export interface BridgeStats {
  /** Its pool. */
  readonly pool: PoolStats;
  /** Its workers. */
  readonly workers: readonly WorkerSnapshot[];
  /** Sessions that live, the default one included. */
  readonly sessions: number;
  /** Its kept results; undefined without `idempotentCache`. */
  readonly idempotentCache: IdempotentCacheStats | undefined;
}

const MAX_DEFAULT_SIZE = 4;

/**
 * Calls any Python library.
 *
 * Python runs in worker processes of this bridge. They end with it, and with this process, however that ends; idle
 * workers do not keep the process alive.
 *
 * @example A function, and a chain in one round trip
 * ```ts
 * import { SnakeBridge } from "@snakebridge/snakebridge";
 *
 * await using bridge = await SnakeBridge.start();
 * console.log(await bridge.call("math", "sqrt", [16])); // 4
 *
 * const pathlib = bridge.import("pathlib");
 * console.log(await pathlib.PurePosixPath("/tmp/a.txt").with_suffix(".csv").name); // a.csv
 * ```
 */
export class SnakeBridge extends Caller {
  readonly #core: Core;
  #sessionNumber = 0;

  private constructor(options: BridgeOptions) {
    checkBridgeOptions(options);
    const times = resolveTimeSettings(options);
    const limits = resolveLimits(options.limits);
    const cache = resolveCacheOptions(options.idempotentCache);
    const queueTimeoutMs = options.queueTimeoutMs ?? DEFAULTS.queueTimeoutMs;
    const errorMode = checkErrorMode(options.errorMode ?? "raw", "start bridge");
    const identity = {};
    const python = locatePython(options.python === undefined ? {} : { python: options.python });
    const pool = new Pool({
      size: options.size ?? defaultSize(),
      lazy: options.lazy ?? false,
      ...(options.maxQueueSize === undefined ? {} : { maxQueueSize: options.maxQueueSize }),
      queueTimeoutMs,
      worker: {
        executable: python.executable,
        startAdvice: python.advice,
        env: { ...childEnvironment(), ...options.env },
        cwd: options.cwd,
        pythonPaths: options.pythonPaths ?? [],
        limits,
        stdout: options.stdout ?? "inherit",
        stderr: options.stderr ?? "inherit",
        refLimits: refLimits(options),
        reprMaxChars: options.reprMaxChars ?? DEFAULTS.reprMaxChars,
        policy: options.policy === undefined ? undefined : resolvePolicy(options.policy),
        startTimeoutMs: options.startTimeoutMs ?? DEFAULTS.startTimeoutMs,
        cancelGraceMs: options.cancelGraceMs ?? DEFAULTS.cancelGraceMs,
        face: (handle: Handle): object => new Ref(core, handle),
        callback: (worker, request, done) => answerCallback(core, worker, request, done),
        clock: systemClock,
      },
    });
    const results = cache === undefined ? undefined : new ResultCache(cache, limits, systemClock);
    const core: Core = createCore(identity, pool, systemClock, times, queueTimeoutMs, errorMode, results);
    super(core);
    this.#core = core;
    cores.set(this, core);
    bridges.set(identity, this);
    closeAtEnd(this);
  }

  /**
   * Starts a bridge and waits until its workers are ready.
   *
   * @throws {PythonNotFoundError} If there is no Python.
   * @throws {PythonVersionError} If it is older than 3.10.
   * @throws {PermissionRequiredError} If a permission flag is missing; the message names it.
   */
  static async start(options: BridgeOptions = {}): Promise<SnakeBridge> {
    const bridge = new SnakeBridge(options);
    if (options.lazy !== true) {
      bridge.#core.pool.start();
      try {
        await bridge.ready();
      } catch (error) {
        await bridge.close({ graceMs: 0 });
        throw error;
      }
    }
    return bridge;
  }

  /** Makes a bridge whose workers start when calls wait for them. */
  static lazy(options: BridgeOptions = {}): SnakeBridge {
    return new SnakeBridge({ ...options, lazy: true });
  }

  /** Waits until all workers have started. */
  ready(): Promise<void> {
    return this.#core.pool.ready();
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#core.pool.closed;
  }

  /**
   * Opens a session.
   *
   * @param id Its name; the one that lives under it already is opened again. A new name when not given.
   * @throws {RangeError} If the name is that of the bridge's own session, which ends with the bridge.
   */
  session(id?: string): Session {
    if (this.closed) throw new ClosedError("bridge");
    if (id === this.#core.root.id) {
      throw new RangeError(`Cannot open session "${id}": calls outside any session belong to it; take another name`);
    }
    const name = id ?? this.#newSessionId();
    let scope = this.#core.sessions.get(name);
    if (scope === undefined) this.#core.sessions.set(name, scope = new SessionScope(name));
    return new Session(this.#core, scope);
  }

  /**
   * Runs `fn` in a session of its own, bound to every call made in it, across awaits, and ends the session after it.
   */
  async withSession<T>(fn: (session: Session) => T | Promise<T>, options: { readonly id?: string } = {}): Promise<T> {
    await using session = this.session(options.id);
    return await session.run(() => fn(session));
  }

  /** A look at the bridge. */
  stats(): BridgeStats {
    const { pool, sessions, results } = this.#core;
    return {
      pool: pool.stats(),
      workers: pool.workers(),
      sessions: sessions.size,
      idempotentCache: results?.stats(),
    };
  }

  /**
   * Ends the bridge: calls that wait are rejected, calls in flight may finish, then the processes end.
   *
   * @param options `graceMs`: how long that may take; 6,000 by default.
   */
  async close(options: { readonly graceMs?: number } = {}): Promise<void> {
    forgetOpen(this);
    const closed = this.#core.pool.close(options.graceMs);
    for (const retries of [...this.#core.retrying]) retries.end();
    await closed;
  }

  /** Ends the bridge. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @ignore */
  protected override payloadCaller(session: string | undefined): Caller {
    return session === undefined || session === this.#core.root.id ? this : this.session(session);
  }

  #newSessionId(): string {
    let id: string;
    do id = `session-${++this.#sessionNumber}`; while (this.#core.sessions.has(id));
    return id;
  }
}

const cores = new WeakMap<SnakeBridge, Core>();
const bridges = new WeakMap<object, SnakeBridge>();

/** The bridge that `identity` of its core stands for. */
export function bridgeOf(identity: object): SnakeBridge | undefined {
  return bridges.get(identity);
}

/** What the parts of `bridge` share; for the folders above this one. */
export function coreOf(bridge: SnakeBridge): Core {
  return cores.get(bridge) as Core;
}

/** What hello says of references; what is not set is left to the worker, which knows its environment. */
function refLimits({ maxRefs, refTtlSeconds }: BridgeOptions): RefLimits {
  if (maxRefs !== undefined && !(maxRefs === Infinity || (Number.isSafeInteger(maxRefs) && maxRefs >= 0))) {
    throw new RangeError(`Cannot start bridge: maxRefs is ${maxRefs}, expected a whole number from 0, or Infinity`);
  }
  if (refTtlSeconds !== undefined && !(typeof refTtlSeconds === "number" && refTtlSeconds >= 0)) {
    throw new RangeError(
      `Cannot start bridge: refTtlSeconds is ${refTtlSeconds}, expected a number of seconds from 0, or Infinity`,
    );
  }
  return {
    ...(maxRefs === undefined ? {} : { maxRefs: maxRefs === Infinity ? 0 : maxRefs }),
    ...(refTtlSeconds === undefined ? {} : { refTtlSeconds: refTtlSeconds === Infinity ? 0 : refTtlSeconds }),
  };
}

function defaultSize(): number {
  return Math.min(MAX_DEFAULT_SIZE, Math.max(1, globalThis.navigator?.hardwareConcurrency ?? 1));
}
