import process from "node:process";
import { PythonNotFoundError, PythonVersionError } from "../errors/mod.ts";
import { pythonNotFound, pythonTooOld } from "./hints.ts";
import { inspectPython, type PythonInfo } from "./inspect.ts";
import { type Interpreter, locatePython, type LocatePythonOptions } from "../interpreter/mod.ts";
import { MIN_PYTHON_VERSION, NEWEST_PYTHON_MINOR } from "./version.ts";

/** An interpreter that was run and answered. */
export interface FoundPython extends Interpreter {
  /** Its version, such as `3.11.7`. */
  readonly version: string;
  /** All that it said. */
  readonly info: PythonInfo;
}

/** The names tried on `PATH`, in order. */
export function pythonNames(platform: string = process.platform): readonly string[] {
  const oldest = Number(MIN_PYTHON_VERSION.split(".")[1]);
  const exact = Array.from(
    { length: NEWEST_PYTHON_MINOR - oldest + 1 },
    (_, i) => `python3.${NEWEST_PYTHON_MINOR - i}`,
  );
  return platform === "win32" ? ["python", "py", ...exact] : ["python3", ...exact, "python"];
}

/**
 * Finds an interpreter that works: looks where {@linkcode locatePython} looks, runs what is there, and goes on to
 * `python3.14` down to `python3.10` and `python` when `python3` is missing or too old.
 *
 * An interpreter that was named (by option or by `SNAKEBRIDGE_PYTHON`) must work; nothing else is tried in its place.
 *
 * @throws {PythonNotFoundError} If there is none; `searched` says where it looked.
 * @throws {PythonVersionError} If there are only older ones than 3.10.
 *
 * @example Which Python, and which version
 * ```ts
 * const python = await findPython();
 * console.log(python.executable, python.version, python.source);
 * ```
 */
export async function findPython(options: LocatePythonOptions = {}): Promise<FoundPython> {
  const first = locatePython(options);
  if (first.source === "option" || first.source === "SNAKEBRIDGE_PYTHON") return await tryPython(first);
  const candidates: Interpreter[] = first.source === "PATH" ? [] : [first];
  candidates.push(...pythonNames().map((executable) => ({ executable, source: "PATH" as const })));

  const searched: string[] = [];
  let tooOld: PythonVersionError | undefined;
  let oldExecutable = "";
  for (const candidate of candidates) {
    searched.push(candidate.source === "PATH" ? `${candidate.executable} on PATH` : candidate.executable);
    try {
      return await tryPython(candidate);
    } catch (error) {
      if (error instanceof PythonVersionError) {
        if (tooOld === undefined) oldExecutable = candidate.executable;
        tooOld ??= error;
      } else if (!(error instanceof PythonNotFoundError)) {
        throw error;
      }
    }
  }
  if (tooOld !== undefined) throw pythonTooOld(tooOld.found, oldExecutable, searched);
  throw pythonNotFound(searched);
}

async function tryPython(candidate: Interpreter): Promise<FoundPython> {
  const info = await inspectPython(candidate.executable);
  return { executable: info.executable, source: candidate.source, version: info.version, info };
}
