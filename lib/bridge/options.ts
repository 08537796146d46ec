import type { ErrorMode } from "../errors/mod.ts";
import type { OutputMode } from "../host/mod.ts";
import type { LimitOptions } from "../protocol/mod.ts";
import { checkNames } from "./option_names.ts";
import type { PolicyOptions } from "./policy.ts";
import type { IdempotentCacheOptions } from "./result_cache.ts";
import type { TimeoutProfile } from "./time_limits.ts";

/** How a result is wanted; see {@linkcode CallOptions.returns}. */
export type ReturnMode = "auto" | "value" | "ref";

/** Options of one call, or of all calls in a flow: {@linkcode withRuntime}. */
export interface CallOptions {
  /**
   * Longest wait for the result, in milliseconds, from the moment the call is made; `Infinity` for no limit.
   *
   * It is one deadline: the wait in the line, retries and Python share it. When it runs out the caller gets a
   * {@linkcode CallTimeoutError}, and Python is interrupted.
   *
   * @default {120_000}
   */
  timeoutMs?: number;
  /**
   * Longest wait for all items of an iteration together, in milliseconds; `Infinity` for no limit. What the loop takes
   * for itself between two items does not count.
   *
   * @default {1_800_000}
   */
  streamTimeoutMs?: number;
  /**
   * Time limits by name: `default`, `streaming`, `ml_inference`, `batch_job`, or one of
   * {@linkcode BridgeOptions.timeoutProfiles}. A number given beside it wins.
   */
  timeoutProfile?: string;
  /**
   * Whether running the call twice does no harm. Then, when its worker dies, it is tried again on another; and when the
   * bridge has an {@linkcode BridgeOptions.idempotentCache}, equal calls share one result.
   *
   * A call that uses a reference is never tried again: its object died with the worker. A chain is, when every step of it
   * says so and none was answered yet.
   *
   * @default {false}
   */
  idempotent?: boolean;
  /**
   * How often an idempotent call is tried again after its worker died.
   *
   * @default {2}
   */
  retries?: number;
  /**
   * Wait before the first of these tries, in milliseconds; it doubles with each, up to 30,000.
   *
   * @default {100}
   */
  retryDelayMs?: number;
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

// Records, so that the compiler misses a name that is missing here.
const CALL_OPTIONS: Readonly<Record<keyof CallOptions, true>> = {
  timeoutMs: true,
  streamTimeoutMs: true,
  timeoutProfile: true,
  idempotent: true,
  retries: true,
  retryDelayMs: true,
  signal: true,
  returns: true,
  errorMode: true,
};

/**
 * Checks names and types of call options; numbers and profiles are checked where they are resolved.
 *
 * @throws {TypeError} If there is no option of a given name, or a value has the wrong type.
 * @throws {RangeError} If a number is out of its range.
 */
export function checkCallOptions(options: CallOptions | undefined, what: string = "Cannot call"): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`${what}: options are ${String(options)}, expected an object`);
  }
  checkNames(what, options, CALL_OPTIONS);
  const { signal, idempotent, retries, retryDelayMs } = options;
  if (idempotent !== undefined && typeof idempotent !== "boolean") {
    throw new TypeError(`${what}: idempotent is ${String(idempotent)}, expected true or false`);
  }
  if (retries !== undefined && !(Number.isSafeInteger(retries) && retries >= 0)) {
    throw new RangeError(`${what}: retries is ${String(retries)}, expected a whole number from 0`);
  }
  if (retryDelayMs !== undefined && !(typeof retryDelayMs === "number" && retryDelayMs >= 0)) {
    throw new RangeError(`${what}: retryDelayMs is ${String(retryDelayMs)}, expected a number of milliseconds from 0`);
  }
  if (signal !== undefined && typeof signal?.addEventListener !== "function") {
    throw new TypeError(`${what}: signal is ${String(signal)}, expected an AbortSignal`);
  }
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
   * Longest wait for all items of an iteration together, in milliseconds.
   *
   * @default {1_800_000}
   */
  streamTimeoutMs?: number;
  /**
   * Profile of calls that name none and whose library has none.
   *
   * @default {"default"} For iterations `"streaming"`.
   */
  timeoutProfile?: string;
  /** Timeout profiles by name, beside the built-in ones or in place of parts of them. */
  timeoutProfiles?: Readonly<Record<string, TimeoutProfile>>;
  /**
   * Timeout profiles by library, such as `{ torch: "ml_inference" }`. The longest dotted name that the called module, or
   * the type of the object, begins with counts.
   */
  libraryProfiles?: Readonly<Record<string, string>>;
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
  /**
   * Most references that one session may have in one worker; 0 or `Infinity` for no limit. A new one beyond it makes the
   * worker give back the one used least recently, whose next use throws {@linkcode RefEvictedError}.
   *
   * Reading objects in a loop takes at least 4. References that were dropped and not released count until they are garbage collected, so a low limit goes with code
   * that releases.
   *
   * @default {1_000_000} Or what the variable `SNAKEBRIDGE_REF_MAX` says, where Python gets it.
   */
  maxRefs?: number;
  /**
   * How long a reference may stay unused before its object is given back, in seconds; 0 or `Infinity` for ever. Its next
   * use throws {@linkcode RefExpiredError}. Age is looked at while a worker has nothing to do.
   *
   * @default {0} Or what the variable `SNAKEBRIDGE_REF_TTL_SECONDS` says, where Python gets it.
   */
  refTtlSeconds?: number;
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
  /**
   * Keeps results of calls that say `idempotent: true`, so that equal ones (same module, name, arguments and `returns`)
   * are answered without Python. `true` takes the defaults: 1,000 results, 5 minutes, 64 MiB. References are never kept,
   * neither as results nor in arguments, nor are calls whose arguments take more than 64 KiB.
   *
   * Apart from `idempotent`, because that a call may run twice does not say that its result stays the same.
   *
   * @default {false}
   */
  idempotentCache?: boolean | IdempotentCacheOptions;
  /** What calls may reach in Python; everything when not given. */
  policy?: PolicyOptions;
}

const BRIDGE_OPTIONS: Readonly<Record<keyof BridgeOptions, true>> = {
  python: true,
  size: true,
  lazy: true,
  pythonPaths: true,
  env: true,
  cwd: true,
  timeoutMs: true,
  streamTimeoutMs: true,
  timeoutProfile: true,
  timeoutProfiles: true,
  libraryProfiles: true,
  queueTimeoutMs: true,
  maxQueueSize: true,
  startTimeoutMs: true,
  cancelGraceMs: true,
  limits: true,
  stdout: true,
  stderr: true,
  maxRefs: true,
  refTtlSeconds: true,
  reprMaxChars: true,
  errorMode: true,
  idempotentCache: true,
  policy: true,
};

/**
 * Checks the names of bridge options.
 *
 * @throws {TypeError} If there is no option of a given name.
 */
export function checkBridgeOptions(options: BridgeOptions): void {
  checkNames("Cannot start bridge", options, BRIDGE_OPTIONS);
}
