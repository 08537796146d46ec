/**
 * Runs every check and every test: `deno task test [filter]...`. Needs nothing but Deno and Python; Bun comes with the
 * lock file, Python packages are set up first. Ends with a line `N passed, N failed`.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve, sep } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { createProgress } from "../../lib/cli/mod.ts";
import { setupEnvironment } from "../../lib/env/mod.ts";
import { SnakeBridgeError } from "../../lib/errors/mod.ts";
import { findBun } from "./find_bun.ts";
import { countTests, type StepResult, sumUp } from "./test_report.ts";

const HELP = `Usage: deno task test [options] [filter]...

A filter is a part of a path (lib/protocol, test_worker.py): only test files whose path holds one of them run.

  --only STEP    run only this step; may be given several times
  --checks       run the checks and no tests
  --list         print the names of the steps
  --help         this text`;

/** One command of the suite. */
interface Step {
  readonly name: string;
  /** What it proves, in a few words. */
  readonly about: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Folder it runs in, relative to the root. */
  readonly cwd?: string;
  /** JUnit report that the command writes; tells a test runner from a check. */
  readonly report?: string;
}

const ROOT = resolve(import.meta.dirname ?? ".", "..", "..");
const ENTRY_POINTS = ["mod.ts", "lib/arrow/mod.ts", "lib/wrapper/mod.ts", "codegen/config.ts", "codegen/cli.ts"];
// A hung runner must not hold CI for hours; the whole suite is meant to take less than this.
const STEP_TIMEOUT_MS = 15 * 60_000;
// Of a long output the beginning has the first failure and the end has the summary.
const SHOWN_LINES = 150;
const HEARTBEAT_MS = 20_000;
// Bun's own limit of 5 s a test is too short for tests that start Python and import pandas on a busy machine.
const BUN_TEST_TIMEOUT_MS = 120_000;

async function main(): Promise<number> {
  const { values, positionals: filters } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: "string", multiple: true },
      checks: { type: "boolean" },
      list: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  process.chdir(ROOT);
  const python = values.list ? "python" : await setUpPython();
  const reports = mkdtempSync(join(tmpdir(), "snakebridge-reports-"));
  try {
    const all = [...checks(python), ...tests(python, reports, filters)];
    if (values.list) {
      for (const { name, about } of all) console.log(`${name.padEnd(12)}${about}`);
      return 0;
    }
    const unknown = values.only?.find((name) => !STEP_NAMES.includes(name));
    if (unknown !== undefined) {
      throw new RangeError(`No step is named "${unknown}"; there are ${STEP_NAMES.join(", ")}`);
    }
    const steps = all.filter((step) => {
      if (values.only !== undefined) return values.only.includes(step.name);
      if (values.checks) return step.report === undefined;
      return filters.length === 0 || step.report !== undefined;
    });
    if (steps.length === 0) throw new RangeError(`No test file's path holds ${filters.join(" or ")}`);
    return await runSteps(steps, environment(python));
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
}

async function setUpPython(): Promise<string> {
  const progress = createProgress(process.stderr);
  try {
    const locks = ["python/requirements-dev.lock"];
    return (await setupEnvironment({ project: ROOT, locks, onEvent: progress.take })).executable;
  } finally {
    progress.end();
  }
}

const STEP_NAMES = [
  "format",
  "lint",
  "types",
  "docs",
  "arrows",
  "publish",
  "ruff",
  "ruff-format",
  "mypy",
  "codegen",
  "deno",
  "bun",
  "pytest",
];

function checks(python: string): Step[] {
  const deno = process.execPath;
  const step = (name: string, about: string, command: string, ...args: string[]): Step => ({
    name,
    about,
    command,
    args,
  });
  const inPython = (name: string, about: string, ...args: string[]): Step => ({
    ...step(name, about, python, "-m", ...args),
    cwd: "python",
  });
  return [
    step("format", "TypeScript, JSON and Markdown are formatted", deno, "fmt", "--check"),
    step("lint", "no lint in TypeScript", deno, "lint"),
    step("types", "every source, test, example and generated wrapper is well typed", deno, "check", "--frozen", "."),
    step("docs", "every public symbol is documented", deno, "doc", "--lint", ...ENTRY_POINTS),
    step("arrows", "imports point down", deno, "run", "--frozen", "--allow-read", "tests/tools/arrows.ts"),
    step("publish", "the registry would take the package", deno, "publish", "--dry-run", "--allow-dirty"),
    inPython("ruff", "no lint in Python", "ruff", "check", "."),
    inPython("ruff-format", "Python is formatted", "ruff", "format", "--check", "."),
    inPython("mypy", "Python is well typed", "mypy"),
    ...filesBelow(["examples", "tests"], /(^|\/)snakebridge\.config\.ts$/).map((config) =>
      step(
        "codegen",
        `the wrappers of ${config} are up to date`,
        deno,
        ...["run", "--frozen", "-A", "lib/cli/main.ts", "codegen", "--check", "--config", config],
      )
    ),
  ];
}

function tests(python: string, reports: string, filters: readonly string[]): Step[] {
  const matches = (file: string): boolean => filters.length === 0 || filters.some((filter) => file.includes(filter));
  const typescript = filesBelow(["codegen", "examples", "lib", "tests"], /_test\.ts$/).filter(matches);
  const pythonTests = filesBelow(["python/tests"], /(^|\/)test_[^/]*\.py$/).filter(matches);
  const report = (name: string): string => join(reports, `${name}.xml`);
  const steps: Step[] = [];
  if (typescript.length > 0) {
    steps.push({
      name: "deno",
      about: "TypeScript tests on Deno",
      command: process.execPath,
      args: ["test", "-A", "--no-check", "--frozen", `--junit-path=${report("deno")}`, ...typescript],
      report: report("deno"),
    });
    const junit = ["--reporter=junit", `--reporter-outfile=${report("bun")}`];
    steps.push({
      name: "bun",
      about: "TypeScript tests on Bun",
      command: findBun(ROOT),
      // A leading "./" makes Bun take a path for a path and not for a pattern.
      args: ["test", `--timeout=${BUN_TEST_TIMEOUT_MS}`, ...junit, ...typescript.map((file) => `./${file}`)],
      report: report("bun"),
    });
  }
  if (pythonTests.length > 0) {
    const args = ["-m", "pytest", "-c", "python/pyproject.toml", `--junit-xml=${report("pytest")}`, ...pythonTests];
    steps.push({ name: "pytest", about: "Python tests", command: python, args, report: report("pytest") });
  }
  return steps;
}

function filesBelow(folders: readonly string[], pattern: RegExp): string[] {
  return folders.filter((folder) => existsSync(join(ROOT, folder))).flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .map((name) => `${folder}/${name.split(sep).join("/")}`)
      .filter((name) => pattern.test(name) && !/(^|\/)(node_modules|testdata|\.venv)\//.test(name))
  ).sort();
}

/** The environment of every step: both runtimes and the project's Python are found by name, whatever was on `PATH`. */
function environment(python: string): NodeJS.ProcessEnv {
  const programs = [dirname(process.execPath), dirname(python), dirname(findBun(ROOT))];
  return {
    ...process.env,
    PATH: [...programs, process.env.PATH ?? ""].join(delimiter),
    SNAKEBRIDGE_PYTHON: python,
    // Written by the runners for terminals; reports in a file are read by people.
    ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }),
  };
}

async function runSteps(steps: readonly Step[], env: NodeJS.ProcessEnv): Promise<number> {
  const startMs = performance.now();
  const results: StepResult[] = [];
  for (const [index, step] of steps.entries()) {
    const label = `[${String(index + 1).padStart(2)}/${steps.length}] ${step.name.padEnd(12)}`;
    console.log(`${label}${step.about}`);
    const stepStartMs = performance.now();
    const { code, output } = await runStep(step, env, label);
    const counts = step.report === undefined ? undefined : countTests(readIfThere(step.report));
    // A runner that ends well without having run a test has not proved anything.
    const ok = code === 0 && (counts === undefined || counts.passed > 0);
    results.push({ name: step.name, ok, counts });
    if (!ok) console.log(`\n${telling(output)}\n\n$ ${[step.command, ...step.args].join(" ")}\nstatus ${code}\n`);
    const sum = counts === undefined
      ? ""
      : `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped `;
    console.log(`${label}${ok ? "ok" : "FAILED"} ${sum}(${seconds(stepStartMs)})`);
  }
  const total = sumUp(results);
  const broken = results.filter(({ ok }) => !ok).map(({ name }) => name);
  console.log(
    `\n${steps.length} steps in ${seconds(startMs)}${broken.length === 0 ? "" : `; failed: ${broken.join(", ")}`}`,
  );
  if (total.skipped > 0) console.log(`${total.skipped} skipped`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 ? 0 : 1;
}

function runStep(step: Step, env: NodeJS.ProcessEnv, label: string): Promise<{ code: number; output: string }> {
  return new Promise((done) => {
    const startMs = performance.now();
    const child = spawn(step.command, [...step.args], {
      cwd: join(ROOT, step.cwd ?? "."),
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const lines: string[] = [];
    const take = (line: string): void => {
      lines.push(line);
    };
    createInterface({ input: child.stdout }).on("line", take);
    createInterface({ input: child.stderr }).on("line", take);
    const heartbeat = setInterval(() => {
      const last = lines.findLast((line) => line.trim() !== "")?.trim().slice(0, 100) ?? "";
      console.log(`${label}still running after ${seconds(startMs)}: ${last}`);
    }, HEARTBEAT_MS);
    const limit = setTimeout(() => {
      lines.push(`Killed: it ran longer than ${STEP_TIMEOUT_MS / 60_000} minutes`);
      child.kill("SIGKILL");
    }, STEP_TIMEOUT_MS);
    const end = (code: number): void => {
      clearInterval(heartbeat);
      clearTimeout(limit);
      done({ code, output: lines.join("\n") });
    };
    child.once("error", (error) => {
      lines.push(String(error));
      end(127);
    });
    child.once("close", (code) => end(code ?? -1));
  });
}

/** What is worth reading in the output of a failed step: a test runner's lines about success are not. */
function telling(output: string): string {
  const lines = output.split("\n").filter((line) =>
    !/^\s*\(pass\) |\.\.\. .*\bok\b.*\(\S+\)\S*$|^\S*Check\S* /.test(line)
  );
  if (lines.length <= 2 * SHOWN_LINES) return lines.join("\n").trim();
  const left = lines.length - 2 * SHOWN_LINES;
  return [...lines.slice(0, SHOWN_LINES), `... ${left} lines left out ...`, ...lines.slice(-SHOWN_LINES)].join("\n")
    .trim();
}

function readIfThere(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1_000).toFixed(1)} s`;
}

if (import.meta.main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof SnakeBridgeError || error instanceof RangeError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
