/**
 * The command that generates typed wrappers, as `snakebridge.config.ts` says: `[--check] [--config FILE]`.
 *
 * Run it as a program in the folder of the configuration, best as a task named `codegen`, for that is how generated
 * files call it. It needs a Python with the libraries, and Deno for formatting.
 *
 * @example As a task in deno.json
 * ```json
 * { "tasks": { "codegen": "deno run -A jsr:@snakebridge/snakebridge/codegen" } }
 * ```
 *
 * @example From a program
 * ```ts ignore
 * import process from "node:process";
 * import { main } from "@snakebridge/snakebridge/codegen";
 *
 * process.exitCode = await main(["--check"]);
 * ```
 *
 * @module
 */

import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { findPython } from "../lib/env/mod.ts";
import { type CodegenConfig, resolveConfig, type ResolvedCodegenConfig } from "./config.ts";
import { HEADER } from "./emit_module.ts";
import { configHash, environmentDifferences, GENERATOR_VERSION, lockText, parseLock, sha256 } from "./lock.ts";
import { countTiers, MANIFEST_NAME } from "./manifest.ts";
import { emitLibraries, type Generated, introspectAll } from "./pipeline.ts";
import { type LibraryModel, TIERS } from "./model.ts";
import { satisfies } from "./versions.ts";

/** Name of the lock, beside the configuration. */
export const LOCK_NAME = "snakebridge.lock";

const HELP = `Usage: deno run -A jsr:@snakebridge/snakebridge/codegen [options]
   or: deno task codegen [options], where deno.json has that command as its task "codegen"

Generates typed wrappers of Python libraries, as snakebridge.config.ts says. In a checkout of SnakeBridge the same
command is deno run -A codegen/cli.ts.

  --check         write nothing; fail and name every file that is missing, changed or stale
  --config FILE   configuration to read (default: snakebridge.config.ts)
  --help          this text`;

interface Options {
  check: boolean;
  config: string;
}

/**
 * Runs the command and gives its exit code: 0 done, 1 drift or failure, 2 wrong usage.
 *
 * What it did and what went wrong is written to the console; it does not throw.
 */
export async function main(args: readonly string[]): Promise<number> {
  const options: Options = { check: false, config: "snakebridge.config.ts" };
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    if (arg === "--help" || arg === "-h") {
      console.log(HELP);
      return 0;
    }
    if (arg === "--check") options.check = true;
    else if (arg.startsWith("--config=")) options.config = arg.slice(9);
    else if (arg === "--config" && args[index + 1] !== undefined) options.config = args[++index]!;
    else {
      console.error(`Cannot run codegen: unknown argument ${arg}\n\n${HELP}`);
      return 2;
    }
  }
  try {
    return await run(options);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    if (error instanceof Error && error.cause instanceof Error) console.error(`  because: ${error.cause.message}`);
    return 1;
  }
}

async function run(options: Options): Promise<number> {
  const started = performance.now();
  const configPath = resolve(options.config);
  const root = dirname(configPath);
  const config = await loadConfig(configPath);
  const folder = join(root, config.generatedDir);
  const mend = `deno task codegen${options.config === "snakebridge.config.ts" ? "" : ` --config ${options.config}`}`;
  const python =
    (await findPython(config.python === undefined ? {} : { python: resolvePython(root, config.python) })).executable;
  console.log(`Introspecting with ${python}`);
  const libraries = await introspectAll({
    config,
    python,
    // As in a worker, whose Python looks into the current folder: modules beside the configuration are found.
    pythonPaths: [...config.pythonPaths.map((path) => resolve(root, path)), root],
    typeshed: config.typeshed === undefined ? null : resolve(root, config.typeshed),
    report: (line) => console.log(line),
  });
  const missing = libraries.filter((library) => library.modules.length === 0);
  for (const library of missing) console.error(whyMissing(library, config, python));
  if (missing.length > 0) return 1;
  for (const library of libraries) {
    const { version: wanted, package: named } = config.libraries.get(library.name)!;
    if (wanted === "stdlib" || wanted === "local" || library.distribution === null) continue;
    const { name, version } = library.distribution;
    if (!satisfies(version, wanted)) {
      const pin = /^\d/.test(wanted)
        ? `==${wanted.endsWith("*") ? wanted : `${wanted}.*`}`
        : wanted === "*"
        ? ""
        : wanted;
      console.error(`Cannot wrap ${library.name}: installed is ${name} ${version}, the configuration wants ${wanted}`);
      console.error(`  install that version, for example: ${python} -m pip install "${named || name}${pin}"`);
      return 1;
    }
  }
  if (libraries[0]!.environment.typeshed === null) {
    console.log(
      "  no stubs of the standard library found: install typeshed_client or mypy for types of stdlib modules",
    );
  }
  const generated = await emitLibraries(libraries, config);
  const code = options.check
    ? await check(root, folder, config, generated, mend)
    : await write(root, folder, generated, mend);
  console.log(`Took ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return code;
}

/** Why a library has no modules: Python's own words, and what helps. */
function whyMissing(library: LibraryModel, config: ResolvedCodegenConfig, python: string): string {
  const { version, package: named, extras } = config.libraries.get(library.name)!;
  const failure = library.failures[0] ?? { module: library.name, error: "Python has no such module" };
  const lines = [`Cannot wrap ${library.name}: importing ${failure.module} failed: ${failure.error}`];
  const absent = /^ModuleNotFoundError: No module named '([^']+)'/.exec(failure.error)?.[1];
  if (absent === undefined) return lines[0]!;
  const top = absent.split(".")[0]!;
  const isLibrary = top === library.name.split(".")[0];
  const isInstalled = version !== "local" && version !== "stdlib";
  if (isInstalled || !isLibrary) {
    const wanted = isLibrary ? `${named || top}${extras.length > 0 ? `[${extras.join(",")}]` : ""}` : top;
    const command = `${python} -m pip install ${/\[/.test(wanted) ? `"${wanted}"` : wanted}`;
    lines.push(`  install it for ${python}, for example: ${command}`);
  }
  lines.push(
    `  ${lines.length > 1 ? "or, if it is a module of your own, " : ""}put its folder into the key pythonPaths; ` +
      `searched are ${[...config.pythonPaths, "the folder of the configuration"].join(", ")} and Python's own path`,
  );
  return lines.join("\n");
}

async function loadConfig(path: string): Promise<ResolvedCodegenConfig> {
  let module: { default?: CodegenConfig };
  try {
    // Started by the name of a package, Deno reads no deno.json, and bare names in the configuration mean nothing to it.
    module = import.meta.url.startsWith("file:")
      ? await import(pathToFileURL(path).href)
      : { default: await importInProject(path) };
  } catch (error) {
    throw new Error(`Cannot read configuration ${relative(process.cwd(), path)}`, { cause: error });
  }
  if (module.default === undefined) {
    throw new Error(`Cannot read configuration ${path}: it has no default export, expected defineConfig({...})`);
  }
  return resolveConfig(module.default);
}

/** Loads the configuration in a Deno that was started in its folder; the configuration is plain data. */
async function importInProject(path: string): Promise<CodegenConfig | undefined> {
  const mark = randomUUID();
  const code = `const { default: config } = await import(${JSON.stringify(pathToFileURL(path).href)});` +
    `console.log(${JSON.stringify(mark)} + JSON.stringify(config ?? null));`;
  const run = promisify(execFile)(process.execPath, ["eval", "--quiet", code], {
    cwd: dirname(path),
    env: { ...process.env, NO_COLOR: "1" },
  });
  const { stdout } = await run.catch((error: { stderr?: string; message: string }) => {
    const said = error.stderr?.trim() || error.message;
    throw new Error(said.replace(/^error: (?:Uncaught \(in promise\) )?(?:\w*Error: )?/, "").split("\n")[0]!);
  });
  const text = stdout.slice(stdout.indexOf(mark) + mark.length);
  return (JSON.parse(text) as CodegenConfig | null) ?? undefined;
}

/** A program name stays, a path is relative to the configuration. */
function resolvePython(root: string, python: string): string {
  return /[/\\]|^\./.test(python) ? resolve(root, python) : python;
}

/** Generated files on disk, and files of others, by path below the folder. */
async function existing(folder: string): Promise<{ ours: Map<string, string>; others: Set<string> }> {
  const ours = new Map<string, string>();
  const others = new Set<string>();
  const visit = async (below: string): Promise<void> => {
    let entries;
    try {
      entries = await readdir(join(folder, below), { withFileTypes: true });
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return;
      throw error;
    }
    for (const entry of entries) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) await visit(path);
      else if (entry.isFile()) {
        const text = await readFile(join(folder, path), "utf8");
        const mine = path === MANIFEST_NAME
          ? text.startsWith('{\n  "generator": "snakebridge"')
          : text.startsWith(HEADER);
        if (mine) ours.set(path, text);
        else others.add(path);
      } else others.add(path);
    }
  };
  await visit("");
  return { ours, others };
}

async function write(root: string, folder: string, generated: Generated, mend: string): Promise<number> {
  const { ours, others } = await existing(folder);
  const blocked = [...generated.files.keys()].filter((path) => others.has(path));
  if (blocked.length > 0) {
    for (const path of blocked) console.error(`Cannot write ${path}: a file not made by codegen is in the way`);
    console.error(`Move it away, then run: ${mend}`);
    return 1;
  }
  let changed = 0;
  for (const [path, text] of generated.files) {
    if (ours.get(path) === text) continue;
    await writeWhole(join(folder, path), text);
    changed++;
  }
  let removed = 0;
  for (const path of ours.keys()) {
    if (generated.files.has(path)) continue;
    await rm(join(folder, path));
    await removeEmpty(dirname(join(folder, path)), folder);
    removed++;
  }
  await writeWhole(join(root, LOCK_NAME), lockText(generated.lock));
  const bytes = [...generated.files.values()].reduce((sum, text) => sum + text.length, 0);
  console.log(
    `Wrote ${changed} of ${generated.files.size} files (${
      (bytes / 1024).toFixed(0)
    } KiB in all), removed ${removed}, ` +
      `in ${relative(process.cwd(), folder) || "."}`,
  );
  for (const library of generated.libraries) {
    const counts = countTiers(library);
    const total = TIERS.reduce((sum, tier) => sum + counts[tier], 0);
    const shares = TIERS.filter((tier) => counts[tier] > 0).map((tier) =>
      `${Math.round(100 * counts[tier] / total)}% ${tier}`
    );
    console.log(`  ${library.name}: ${total} signatures, ${shares.join(", ") || "none"}`);
  }
  return 0;
}

/** Two runs at once write whole files, never mixed ones. */
async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}.part`;
  await writeFile(part, text);
  await rename(part, path);
}

async function removeEmpty(folder: string, top: string): Promise<void> {
  for (let current = folder; current.length > top.length; current = dirname(current)) {
    try {
      await rmdir(current);
    } catch {
      return; // not empty
    }
  }
}

async function check(
  root: string,
  folder: string,
  config: ResolvedCodegenConfig,
  generated: Generated,
  mend: string,
): Promise<number> {
  const problems: string[] = [];
  const text = await readFile(join(root, LOCK_NAME), "utf8").catch(() => undefined);
  const lock = text === undefined ? undefined : parseLock(text);
  const { ours, others } = await existing(folder);
  let expected: ReadonlyMap<string, string> = new Map([...generated.files].map(([path, file]) => [path, sha256(file)]));
  let differences: readonly string[] = [];
  if (lock === undefined) problems.push(`${LOCK_NAME}: ${text === undefined ? "missing" : "not a lock"}`);
  else {
    differences = environmentDifferences(lock, generated.lock);
    if (lock.config !== configHash(config)) problems.push(`${LOCK_NAME}: the configuration changed since`);
    else if (lock.generator !== GENERATOR_VERSION) {
      problems.push(`${LOCK_NAME}: made by generator ${lock.generator}, this is ${GENERATOR_VERSION}`);
    } else if (differences.length > 0) expected = new Map(Object.entries(lock.files));
    else if (text !== lockText(generated.lock)) problems.push(`${LOCK_NAME}: changed`);
  }
  for (const [path, hash] of expected) {
    const found = ours.get(path);
    if (found === undefined) problems.push(`${path}: ${others.has(path) ? "not made by codegen" : "missing"}`);
    else if (sha256(found) !== hash) problems.push(`${path}: changed`);
  }
  for (const path of ours.keys()) if (!expected.has(path)) problems.push(`${path}: stale`);
  if (differences.length > 0) {
    console.log("This environment differs from the one of the lock, so files were compared with the lock alone:");
    for (const difference of differences) console.log(`  ${difference}`);
  }
  if (problems.length === 0) {
    console.log(`${expected.size} generated files are up to date`);
    return 0;
  }
  console.error(`Generated files in ${relative(process.cwd(), folder) || "."} are not up to date:`);
  for (const problem of problems.sort()) console.error(`  ${problem}`);
  console.error(`Run: ${mend}`);
  return 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
