/**
 * Starts scripts, ends each with SIGKILL at a random moment of its life, and looks for Python processes left behind.
 *
 * `deno run -A tests/faults/kill_storm.ts 1000` or `bun tests/faults/kill_storm.ts 300`.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import process from "node:process";
import { TempFolder, until } from "../support/gate.ts";
import { processesWithEnv } from "../support/processes.ts";
import { startScript } from "../support/run_script.ts";

/** Options of {@linkcode killStorm}. */
export interface KillStormOptions {
  /** How many scripts. */
  readonly scripts: number;
  /** How many at a time. */
  readonly parallel: number;
  /** Called after each script. */
  readonly onEnd?: (done: number) => void;
}

/** What is left after the storm. */
export interface KillStormResult {
  /** Process ids of what is left. */
  readonly left: readonly number[];
  /** Scripts started. */
  readonly scripts: number;
  /** Python processes that lived when their script was killed. */
  readonly workersSeen: number;
  /** Longest wait from a kill until nothing of its script lived, in milliseconds. */
  readonly slowestMs: number;
}

const MARK = "SNAKEBRIDGE_STORM";
// A little longer than a script needs to start and get its first results, so that kills fall on every stage.
const LONGEST_LIFE_MS = 400;
const GONE_MS = 10_000;

const WORK = [
  "",
  `void bridge.call("sbtest", "spin");`,
  `void bridge.call("time", "sleep", [3600]);`,
  `void bridge.call("builtins", "pow", [7, 10n ** 10n, 3n ** 20000n]);`,
  `while (true) await Promise.all([bridge.call("math", "sqrt", [4]), bridge.import("sbtest").Point(1).moved(1).x]);`,
];

/** Runs the storm. */
export async function killStorm({ scripts, parallel, onEnd }: KillStormOptions): Promise<KillStormResult> {
  using folder = new TempFolder();
  const storm = randomUUID();
  let started = 0;
  let done = 0;
  let workersSeen = 0;
  let slowestMs = 0;
  const left: number[] = [];
  const one = async (index: number): Promise<void> => {
    const mark = `${storm}-${index}`;
    const script = startScript(
      `const bridge = await sb.SnakeBridge.start({ ...options, size: 2, stderr: "ignore" });
      ${WORK[index % WORK.length]}
      setInterval(() => {}, 1000);`,
      { folder, env: { [MARK]: mark } },
    );
    await new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_LIFE_MS));
    const host = script.child.pid as number;
    workersSeen += processesWithEnv(MARK, mark).filter((pid) => pid !== host).length;
    process.kill(host, "SIGKILL");
    const killedAt = performance.now();
    await script.ended;
    try {
      await until("nothing of the script lives", () => processesWithEnv(MARK, mark).length === 0, GONE_MS);
    } catch {
      left.push(...processesWithEnv(MARK, mark));
    }
    slowestMs = Math.max(slowestMs, performance.now() - killedAt);
    done += 1;
    onEnd?.(done);
  };
  const lane = async (): Promise<void> => {
    while (started < scripts) await one(started++);
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  return { left, scripts: done, workersSeen, slowestMs };
}

if (import.meta.main) {
  const scripts = Number(process.argv[2] ?? 100);
  const start = performance.now();
  const result = await killStorm({
    scripts,
    parallel: 2,
    onEnd: (done) => {
      if (done % 50 === 0) console.log(`${done} of ${scripts}`);
    },
  });
  const seconds = ((performance.now() - start) / 1_000).toFixed(0);
  console.log(
    `${result.scripts} scripts killed in ${seconds} s, ${result.workersSeen} workers lived at that moment, ` +
      `slowest to vanish ${result.slowestMs.toFixed(0)} ms, left behind: ${result.left.length}`,
  );
  for (const pid of result.left) console.log(`left: ${pid}`);
  process.exitCode = result.left.length === 0 ? 0 : 1;
}
