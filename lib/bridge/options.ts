import type { ErrorMode } from "../errors/mod.ts";
import type { OutputMode } from "../host/mod.ts";
import type { LimitOptions } from "../protocol/mod.ts";

/** How a result is wanted; see {@linkcode CallOptions.returns}. */
export type ReturnMode = "auto" | "value" | "ref";

/** Options of one call. */
export interface CallOptions {
  /**
   * Longest wait for the result, in milliseconds, from the moment the call is made; `Infinity` for no limit.
   *
   * When it runs out the caller gets a {@linkcode CallTimeoutError}, and Python is interrupted.
   *
   * @default {120_000}
   */
  timeoutMs?: number;
  /** Cancels the call: it leaves the queue, or Python is interrupted. */
  signal?: AbortSignal;
  /**
   * `auto`: what has an encoding comes as a value, anything else as a reference. `value`: an error instead of a
   * reference. `ref`: a reference, whatever it is.
   *
   * @default {"auto"}
   */
  returns?: ReturnMode;
  /**
   * What the call rejects with when Python raised; see {@linkcode ErrorMode}.
   *
   * @default The bridge's own, which is {"raw"}
   */
  errorMode?: ErrorMode;
}

/** Options of {@linkcode SnakeBridge.start}. */
export interface BridgeOptions {
  /**
   * Python interpreter: a path, or a name to find on `PATH`.
   *
   * Without it: the variable `SNAKEBRIDGE_PYTHON`, the active virtual environment, `.venv` in the working directory,
   * `python3`.
   */
  python?: string;
  /**
   * Most worker processes.
   *
   * @default The number of processors, at most 4
   */
  size?: number;
  /**
   * Start workers only when calls wait for them.
   *
   * @default {false}
   */
  lazy?: boolean;
  /** Folders put in front of `sys.path`, for your own Python files. */
  pythonPaths?: readonly string[];
  /** Environment variables set for Python, on top of those of this process. */
  env?: Readonly<Record<string, string>>;
  /** Working directory of Python; that of this process when not given. */
  cwd?: string;
  /**
   * Longest wait for a call, in milliseconds.
   *
   * @default {120_000}
   */
  timeoutMs?: number;
  /**
   * Longest wait for a free worker, in milliseconds.
   *
   * @default {Infinity} The call's own limit covers the wait.
   */
  queueTimeoutMs?: number;
  /**
   * Most calls that may wait for a worker.
   *
   * @default {1000}
   */
  maxQueueSize?: number;
  /**
   * Longest wait for a worker's first word, in milliseconds.
   *
   * @default {30_000}
   */
  startTimeoutMs?: number;
  /**
   * How long cancelled Python code may go on before its worker is killed, in milliseconds.
   *
   * @default {2_000}
   */
  cancelGraceMs?: number;
  /** Limits on the size and shape of values, both ways. */
  limits?: LimitOptions;
  /**
   * Where Python's standard output goes.
   *
   * @default {"inherit"}
   */
  stdout?: OutputMode;
  /**
   * Where Python's standard error goes.
   *
   * @default {"inherit"}
   */
  stderr?: OutputMode;
  /**
   * Longest representation of an object sent along with its reference, in characters.
   *
   * @default {1_000}
   */
  reprMaxChars?: number;
  /**
   * What calls reject with when Python raised: the exception as it came, with what it means beside it, or what it means in
   * its place; see {@linkcode ErrorMode}.
   *
   * @default {"raw"}
   */
  errorMode?: ErrorMode;
}
