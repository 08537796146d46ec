import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { PythonNotFoundError, SnakeBridgeError } from "../errors/mod.ts";
import { readEnv } from "../host/mod.ts";
import { SetupError } from "./errors.ts";
import { findPython } from "./find.ts";
import { inspectPython, type PythonInfo } from "./inspect.ts";
import {
  canMakeEnvironment,
  createEnvironment,
  findUv,
  installLock,
  missingPins,
  type SetupListener,
  venvInstallHint,
} from "./install.ts";
import { interpreterOf, venvPython } from "../interpreter/mod.ts";
import { applicablePins, type Pin, readLocks } from "./requirements.ts";
import { holdLock } from "./setup_lock.ts";
import { interpreterIdentity, isStampCurrent, readStamp, type Stamp, writeStamp } from "./stamp.ts";

/** Options for {@linkcode setupEnvironment} and {@linkcode checkEnvironment}. */
export interface SetupOptions {
  /**
   * Folder whose `.venv` is made.
   *
   * @default {process.cwd()}
   */
  readonly project?: string | undefined;
  /**
   * Lock files, relative to the project.
   *
   * @default {["requirements.lock"] or ["python/requirements.lock"], whichever exists}
   */
  readonly locks?: readonly string[] | undefined;
  /** Interpreter to make the environment from; goes before every other. */
  readonly python?: string | undefined;
  /** Gets progress. */
  readonly onEvent?: SetupListener | undefined;
}

/** What {@linkcode setupEnvironment} left behind. */
export interface SetupResult {
  /** Folder of the environment. */
  readonly venv: string;
  /** Its interpreter. */
  readonly executable: string;
  /** Version of Python. */
  readonly version: string;
  /** Whether anything had to be done. */
  readonly changed: boolean;
}

interface Plan {
  readonly project: string;
  readonly venv: string;
  readonly locks: readonly string[];
  readonly pins: readonly Pin[];
  /** The interpreter that somebody asked for by name, if any. */
  readonly named: string | undefined;
}

/**
 * Makes the project's `.venv` and installs its locked packages, or sees within milliseconds that this was done.
 *
 * Only one setup works on a project at a time; others wait for it. One that was interrupted is done anew.
 *
 * @throws {PythonNotFoundError} If there is no Python.
 * @throws {PythonVersionError} If there is only one older than 3.10.
 * @throws {SetupError} If a tool fails; the message holds its last output and the command that mends it.
 *
 * @example From a script
 * ```ts
 * const { executable } = await setupEnvironment({ onEvent: (event) => console.log(event.text) });
 * console.log(executable);
 * ```
 */
export async function setupEnvironment(options: SetupOptions = {}): Promise<SetupResult> {
  const plan = makePlan(options);
  const onEvent = options.onEvent ?? (() => {});
  const ready = readyResult(plan);
  if (ready !== undefined) return ready;
  using _lock = await holdLock(join(plan.project, ".snakebridge", "setup.lock"), (pid) => {
    onEvent({ kind: "step", text: `Waiting for another setup of this project (process ${pid})` });
  });
  // The one we waited for may have done it all.
  return readyResult(plan) ?? await build(plan, onEvent);
}

/** One thing that is not as it should be, and what mends it. */
export interface SetupProblem {
  /** Stable identifier, such as `package_missing`. */
  readonly code: string;
  /** What is wrong, in a sentence. */
  readonly message: string;
}

/** What {@linkcode checkEnvironment} saw. */
export interface SetupReport {
  /** Whether a bridge can start with every locked package. */
  readonly ok: boolean;
  /** Folder of the environment. */
  readonly venv: string;
  /** Version of its Python, where it has one that runs. */
  readonly version: string | undefined;
  /** What is missing; empty when `ok`. */
  readonly problems: readonly SetupProblem[];
}

/** Looks at the project's environment, asks its interpreter what is installed, and changes nothing. */
export async function checkEnvironment(options: SetupOptions = {}): Promise<SetupReport> {
  const { pins, venv, named } = makePlan(options);
  const problems: SetupProblem[] = [];
  const note = (error: unknown): void => {
    if (!(error instanceof SnakeBridgeError)) throw error;
    problems.push({ code: error.code, message: error.message });
  };
  let version: string | undefined;
  if (!existsSync(venv)) {
    problems.push({ code: "environment_missing", message: `${venv} does not exist; run "deno task setup"` });
    await findPython({ python: named, project: venv }).catch(note);
  } else if (interpreterIdentity(venv) === undefined) {
    const message = `${venv} has lost its Python (${venvPython(venv)} leads nowhere); run "deno task setup"`;
    problems.push({ code: "environment_broken", message });
    await findPython({ python: named, project: venv }).catch(note);
  } else {
    if (readStamp(venv)?.state === "installing") {
      const message = `The last setup of ${venv} did not finish; run "deno task setup"`;
      problems.push({ code: "environment_incomplete", message });
    }
    try {
      const info = await inspectPython(venvPython(venv));
      version = info.version;
      for (const pin of missingPins(applicablePins(pins, info.markers), info)) {
        const seen = info.packages[pin.name];
        const found = seen === undefined ? "is not installed" : `is installed as ${seen}`;
        const message = `${pin.name} ${pin.version} ${found}; run "deno task setup"`;
        problems.push({ code: seen === undefined ? "package_missing" : "package_version", message });
      }
    } catch (error) {
      note(error);
    }
  }
  return { ok: problems.length === 0, venv, version, problems };
}

function makePlan(options: SetupOptions): Plan {
  const project = resolve(options.project ?? ".");
  const venv = join(project, ".venv");
  const locks = (options.locks ?? defaultLocks(project)).map((file) => resolve(project, file));
  for (const file of locks) {
    if (!existsSync(file)) throw new SetupError(`Cannot read lock ${file}: it does not exist`);
  }
  const asked = options.python ?? readEnv("SNAKEBRIDGE_PYTHON");
  // Whoever names the project's own environment wants it made, from whatever Python there is.
  const isOwn = asked === undefined || asked === "" || interpreterOf(asked) === venvPython(venv) ||
    resolve(asked) === venv;
  return { project, venv, locks, pins: readLocks(locks), named: isOwn ? undefined : asked };
}

function defaultLocks(project: string): string[] {
  const places = ["requirements.lock", "python/requirements.lock"];
  const found = places.find((file) => existsSync(join(project, file)));
  if (found !== undefined) return [found];
  throw new SetupError(
    `Cannot set up ${project}: found neither ${places.join(" nor ")}; make one with ` +
      `"uv pip compile --universal --generate-hashes requirements.in -o requirements.lock", or name one with --lock`,
  );
}

/** The result when the stamp says that all is done; starts no process. */
function readyResult(plan: Plan): SetupResult | undefined {
  const stamp = readStamp(plan.venv);
  if (stamp === undefined || plan.named !== undefined) return undefined;
  if (!isStampCurrent(plan.venv, stamp, plan.pins)) return undefined;
  return { venv: plan.venv, executable: venvPython(plan.venv), version: stamp.version, changed: false };
}

async function build(plan: Plan, onEvent: SetupListener): Promise<SetupResult> {
  const { venv, locks } = plan;
  const step = (text: string): void => onEvent({ kind: "step", text });
  step("Looking for Python");
  const python = await findPython({ python: plan.named, project: plan.project });
  const uv = await findUv();
  const stamp = readStamp(venv);
  const reason = await reasonToCreate(venv, stamp, plan.named === undefined ? undefined : python.info);
  const executable = venvPython(venv);
  if (reason !== undefined) {
    if (!canMakeEnvironment(python.info, uv)) {
      throw new SetupError(
        `Cannot make ${venv}: ${python.executable} has neither venv nor a new enough pip; install them with ` +
          venvInstallHint(python.info),
      );
    }
    step(`${reason}: making ${venv} with Python ${python.version} (${python.info.baseExecutable})`);
    rmSync(venv, { recursive: true, force: true });
    mkdirSync(venv, { recursive: true });
    // First of all, so that an interruption from here on leaves something that is recognised as half-done.
    writeStamp(venv, { state: "installing", created: true, interpreter: "", version: python.version, pins: [] });
    await createEnvironment(venv, python.info, uv);
  }
  const created = reason !== undefined || stamp?.created === true;
  const before = await inspectPython(executable);
  const pins = applicablePins(plan.pins, before.markers);
  const missing = missingPins(pins, before);
  const interrupted = reason === undefined && stamp?.state === "installing";
  const known = {
    created,
    interpreter: interpreterIdentity(venv) ?? "",
    version: before.version,
  };
  if (missing.length > 0 || interrupted) {
    writeStamp(venv, { ...known, state: "installing", pins: [] });
    const tool = uv === undefined ? "pip" : `uv ${uv.version}`;
    step(`Installing ${interrupted ? pins.length : missing.length} packages with ${tool} (locked by hash)`);
    await installLock({ venv, base: python.info, uv, locks, pins, reinstall: interrupted, onEvent });
    const left = missingPins(pins, await inspectPython(executable));
    if (left.length > 0) {
      throw new SetupError(
        `Cannot finish ${venv}: ${left.map((pin) => `${pin.name} ${pin.version}`).join(", ")} did not arrive; ` +
          `remove the folder and run "deno task setup" again`,
      );
    }
  }
  const names = new Set(plan.pins.map((pin) => pin.name));
  const kept = (stamp?.state === "ready" && reason === undefined ? stamp.pins : [])
    .filter((key) => !names.has(key.split("==")[0] ?? ""));
  writeStamp(venv, { ...known, state: "ready", pins: [...kept, ...plan.pins.map((pin) => pin.key)].sort() });
  const changed = reason !== undefined || missing.length > 0 || interrupted;
  return { venv, executable, version: before.version, changed };
}

/** Why the environment must be made anew; undefined when the one that is there can be used. */
async function reasonToCreate(
  venv: string,
  stamp: Stamp | undefined,
  named: PythonInfo | undefined,
): Promise<string | undefined> {
  if (!existsSync(venv) || readdirSync(venv).length === 0) return "There is no environment yet";
  if (stamp?.state === "installing" && stamp.created) return "The last setup was interrupted";
  const isVenv = existsSync(join(venv, "pyvenv.cfg"));
  if (!isVenv && stamp === undefined) {
    throw new SetupError(`Cannot use ${venv}: it is no virtual environment; rename or remove it`);
  }
  if (interpreterIdentity(venv) === undefined) return "The environment has lost its Python";
  let own;
  try {
    own = await inspectPython(venvPython(venv));
  } catch (error) {
    if (error instanceof PythonNotFoundError) return "The environment's Python does not run any more";
    throw error;
  }
  if (named !== undefined && own.baseExecutable !== named.baseExecutable) {
    if (stamp?.created !== true) {
      throw new SetupError(
        `Cannot use ${named.executable}: ${venv} was made by somebody else from ${own.baseExecutable}; remove it, or ` +
          `leave the interpreter unnamed`,
      );
    }
    return `Another Python was asked for`;
  }
  const minor = (version: string): string => version.split(".").slice(0, 2).join(".");
  if (stamp !== undefined && stamp.version !== "" && minor(stamp.version) !== minor(own.version)) {
    return `Python went from ${stamp.version} to ${own.version}`;
  }
  return undefined;
}
