import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/**
 * Finds the Bun that Deno installed from the lock file. Deno runs no install scripts, so the npm package `bun` is only a
 * placeholder; the program lies in one of the platform packages beside it, and which of them (glibc or musl, with AVX2 or
 * without) runs on this machine is found out by trying.
 *
 * @param root The project's folder.
 * @throws {Error} If none of them runs.
 */
export function findBun(root: string): string {
  const store = join(root, "node_modules", ".deno");
  const program = process.platform === "win32" ? "bun.exe" : "bun";
  const tried: string[] = [];
  const folders = existsSync(store) ? readdirSync(store).filter((name) => name.startsWith("@oven+bun-")) : [];
  // Plain glibc names are shorter than "-musl" and "-baseline": the likely one is tried first.
  for (const folder of folders.sort((a, b) => a.length - b.length)) {
    const name = folder.slice("@oven+".length).replace(/@[^@]*$/, "");
    const path = join(store, folder, "node_modules", "@oven", name, "bin", program);
    if (!existsSync(path)) continue;
    tried.push(path);
    const { status } = spawnSync(path, ["--version"], { stdio: "ignore", timeout: 20_000 });
    if (status === 0) return path;
  }
  throw new Error(
    `Cannot find a Bun that runs here: tried ${tried.length === 0 ? "none" : tried.join(", ")}; run "deno install"`,
  );
}
