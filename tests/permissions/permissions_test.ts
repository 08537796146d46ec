import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { interpreterOf, venvPython } from "../../lib/interpreter/mod.ts";
import { TempFolder } from "../support/gate.ts";
import { PYTHON, ROOT } from "../support/python.ts";
import { denoIn, NOT_ON_DENO, type ProgramResult, runProgram } from "../support/run_program.ts";
import type { Outcome, Outcomes } from "./outcome.ts";

/** A documented set of flags: with all of them calls work, and without one of them an error names it. */
interface FlagSet {
  readonly name: string;
  /** Each flag, and what the error tells to add without it. */
  readonly flags: readonly { readonly flag: string; readonly named: string }[];
  /** Options of the bridge. */
  readonly options?: { readonly python?: string; readonly env?: Readonly<Record<string, string>> };
  /** Variables that are set. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory; one without `.venv` when not given. */
  readonly cwd?: string;
}

const PROBE = join(ROOT, "tests", "permissions", "probe.ts");
const INTERPRETER = absoluteInterpreter();
const FOLDER = new TempFolder();
const PROJECT = FOLDER.file("project");
const VENV = join(PROJECT, ".venv");
const NO_VENV = existsSync(venvPython(join(ROOT, ".venv"))) ? false : "the project has no .venv: run deno task setup";

const COVERAGE = { flag: "--allow-env=NODE_V8_COVERAGE", named: "--allow-env=NODE_V8_COVERAGE" };
const PYTHON3 = { flag: "--allow-run=python3", named: "--allow-run=python3" };
const GIVEN = { flag: `--allow-run=${INTERPRETER}`, named: `--allow-run=${INTERPRETER}` };

/** What the README documents. `INTERPRETER` stands for the absolute path of a Python, such as one in `.venv/bin`. */
const DOCUMENTED: readonly FlagSet[] = [
  { name: "python3 from PATH", flags: [PYTHON3, COVERAGE] },
  {
    name: "python3 from PATH, reading no variable",
    flags: [PYTHON3, { flag: "--ignore-env=NODE_V8_COVERAGE", named: COVERAGE.named }],
  },
  {
    name: "python3 from PATH, with the whole environment for Python",
    flags: [PYTHON3, { flag: "--allow-env", named: COVERAGE.named }],
    // The loader's variables need more than a grant for one program; they must not spoil a start without it.
    env: { LD_LIBRARY_PATH: "/nowhere" },
  },
  { name: "an interpreter named by the option python", flags: [GIVEN, COVERAGE], options: { python: INTERPRETER } },
  {
    name: "an interpreter named by SNAKEBRIDGE_PYTHON",
    flags: [GIVEN, COVERAGE, { flag: "--allow-env=SNAKEBRIDGE_PYTHON", named: "--allow-env=SNAKEBRIDGE_PYTHON" }],
    env: { SNAKEBRIDGE_PYTHON: INTERPRETER },
  },
  {
    name: "a virtual environment's folder named by SNAKEBRIDGE_PYTHON",
    flags: [
      { flag: `--allow-run=${venvPython(VENV)}`, named: `--allow-run=${venvPython(VENV)}` },
      COVERAGE,
      { flag: "--allow-env=SNAKEBRIDGE_PYTHON", named: "--allow-env=SNAKEBRIDGE_PYTHON" },
    ],
    env: { SNAKEBRIDGE_PYTHON: VENV },
  },
  {
    name: "any program",
    flags: [{ flag: "--allow-run", named: `--allow-run=${venvPython(VENV)}` }, COVERAGE],
    options: { python: VENV },
  },
  {
    name: "the active virtual environment",
    flags: [
      { flag: `--allow-run=${venvPython(VENV)}`, named: `--allow-run=${venvPython(VENV)}` },
      COVERAGE,
      { flag: "--allow-env=VIRTUAL_ENV", named: "--allow-env=SNAKEBRIDGE_PYTHON,VIRTUAL_ENV" },
    ],
    env: { VIRTUAL_ENV: VENV },
  },
  {
    name: "the project's .venv",
    flags: [
      { flag: `--allow-run=${join(".venv", "bin", "python")}`, named: `--allow-run=${venvPython(VENV)}` },
      COVERAGE,
    ],
    cwd: PROJECT,
  },
];

after(() => FOLDER[Symbol.dispose]());

describe("Deno permissions", { skip: NOT_ON_DENO }, () => {
  before(() => {
    const { status, stderr } = spawnSync(INTERPRETER, ["-m", "venv", "--without-pip", VENV], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
  });

  for (const set of DOCUMENTED) {
    const { name } = set;
    it(`${name}: ${set.flags.map(({ flag }) => shown(flag)).join(" ")} is enough`, async () => {
      const { lazy, started } = await probe(set, set.flags.map(({ flag }) => flag));
      assert.deepEqual({ lazy, started }, { lazy: { value: 4 }, started: { value: 4 } });
    });

    for (const { flag, named } of set.flags) {
      it(`${name}: without ${shown(flag)} an error names the flag`, async () => {
        const rest = set.flags.filter((other) => other.flag !== flag).map((other) => other.flag);
        const { lazy, started } = await probe(set, rest);
        for (const outcome of [lazy, started]) assertNames(outcome, named);
      });
    }
  }

  it("a loader variable that the bridge is told to set needs --allow-run without names", async () => {
    const set: FlagSet = { name: "", flags: [], options: { env: { LD_LIBRARY_PATH: "/nowhere" } } };
    const { started } = await probe(set, ["--allow-run=python3", "--allow-env=NODE_V8_COVERAGE"]);
    assert.equal(started.flag, "--allow-run");
    assert.match(started.message ?? "", /LD_LIBRARY_PATH/);
    assert.deepEqual((await probe(set, ["--allow-run", "--allow-env=NODE_V8_COVERAGE"])).started, { value: 4 });
  });
});

/** A command of a task that runs with a permission set. */
interface TaskCommand {
  readonly task: string;
  readonly set: string;
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
}

describe("Permission sets of deno.json", { skip: NOT_ON_DENO }, () => {
  const config = readConfig();
  const commands = Object.entries(config.tasks).flatMap(([task, { command }]) => parseCommands(task, command));
  const inProject = { cwd: ROOT, env: { SNAKEBRIDGE_PYTHON: undefined, VIRTUAL_ENV: undefined } };

  it("are named by a task each, except local, which is for everybody", () => {
    const used = new Set(["local", ...commands.map(({ set }) => set)]);
    assert.deepEqual([...used].sort(), Object.keys(config.permissions).sort());
  });

  it("local is enough for calls with the project's .venv", { skip: NO_VENV }, async () => {
    const { lazy, started } = outcomes(await runProgram(denoIn(FOLDER), ["run", "-P=local", PROBE], inProject));
    assert.deepEqual({ lazy, started }, { lazy: { value: 4 }, started: { value: 4 } });
  });

  for (const { task, set, env, args } of commands) {
    // Takes long, and its set grants every kind it needs whole.
    if (set === "codegen") continue;
    // Tests leave the project as it is.
    const check = set === "setup" ? ["--check"] : [];
    it(`${set} is enough for task ${task}: ${args.join(" ")}`, { skip: NO_VENV }, async () => {
      const result = await runProgram(denoIn(FOLDER), ["run", "--no-prompt", `-P=${set}`, ...args, ...check], {
        cwd: ROOT,
        env: { ...inProject.env, ...env },
      });
      assert.equal(result.code, 0, result.stdout + result.stderr);
    });
  }

  for (const { task, set, env, args } of commands) {
    const flags = flagsOf(config.permissions[set] ?? {});
    // A set for an installer or a generator grants kinds whole; which of them a run needs depends on the machine.
    if (!flags.every(({ flag }) => flag.includes("="))) continue;
    for (const { flag, kind } of flags) {
      it(`${set} without ${shown(flag)} is not enough for task ${task}`, { skip: NO_VENV }, async () => {
        const rest = flags.filter((other) => other.flag !== flag).map((other) => other.flag);
        const result = await runProgram(denoIn(FOLDER), ["run", "--no-prompt", ...rest, ...args], {
          cwd: ROOT,
          env: { ...inProject.env, ...env },
        });
        assert.notEqual(result.code, 0, "it needs the permission");
        assert.match(result.stderr, new RegExp(`--allow-${kind}`), "the error names the flag");
      });
    }
  }
});

/** Runs the probe with these flags and the set's variables. */
async function probe(set: FlagSet, flags: readonly string[]): Promise<Outcomes> {
  const args = ["run", "--no-prompt", "--config", join(ROOT, "deno.json"), ...joined(flags), PROBE];
  const result = await runProgram(denoIn(FOLDER), [...args, JSON.stringify(set.options ?? {})], {
    // A folder without .venv, unless the set is about one.
    cwd: set.cwd ?? FOLDER.path,
    env: {
      SNAKEBRIDGE_PYTHON: undefined,
      VIRTUAL_ENV: undefined,
      // The first python3 is the interpreter of the tests, whatever else is there.
      PATH: [dirname(INTERPRETER), process.env.PATH ?? ""].join(delimiter),
      ...set.env,
    },
    limitMs: 30_000,
  });
  return outcomes(result);
}

/** Deno takes each kind of flag once. */
function joined(flags: readonly string[]): string[] {
  const names = new Map<string, string[]>();
  for (const flag of flags) {
    const [kind = "", name] = flag.split("=");
    names.set(kind, [...names.get(kind) ?? [], ...(name === undefined ? [] : [name])]);
  }
  return [...names].map(([kind, list]) => list.length === 0 ? kind : `${kind}=${list.join(",")}`);
}

function outcomes({ code, signal, stdout, stderr }: ProgramResult): Outcomes {
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, stdout + stderr);
  return JSON.parse(stdout);
}

function assertNames(outcome: Outcome, flag: string): void {
  assert.match(outcome.flag ?? "", /^--allow-(run|env)=/, `a PermissionRequiredError: ${outcome.message}`);
  assert.ok(outcome.message?.includes(flag), `"${outcome.message}" names ${flag}`);
}

function absoluteInterpreter(): string {
  const named = interpreterOf(PYTHON);
  if (isAbsolute(named)) return named;
  const { stdout } = spawnSync(named, ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" });
  return stdout.trim();
}

/** A flag as the README writes it. */
function shown(flag: string): string {
  return flag.replace(INTERPRETER, "INTERPRETER").replace(VENV, ".venv");
}

/** A permission set of deno.json. */
type Permissions = Readonly<Record<string, Grant | { readonly allow?: Grant; readonly ignore?: Grant }>>;
type Grant = boolean | readonly string[];

interface Config {
  readonly tasks: Readonly<Record<string, { readonly command: string }>>;
  readonly permissions: Readonly<Record<string, Permissions>>;
}

function readConfig(): Config {
  const text = readFileSync(join(ROOT, "deno.json"), "utf8");
  return JSON.parse(text.replace(/^\s*\/\/.*$/gm, ""));
}

/** The parts of a task's command that run a script with a permission set. */
function parseCommands(task: string, command: string): TaskCommand[] {
  return command.split("&&").flatMap((part) => {
    const [, assignments = "", set, args = ""] =
      /^((?:\w+=\S+ )*)deno run (?:--frozen )?-P=(\w+) (.*)$/.exec(part.trim()) ??
        [];
    if (set === undefined) return [];
    const env = Object.fromEntries(assignments.trim().split(" ").filter(Boolean).map((pair) => pair.split("=")));
    return [{ task, set, env, args: args.split(" ") }];
  });
}

/** The flags of `deno run` that grant what a set grants. */
function flagsOf(permissions: Permissions): { flag: string; kind: string }[] {
  return Object.entries(permissions).flatMap(([kind, grant]) => {
    const { allow, ignore } = typeof grant === "object" && !Array.isArray(grant)
      ? grant as { allow?: Grant; ignore?: Grant }
      : { allow: grant as Grant, ignore: undefined };
    return Object.entries({ allow, ignore }).flatMap(([verb, names]) => {
      if (names === undefined || names === false) return [];
      return [{ kind, flag: `--${verb}-${kind}${names === true ? "" : `=${names.join(",")}`}` }];
    });
  });
}
