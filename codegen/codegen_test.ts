import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { findPython } from "../lib/env/mod.ts";
import { main } from "./cli.ts";
import { introspectLibrary } from "./introspect.ts";
import type { LibraryModel } from "./model.ts";

const FIXTURES = fileURLToPath(new URL("../python/tests/introspect_fixtures", import.meta.url));
const GOLDEN = fileURLToPath(new URL("./testdata/zoo/mod.ts", import.meta.url));

async function introspect(submodules: readonly string[], moduleTimeoutMs = 20_000): Promise<LibraryModel> {
  return await introspectLibrary({
    python: (await findPython()).executable,
    library: "zoo",
    submodules,
    include: [],
    exclude: [],
    pythonPaths: [FIXTURES],
    typeshed: null,
    moduleTimeoutMs,
  });
}

describe("introspectLibrary()", () => {
  it("survives modules that fail, crash and hang", async () => {
    const model = await introspect(["broken", "crash", "hang", "fine"], 2_000);
    assert.deepEqual(model.modules.map((module) => module.name), ["zoo", "zoo.fine"]);
    const errors = new Map(model.failures.map((failure) => [failure.module, failure.error]));
    assert.match(errors.get("zoo.broken") ?? "", /RuntimeError: broken at import/);
    assert.match(errors.get("zoo.crash") ?? "", /ended Python with status 3/);
    assert.match(errors.get("zoo.hang") ?? "", /took longer than 2000 ms/);
  });

  it("reports a library that is not there", async () => {
    const model = await introspectLibrary({
      python: (await findPython()).executable,
      library: "no_such_library_here",
      submodules: [],
      include: [],
      exclude: [],
      pythonPaths: [],
      typeshed: null,
      moduleTimeoutMs: 20_000,
    });
    assert.match(model.failures[0]?.error ?? "", /ModuleNotFoundError/);
  });

  it("names the Python that does not run", async () => {
    const attempt = introspectLibrary({
      python: "no-such-python",
      library: "zoo",
      submodules: [],
      include: [],
      exclude: [],
      pythonPaths: [],
      typeshed: null,
      moduleTimeoutMs: 20_000,
    });
    await assert.rejects(attempt, /Cannot start Python: no-such-python did not run/);
  });
});

describe("deno task codegen", () => {
  let folder: string;
  let config: string;
  const lines: string[] = [];
  const { log, error } = console;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "snakebridge-codegen-test-"));
    config = join(folder, "snakebridge.config.ts");
    const libraries = { zoo: { version: "local", submodules: ["stubbed"] } };
    await writeFile(config, `export default ${JSON.stringify({ pythonPaths: [FIXTURES], libraries })};\n`);
    console.log = console.error = (...args: unknown[]): void => void lines.push(args.join(" "));
  });

  after(async () => {
    console.log = log;
    console.error = error;
    await rm(folder, { recursive: true, force: true });
  });

  async function run(...args: string[]): Promise<{ code: number; output: string }> {
    lines.length = 0;
    const code = await main(["--config", config, ...args]);
    return { code, output: lines.join("\n") };
  }

  it("generates exactly the golden file", async () => {
    assert.equal((await run()).code, 0);
    assert.equal(await readFile(join(folder, "py/zoo/mod.ts"), "utf8"), await readFile(GOLDEN, "utf8"));
  });

  it("passes --check, twice, and writes nothing then", async () => {
    const first = await run("--check");
    assert.equal(first.code, 0, first.output);
    assert.match(first.output, /3 generated files are up to date/);
  });

  it("names missing, changed and stale files in --check, and mends them", async () => {
    const header = (await readFile(join(folder, "py/zoo/mod.ts"), "utf8")).split("\n")[0]!;
    await writeFile(join(folder, "py/zoo/mod.ts"), `${header}\n// edited\n`);
    await rm(join(folder, "py/zoo/stubbed/mod.ts"));
    await mkdir(join(folder, "py/gone"));
    await writeFile(join(folder, "py/gone/mod.ts"), `${header}\n`);
    const { code, output } = await run("--check");
    assert.equal(code, 1);
    assert.match(output, /zoo\/mod\.ts: changed/);
    assert.match(output, /zoo\/stubbed\/mod\.ts: missing/);
    assert.match(output, /gone\/mod\.ts: stale/);
    assert.match(output, /Run: deno task codegen --config /);
    assert.equal((await run()).code, 0);
    assert.equal((await run("--check")).code, 0);
    await assert.rejects(readFile(join(folder, "py/gone/mod.ts")));
  });

  it("never overwrites or removes a file that it did not make", async () => {
    await writeFile(join(folder, "py/notes.txt"), "mine");
    await writeFile(join(folder, "py/zoo/mod.ts"), "// mine\n");
    const { code, output } = await run();
    assert.equal(code, 1);
    assert.match(output, /Cannot write zoo\/mod\.ts: a file not made by codegen is in the way/);
    assert.equal(await readFile(join(folder, "py/zoo/mod.ts"), "utf8"), "// mine\n");
    await rm(join(folder, "py/zoo/mod.ts"));
    assert.equal((await run()).code, 0);
    assert.equal(await readFile(join(folder, "py/notes.txt"), "utf8"), "mine");
  });

  it("compares with the lock alone where the environment differs, and says so", async () => {
    const path = join(folder, "snakebridge.lock");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace(/"python": "[^"]*"/, '"python": "3.1"'));
    const { code, output } = await run("--check");
    assert.equal(code, 0, output);
    assert.match(output, /python is 3\.\d+ here, 3\.1 in the lock/);
    await writeFile(path, text);
  });

  /** A configuration in a folder of its own, with the texts of other files beside it. */
  async function project(libraries: object, files: Readonly<Record<string, string>> = {}): Promise<string> {
    const own = await mkdtemp(join(folder, "project-"));
    await writeFile(join(own, "snakebridge.config.ts"), `export default ${JSON.stringify({ libraries })};\n`);
    for (const [name, text] of Object.entries(files)) await writeFile(join(own, name), text);
    return own;
  }

  it("says why no library can be wrapped, and writes nothing", async () => {
    const own = await project({ nosuchlib: "*", nosuchlocal: "local" });
    const { code, output } = await run("--config", join(own, "snakebridge.config.ts"));
    assert.equal(code, 1);
    assert.match(output, /Cannot wrap nosuchlib: importing nosuchlib failed: ModuleNotFoundError: No module named/);
    assert.match(output, /-m pip install nosuchlib\n.*put its folder into the key pythonPaths/);
    assert.match(output, /Cannot wrap nosuchlocal: .*\n {2}put its folder into the key pythonPaths/);
    assert.doesNotMatch(output, /Cannot format|backtrace|install nosuchlocal/);
    assert.deepEqual(await readdir(own), ["snakebridge.config.ts"]);
  });

  it("names the package that a library lacks", async () => {
    const own = await project({ needy: "local" }, { "needy.py": "import nosuchlib.part\n" });
    const { code, output } = await run("--config", join(own, "snakebridge.config.ts"));
    assert.equal(code, 1);
    assert.match(output, /Cannot wrap needy: importing needy failed: .*'nosuchlib'\n.*-m pip install nosuchlib\n/);
  });

  it("finds a module beside the configuration", async () => {
    const own = await project({ beside: "local" }, { "beside.py": "def twice(x: int) -> int:\n    return 2 * x\n" });
    const { code, output } = await run("--config", join(own, "snakebridge.config.ts"));
    assert.equal(code, 0, output);
    assert.match(await readFile(join(own, "py/beside/mod.ts"), "utf8"), /twice\(x: number \| bigint\): PyPromise/);
  });

  it("runs as a program", async () => {
    const own = await project({ beside: "local" }, { "beside.py": "ONE = 1\n" });
    const { stdout } = await promisify(execFile)(process.execPath, [
      ..."deno" in process.versions ? ["run", "-A"] : [],
      fileURLToPath(new URL("./cli.ts", import.meta.url)),
      "--config",
      join(own, "snakebridge.config.ts"),
    ]);
    assert.match(stdout, /Wrote 2 of 2 files/);
  });

  it("says both names of the command in its help", async () => {
    const { code, output } = await run("--help");
    assert.equal(code, 0);
    assert.match(output, /deno run -A jsr:@snakebridge\/snakebridge\/codegen \[options\]/);
    assert.match(output, /deno task codegen \[options\]/);
  });

  it("refuses unknown arguments with status 2", async () => {
    assert.equal((await run("--chek")).code, 2);
  });
});
