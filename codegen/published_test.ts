import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { readManifest, Registry } from "../tests/installed/registry.ts";
import { TempFolder } from "../tests/support/gate.ts";
import { PYTHON } from "../tests/support/python.ts";
import { denoIn, NOT_ON_DENO, type ProgramResult, runProgram } from "../tests/support/run_program.ts";

describe("The command as published", { skip: NOT_ON_DENO }, () => {
  const folder = new TempFolder();
  const deno = NOT_ON_DENO ? "deno" : denoIn(folder);
  const { name, version } = readManifest();
  const command = ["run", "-A", `jsr:${name}@${version}/codegen`];
  let registry: Registry;

  /** Runs Deno in a project that names the package in its deno.json. */
  async function run(...args: string[]): Promise<ProgramResult> {
    return await runProgram(deno, args, {
      cwd: folder.path,
      env: { DENO_DIR: folder.file("cache"), JSR_URL: registry.url, SNAKEBRIDGE_PYTHON: PYTHON },
    });
  }

  function writeConfig(file: string, libraries: object): void {
    const text = `import { type CodegenConfig, defineConfig } from "${name}/config";
      const config: CodegenConfig = defineConfig({ libraries: ${JSON.stringify(libraries)} });
      export default config;`;
    writeFileSync(folder.file(file), text);
  }

  before(async () => {
    registry = await Registry.start(deno);
    writeFileSync(folder.file("deno.json"), JSON.stringify({ imports: { [name]: `jsr:${name}@${version}` } }));
    writeFileSync(folder.file("helpers.py"), "def twice(x: int) -> int:\n    return 2 * x\n");
    writeConfig("snakebridge.config.ts", { helpers: "local" });
    writeConfig("wrong.config.ts", { helpers: 2 });
  });

  after(async () => {
    await registry[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  it("generates from a configuration that names the package as its project does, and checks", async () => {
    const made = await run(...command);
    assert.equal(made.code, 0, made.stdout + made.stderr);
    assert.match(made.stdout, /Wrote 2 of 2 files/);
    const checked = await run(...command, "--check");
    assert.equal(checked.code, 0, checked.stdout + checked.stderr);
    assert.deepEqual(registry.missed, []);
  });

  it("says in one line what is wrong with the configuration", async () => {
    const { code, stderr } = await run(...command, "--config", "wrong.config.ts");
    assert.equal(code, 1);
    assert.match(stderr, /\n {2}because: Cannot use configuration: libraries\.helpers is 2, expected .*\n$/);
  });
});
