import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { venvPython } from "../../lib/interpreter/mod.ts";

/** The project's folder. */
export const ROOT: string = resolve(import.meta.dirname ?? ".", "..", "..");

/** Folder of the Python files that tests call. */
export const PYTHON_HELPERS: string = join(ROOT, "tests", "support", "py");

/** The interpreter of every test: `SNAKEBRIDGE_PYTHON`, else the project's virtual environment, else `python3`. */
export const PYTHON: string = findPython();

function findPython(): string {
  const named = process.env.SNAKEBRIDGE_PYTHON;
  if (named !== undefined && named !== "") return named;
  const own = venvPython(join(ROOT, ".venv"));
  return existsSync(own) ? own : "python3";
}
