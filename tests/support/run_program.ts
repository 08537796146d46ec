import { spawn } from "node:child_process";
import { existsSync, symlinkSync } from "node:fs";
import process from "node:process";
import type { TempFolder } from "./gate.ts";

/** How a program ended. */
export interface ProgramResult {
  /** Exit status, or null when a signal ended it. */
  readonly code: number | null;
  /** The signal that ended it: `SIGKILL` when it ran past its limit. */
  readonly signal: string | null;
  /** What it printed. */
  readonly stdout: string;
  /** What it complained about, without colours. */
  readonly stderr: string;
}

/** Options of {@linkcode runProgram}. */
export interface RunProgramOptions {
  /** Its working directory. */
  readonly cwd: string;
  /** Variables set on top of those of this process; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * Longest run, in milliseconds.
   *
   * @default {60_000}
   */
  readonly limitMs?: number;
}

/** Why a suite that is about Deno has nothing to do here; undefined where it can run. */
export const NOT_ON_DENO: string | false = "deno" in process.versions
  ? false
  : "it starts Deno by itself and has run under deno test";

/**
 * Deno under another name. A Deno that starts itself by its own path adds `--allow-all` where it sees no flag it knows,
 * as Node's programs expect, which would make every test of permissions pass.
 */
export function denoIn(folder: TempFolder): string {
  const link = folder.file("deno");
  if (!existsSync(link)) symlinkSync(process.execPath, link);
  return link;
}

/** Runs a program to its end, without a terminal to ask anything on. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: RunProgramOptions,
): Promise<ProgramResult> {
  const env = Object.fromEntries(
    Object.entries({ ...process.env, NO_COLOR: "1", ...options.env })
      .filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const child = spawn(command, [...args], { cwd: options.cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => stdout += text);
  child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
  const limit = setTimeout(() => child.kill("SIGKILL"), options.limitMs ?? 60_000);
  return new Promise((resolve, reject) => {
    child.once("error", (error) => {
      clearTimeout(limit);
      reject(error);
    });
    child.once("close", (code, signal) => {
      clearTimeout(limit);
      resolve({ code, signal, stdout, stderr });
    });
  });
}
