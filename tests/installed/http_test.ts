import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { interpreterOf } from "../../lib/interpreter/mod.ts";
import { TempFolder } from "../support/gate.ts";
import { PYTHON, ROOT } from "../support/python.ts";
import { denoIn, NOT_ON_DENO, type ProgramResult, runProgram } from "../support/run_program.ts";
import { consumerScript, EXPECTED, type PackageNames } from "./consumer.ts";
import { publishList, readManifest, Registry } from "./registry.ts";

const PROGRAM = interpreterOf(PYTHON);
/** What the README asks for, without anything for the package being remote. */
const FLAGS = ["--no-prompt", `--allow-run=${PROGRAM}`, "--allow-env=NODE_V8_COVERAGE"];

describe("The package as published", { skip: NOT_ON_DENO }, () => {
  const folder = new TempFolder();
  const deno = NOT_ON_DENO ? "deno" : denoIn(folder);
  const { name, version, exports } = readManifest();
  let registry: Registry;

  before(async () => {
    registry = await Registry.start(deno);
    await fillCache(deno, folder);
  });

  after(async () => {
    await registry[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  /** Runs the script in a folder with no configuration, and with a module cache that has never seen the package. */
  async function run(file: string, names: PackageNames, flags: readonly string[]): Promise<ProgramResult> {
    writeFileSync(folder.file(file), consumerScript(names));
    return await runProgram(deno, ["run", ...flags, file, PROGRAM], {
      cwd: folder.path,
      env: { DENO_DIR: folder.file("cache"), JSR_URL: file.startsWith("jsr") ? registry.url : undefined },
    });
  }

  it("holds the sources of both languages and what tells about them, and no tests", async () => {
    const files = await publishList(deno);
    const wanted = [
      "LICENSE",
      "README.md",
      "deno.json",
      "proto/PROTOCOL.md",
      "python/src/snakebridge/_internal/worker.py",
    ];
    for (const path of [...wanted, ...Object.values(exports).map((path) => path.replace("./", ""))]) {
      assert.ok(files.includes(path), `${path} is published`);
    }
    const unwanted = files.filter((path) =>
      /(_test\.ts|_vectors\.ts|(^|\/)test_\w+\.py)$|^(tests|examples)\//.test(path)
    );
    assert.deepEqual(unwanted, []);
  });

  it("works when imported over HTTP, with the documented flags, and the script ends by itself", async () => {
    const names = { main: `${registry.packageUrl}/mod.ts`, wrapper: `${registry.packageUrl}/lib/wrapper/mod.ts` };
    assertResults(await run("http.ts", names, ["--check", `--allow-import=${registry.host}`, ...FLAGS]));
    assert.deepEqual(registry.missed, []);
  });

  it("works when imported as jsr:, checked against its types, and the script ends by itself", async () => {
    const main = `jsr:${name}@${version}`;
    assertResults(await run("jsr.ts", { main, wrapper: `${main}/wrapper` }, ["--check", ...FLAGS]));
    assert.deepEqual(registry.missed, []);
  });

  it("offers its configuration module under its own name", async () => {
    const script = `import { defineConfig } from "jsr:${name}@${version}/config";
      console.log(JSON.stringify(defineConfig({ generatedDir: "py", libraries: { math: "stdlib" } })));`;
    writeFileSync(folder.file("jsr_config.ts"), script);
    const { code, stdout, stderr } = await runProgram(deno, ["run", "--no-prompt", "--check", "jsr_config.ts"], {
      cwd: folder.path,
      env: { DENO_DIR: folder.file("cache"), JSR_URL: registry.url },
    });
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).generatedDir, "py");
  });
});

function assertResults({ code, signal, stdout, stderr }: ProgramResult): void {
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, stdout + stderr);
  assert.deepEqual(JSON.parse(stdout), EXPECTED);
}

/** Gives a fresh module cache the npm packages that this project has fetched already, so that no network is needed. */
async function fillCache(deno: string, folder: TempFolder): Promise<void> {
  const { stdout } = await runProgram(deno, ["info", "--json"], { cwd: ROOT });
  const cache: string = JSON.parse(stdout).npmCache;
  const packages = Object.values(readManifest().imports).flatMap((target) => /^npm:(.+)@/.exec(target)?.[1] ?? []);
  for (const registry of existsSync(cache) ? readdirSync(cache) : []) {
    for (const name of packages) {
      const from = join(cache, registry, name);
      if (existsSync(from)) cpSync(from, join(folder.file("cache"), "npm", registry, name), { recursive: true });
    }
  }
}
