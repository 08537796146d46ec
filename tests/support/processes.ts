import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Whether a process lives; one that has ended and was not collected yet does not. */
export function isAlive(pid: number): boolean {
  try {
    // The name stands in parentheses and may hold anything; the state is the letter behind it.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
    return stdout !== null && stdout.trim() !== "" && !/^[ZX]/.test(stdout.trim());
  }
}

/** Ids of living processes whose environment holds `NAME=value`; needs `/proc`. */
export function processesWithEnv(name: string, value: string): number[] {
  const wanted = `${name}=${value}`;
  return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry)).map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(wanted) && isAlive(pid);
    } catch {
      return false;
    }
  });
}
