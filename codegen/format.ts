/**
 * Formats generated files exactly as `deno fmt` would, by asking it.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";

/** Formats files, given and answered by path. The width is 120, with no other setting changed. */
export async function formatFiles(files: ReadonlyMap<string, string>): Promise<Map<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "snakebridge-format-"));
  try {
    for (const [path, text] of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    await runFormatter(folder);
    const formatted = new Map<string, string>();
    for (const path of files.keys()) formatted.set(path, await readFile(join(folder, path), "utf8"));
    return formatted;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function runFormatter(folder: string): Promise<void> {
  // Under Deno this very program formats; under Bun the one on the path.
  const program = "deno" in process.versions ? process.execPath : "deno";
  return new Promise((resolve, reject) => {
    const child = spawn(program, ["fmt", "--quiet", "--no-config", "--line-width", "120", folder], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr!.on("data", (chunk: Uint8Array) => stderr += new TextDecoder().decode(chunk));
    child.on("error", (error) => {
      reject(
        new Error(`Cannot format generated files: ${program} did not run; install Deno or put it on PATH`, {
          cause: error,
        }),
      );
    });
    child.on("close", (status) => {
      if (status === 0) resolve();
      else reject(new Error(`Cannot format generated files: deno fmt ended with status ${status}: ${stderr.trim()}`));
    });
  });
}
