import { type Clock, Deadlines } from "../async/mod.ts";
import type { ErrorMode } from "../errors/mod.ts";
import type { Pool } from "../pool/mod.ts";
import { ambient, pinnedWorker, SessionScope } from "../session/mod.ts";
import type { Worker } from "../worker/mod.ts";
import type { ResultCache } from "./result_cache.ts";
import type { TimeSettings } from "./time_limits.ts";

/** What the parts of a bridge share. */
export interface Core {
  /** The bridge as users know it; identity only. */
  readonly bridge: object;
  /** Where calls go. */
  readonly pool: Pool;
  /** Deadlines of calls. */
  readonly deadlines: Deadlines;
  /** Source of time. */
  readonly clock: Clock;
  /** Time limits of calls. */
  readonly times: TimeSettings;
  /** Results of idempotent calls, when they are kept. */
  readonly results: ResultCache | undefined;
  /** Jobs that wait for their next try. */
  readonly retrying: Set<{ end(): void }>;
  /** Longest wait for a free worker, in milliseconds. */
  readonly queueTimeoutMs: number;
  /** What calls reject with when Python raised. */
  readonly errorMode: ErrorMode;
  /** Session of calls made outside any other. */
  readonly root: SessionScope;
  /** Whether these are the parts of one session, which was named by whoever calls through it. */
  readonly isSession: boolean;
  /** Sessions that live, by id. */
  readonly sessions: Map<string, SessionScope>;
}

/** Makes what the parts of a bridge share. */
export function createCore(
  bridge: object,
  pool: Pool,
  clock: Clock,
  times: TimeSettings,
  queueTimeoutMs: number,
  errorMode: ErrorMode,
  results: ResultCache | undefined,
): Core {
  const root = new SessionScope("default");
  return {
    bridge,
    pool,
    clock,
    times,
    queueTimeoutMs,
    errorMode,
    results,
    retrying: new Set(),
    root,
    isSession: false,
    deadlines: new Deadlines(clock),
    sessions: new Map([[root.id, root]]),
  };
}

/** The session of a call: the one called through, else the one bound around the code, else that of the reference it starts from, else the root. */
export function currentScope(core: Core, refSession?: string): SessionScope {
  if (core.isSession) return core.root;
  const bound = ambient();
  if (bound?.scope !== undefined && bound.bridge === core.bridge) return bound.scope;
  return (refSession === undefined ? undefined : core.sessions.get(refSession)) ?? core.root;
}

/**
 * The worker that calls are to stay with that could go anywhere: that of a context manager around them. Those of a
 * callback go to whoever waits for it.
 */
export function pinOf(core: Core, scope: SessionScope): Worker | undefined {
  const worker = pinnedWorker(core.bridge) ?? scope.pinned;
  if (worker === undefined || !worker.alive) return undefined;
  return ambient()?.callback?.isOpen === true ? undefined : worker;
}
