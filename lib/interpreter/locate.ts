import { existsSync, statSync } from "node:fs";
import { basename, isAbsolute, join, resolve } from "node:path";
import process from "node:process";
import { mayReadEnv, mayReadPath, mayRun, readEnv } from "../host/mod.ts";

/** What named an interpreter. */
export type PythonSource = "option" | "SNAKEBRIDGE_PYTHON" | "VIRTUAL_ENV" | "project .venv" | "PATH";

/** A Python interpreter, and how it was found. */
export interface Interpreter {
  /** A path, or a name to find on `PATH`. */
  readonly executable: string;
  /** What named it. */
  readonly source: PythonSource;
  /** Its version, such as `3.11.7`, where it was asked. */
  readonly version?: string;
  /** What to grant so that another one is found, when some places could not be looked at; ends a sentence. */
  readonly advice?: string;
}

/** Options for {@linkcode locatePython}. */
export interface LocatePythonOptions {
  /** An interpreter or a virtual environment's folder; goes before everything else. */
  readonly python?: string | undefined;
  /**
   * Folder whose `.venv` is looked at.
   *
   * @default {process.cwd()}
   */
  readonly project?: string | undefined;
}

/** Path of the interpreter inside a virtual environment. */
export function venvPython(folder: string, platform: string = process.platform): string {
  return platform === "win32" ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");
}

/**
 * Names the interpreter to use, in this order: `python`, the environment variable `SNAKEBRIDGE_PYTHON` (both an
 * interpreter or a virtual environment's folder), the active `VIRTUAL_ENV`, the project's `.venv`, `python3`.
 *
 * Starts nothing, waits for nothing and needs no permission: a variable that may not be read counts as absent, and a
 * path as there when Deno was told to let just that run. So the interpreter it names may be missing or too old; starting
 * it tells.
 *
 * @example Which Python would run
 * ```ts
 * console.log(locatePython().executable); // python3
 * ```
 */
export function locatePython(options: LocatePythonOptions = {}): Interpreter {
  if (options.python !== undefined && options.python !== "") {
    return { executable: interpreterOf(options.python), source: "option" };
  }
  const named = readEnv("SNAKEBRIDGE_PYTHON");
  if (named !== undefined && named !== "") return { executable: interpreterOf(named), source: "SNAKEBRIDGE_PYTHON" };
  const active = readEnv("VIRTUAL_ENV");
  if (active !== undefined && active !== "") return { executable: venvPython(active), source: "VIRTUAL_ENV" };
  const own = venvPython(absolute(join(options.project ?? "", ".venv")));
  if (mayReadPath(own) ? existsSync(own) : mayRun(own) && !mayRun()) {
    return { executable: own, source: "project .venv" };
  }
  const unread = ["SNAKEBRIDGE_PYTHON", "VIRTUAL_ENV"].filter((name) => !mayReadEnv(name));
  const advice = [
    ...(mayReadPath(own) ? [] : [`--allow-run=${own} for that virtual environment`]),
    ...(unread.length === 0 ? [] : [`--allow-env=${unread.join(",")} for the interpreter named there`]),
  ];
  return {
    // "python" alone is Python 2 on older systems, but on Windows it is the only name there is.
    executable: process.platform === "win32" ? "python" : "python3",
    source: "PATH",
    ...(advice.length === 0 ? {} : { advice: advice.join(", or ") }),
  };
}

/** Turns the name of a virtual environment's folder into its interpreter and leaves an interpreter's name alone. */
export function interpreterOf(name: string): string {
  const inside = venvPython(absolute(name));
  if (isFolder(name, inside)) return inside;
  // A path must mean the same after the child's working directory was set to another one.
  return /[\\/]/.test(name) ? absolute(name) : name;
}

function isFolder(name: string, inside: string): boolean {
  if (mayReadPath(name)) return statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;
  // It may not be looked at. What Deno was told to let run tells what it is, else its name does.
  if (!mayRun()) {
    if (mayRun(name)) return false;
    if (mayRun(inside)) return true;
  }
  return !/py(?:thon|py)/i.test(basename(name));
}

function absolute(path: string): string {
  if (isAbsolute(path)) return path;
  try {
    return resolve(path);
  } catch {
    // Deno may not say where it is without a read permission; the path then stays relative to it.
    return path;
  }
}
