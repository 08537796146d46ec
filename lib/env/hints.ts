import process from "node:process";
import { PythonNotFoundError, PythonVersionError } from "../errors/mod.ts";
import { MIN_PYTHON_VERSION } from "./version.ts";

/** The command that installs Python on this system. */
export function pythonInstallHint(platform: string = process.platform): string {
  switch (platform) {
    case "darwin":
      return `"brew install python3"`;
    case "win32":
      return `"winget install Python.Python.3.13"`;
    default:
      return `"sudo apt install python3 python3-venv" (or your system's equivalent)`;
  }
}

/** The error for a search that found nothing, or for a named interpreter that does not exist. */
export function pythonNotFound(searched: readonly string[], cause?: unknown): PythonNotFoundError {
  return new PythonNotFoundError(
    `Cannot find Python ${MIN_PYTHON_VERSION} or newer: looked at ${searched.join(", ")}; ` +
      `install it with ${pythonInstallHint()}, or name one with SNAKEBRIDGE_PYTHON=/path/to/python3`,
    searched,
    cause,
  );
}

/** The error for an interpreter that is too old. */
export function pythonTooOld(version: string, executable: string, searched: readonly string[]): PythonVersionError {
  return new PythonVersionError(
    `Cannot use Python ${version} at ${executable}: wanted ${MIN_PYTHON_VERSION} or newer, looked at ` +
      `${searched.join(", ")}; install a newer one with ${pythonInstallHint()}, or name one with ` +
      `SNAKEBRIDGE_PYTHON=/path/to/python3`,
    version,
    MIN_PYTHON_VERSION,
  );
}
