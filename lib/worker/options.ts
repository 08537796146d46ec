import type { Clock } from "../async/mod.ts";
import type { OutputMode } from "../host/mod.ts";
import type { HelloPolicy, Limits } from "../protocol/mod.ts";
import type { Handle } from "../refs/mod.ts";
import type { CallbackRequest } from "../rpc/mod.ts";
import type { Worker } from "./worker.ts";

/** Limits on references; 0 for none, and the worker's own default where nothing is said. */
export interface RefLimits {
  /** Most references of one session. */
  readonly maxRefs?: number;
  /** How long one may stay unused, in seconds. */
  readonly refTtlSeconds?: number;
}

/** What a worker process is started with. */
export interface WorkerOptions {
  /** Python interpreter: a path, or a name to find on `PATH`. */
  readonly executable: string;
  /** What else would mend a refusal to start it; the end of a sentence. */
  readonly startAdvice?: string | undefined;
  /** Environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  /** Working directory; that of this process when undefined. */
  readonly cwd: string | undefined;
  /** Folders put in front of `sys.path`. */
  readonly pythonPaths: readonly string[];
  /** Limits for both directions. */
  readonly limits: Limits;
  /** Where Python's standard output goes. */
  readonly stdout: OutputMode;
  /** Where Python's standard error goes. */
  readonly stderr: OutputMode;
  /** How many references there may be, and for how long. */
  readonly refLimits: RefLimits;
  /** Longest representation sent with a reference, in characters. */
  readonly reprMaxChars: number;
  /** What calls may reach; everything when undefined. */
  readonly policy?: HelloPolicy | undefined;
  /** Longest wait for a worker's first word, in milliseconds. */
  readonly startTimeoutMs: number;
  /** How long cancelled Python code may go on before its worker is killed, in milliseconds. */
  readonly cancelGraceMs: number;
  /** Makes the face that users see of an object. */
  readonly face: (handle: Handle) => object;
  /** Answers a call of one of our functions; `done` is to be called once, when it was answered. */
  readonly callback: (worker: Worker, request: CallbackRequest, done: () => void) => void;
  /** Source of time. */
  readonly clock: Clock;
}
