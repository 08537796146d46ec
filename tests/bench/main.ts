/**
 * Measures calls, chains, values, bytes, iteration and cold start on both runtimes, beside the raw limits:
 * `deno task bench`. It measures and does not judge: the exit status is 0 unless something failed to run.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { locatePython } from "../../lib/interpreter/mod.ts";
import { findBun } from "../tools/find_bun.ts";
import { coldStart, type Runtime } from "./cold_start.ts";
import { runMeasure } from "./measure.ts";
import { IN_PROCESS_NAMES } from "./measures.ts";
import { type BenchReport, drawTable, type HalfReport } from "./report.ts";

const ROOT = resolve(import.meta.dirname ?? ".", "..", "..");
const NAMES = [...IN_PROCESS_NAMES, "cold"];
// Many short rounds: whether two processes share a core changes the time of a call threefold, and the system decides
// that anew now and then.
const ROUNDS = 25;
const COLD_ROUNDS = 11;
const QUICK = { rounds: 2, scale: 0.05 };

const HELP = `Usage: deno task bench [options]

  --quick              a fraction of the calls, two rounds: shows that everything runs, not how fast
  --runtime NAME       deno, bun or both (default: both)
  --only NAME          one of ${NAMES.join(", ")}; may be given several times
  --cores N            1: everything on one core; 2: JavaScript on one, Python on another (Linux). Steadier than
                       leaving it to the system, which puts two busy processes now on one core and now on two
  --rounds N           rounds that count (default: ${ROUNDS}; numbers are medians over them)
  --json FILE          where the numbers go (default: .snakebridge/bench.json)
  --help               this text`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      runtime: { type: "string", default: "both" },
      only: { type: "string", multiple: true },
      cores: { type: "string" },
      rounds: { type: "string" },
      json: { type: "string", default: join(ROOT, ".snakebridge", "bench.json") },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return console.log(HELP);
  const { quick, json, cores } = values;
  if (cores !== undefined && cores !== "1" && cores !== "2") {
    throw new RangeError(`Cannot measure: --cores is "${cores}", expected 1 or 2`);
  }
  const rounds = Number(values.rounds ?? (quick ? QUICK.rounds : ROUNDS));
  if (!Number.isSafeInteger(rounds) || rounds < 1) {
    throw new RangeError(`Cannot measure: --rounds is ${values.rounds}, expected a whole number from 1`);
  }
  const only = values.only ?? NAMES;
  const unknown = only.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    throw new RangeError(`Cannot measure: --only is "${unknown}", expected one of ${NAMES.join(", ")}`);
  }
  const report: BenchReport = {
    date: new Date().toISOString(),
    quick,
    pinnedCores: cores === undefined ? null : Number(cores),
    rounds,
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: availableParallelism(),
      platform: `${process.platform} ${process.arch}`,
    },
    runtimes: {},
  };
  for (const runtime of runtimesOf(values.runtime)) {
    const half = await measureHere(runtime, only, rounds, quick ? QUICK.scale : 1, cores);
    report.runtimes[runtime.name] = half;
    console.log(`\n${drawTable(`${runtime.name}, ${titleOf(half)}`, half.rows)}\n`);
  }
  mkdirSync(dirname(resolve(json)), { recursive: true });
  writeFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`);
  console.log(`Written to ${json}`);
}

function titleOf({ python, codec }: HalfReport): string {
  return `Python ${python.split(" ")[0]} with ${codec}`;
}

function runtimesOf(name: string): Runtime[] {
  // The one that runs this is known; the other one is looked for, and its absence is an error only when it is wanted.
  const deno = (): Runtime => ({
    name: "deno",
    program: process.versions.deno === undefined ? "deno" : process.execPath,
    args: ["run", "--frozen", "-A"],
  });
  const bun = (): Runtime => ({ name: "bun", program: findBun(ROOT), args: ["run"] });
  switch (name) {
    case "deno":
      return [deno()];
    case "bun":
      return [bun()];
    case "both":
      return [deno(), bun()];
    default:
      throw new RangeError(`Cannot measure: --runtime is "${name}", expected deno, bun or both`);
  }
}

async function measureHere(
  runtime: Runtime,
  only: readonly string[],
  rounds: number,
  scale: number,
  cores: string | undefined,
): Promise<HalfReport> {
  process.stderr.write(`${runtime.name}: `);
  const inProcess = only.filter((name) => IN_PROCESS_NAMES.includes(name));
  const options = ["--rounds", String(rounds), "--scale", String(scale), ...inProcess.flatMap((n) => ["--only", n])];
  if (cores === "2") options.push("--python-core", "1");
  const script = join(import.meta.dirname ?? ".", "half.ts");
  // Without a measure it still tells which Python and which codec there are.
  const half = JSON.parse(
    await output(cores === undefined ? runtime : onFirstCore(runtime), [
      script,
      ...options,
      ...(inProcess.length === 0 ? ["--only", "none"] : []),
    ]),
  ) as HalfReport;
  if (only.includes("cold")) {
    process.stderr.write("cold ");
    const { rows, samples } = await runMeasure(
      coldStart(runtime, locatePython().executable),
      Math.min(rounds, COLD_ROUNDS),
    );
    half.rows.push(...rows);
    half.samples.cold = samples;
  }
  process.stderr.write("\n");
  return half;
}

/** On one core, with all that it starts. */
function onFirstCore({ name, program, args }: Runtime): Runtime {
  return { name, program: "taskset", args: ["-c", "0", program, ...args] };
}

/** What a script writes to standard output. */
function output(runtime: Runtime, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(runtime.program, [...runtime.args, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
      cwd: ROOT,
      env: { ...process.env },
    });
    let text = "";
    child.stdout.setEncoding("utf8");
    child.stdout.on("data", (chunk: string) => text += chunk);
    child.once("error", reject);
    child.once("close", (status, signal) => {
      if (status === 0) resolve(text);
      else reject(new Error(`Cannot measure on ${runtime.name}: ${args[0]} ended with ${status ?? signal}`));
    });
  });
}

try {
  await main();
} catch (error) {
  console.error(error instanceof RangeError ? error.message : error);
  process.exitCode = 1;
}
