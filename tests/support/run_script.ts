import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { runtimeName } from "../../lib/host/mod.ts";
import type { TempFolder } from "./gate.ts";
import { PYTHON, PYTHON_HELPERS, ROOT } from "./python.ts";

/** How a script ended. */
export interface ScriptResult {
  /** Exit status, or null when a signal ended it. */
  readonly code: number | null;
  /** The signal that ended it. */
  readonly signal: string | null;
  /** What it printed. */
  readonly stdout: string;
  /** What it complained about. */
  readonly stderr: string;
}

/** A script that runs. */
export interface RunningScript {
  /** Its process. */
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly printed: () => string;
  /** How it ends; killed after `limitMs`, which fails the test that looks at the status. */
  readonly ended: Promise<ScriptResult>;
}

/** Options of {@linkcode startScript}. */
export interface ScriptOptions {
  /** Where the script is written. */
  readonly folder: TempFolder;
  /** Variables set on top of those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Make `gc()` callable. */
  readonly exposeGc?: boolean;
  /** Longest run, in milliseconds. */
  readonly limitMs?: number;
}

/** Head of every script: the public API, and options for a bridge that finds the helpers. */
const HEAD = `
import * as sb from ${JSON.stringify(pathToFileURL(join(ROOT, "mod.ts")).href)};
const options = { python: ${JSON.stringify(PYTHON)}, pythonPaths: [${JSON.stringify(PYTHON_HELPERS)}], size: 1 };
`;

let scripts = 0;

/** Starts a script on the runtime this runs on. `sb` is the package, `options` those of a bridge. */
export function startScript(source: string, options: ScriptOptions): RunningScript {
  const file = options.folder.file(`script_${++scripts}.ts`);
  writeFileSync(file, `${HEAD}\n${source}\n`);
  const deno = runtimeName() === "deno";
  const args = deno
    ? [
      "run",
      "-A",
      "--no-check",
      "--config",
      join(ROOT, "deno.json"),
      ...(options.exposeGc === true ? ["--v8-flags=--expose-gc"] : []),
      file,
    ]
    : [file];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, SNAKEBRIDGE_PYTHON: PYTHON, NO_COLOR: "1", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Uint8Array) => stdout += chunk.toString());
  child.stderr?.on("data", (chunk: Uint8Array) => stderr += chunk.toString());
  const limit = setTimeout(() => child.kill("SIGKILL"), options.limitMs ?? 30_000);
  const ended = new Promise<ScriptResult>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(limit);
      resolve({ code, signal, stdout, stderr });
    });
  });
  return { child, printed: () => stdout, ended };
}

/** Runs a script to its end. */
export function runScript(source: string, options: ScriptOptions): Promise<ScriptResult> {
  return startScript(source, options).ended;
}
