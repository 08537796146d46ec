import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { interpreterOf } from "../../lib/interpreter/mod.ts";
import { TempFolder } from "../support/gate.ts";
import { PYTHON, ROOT } from "../support/python.ts";
import { denoIn, NOT_ON_DENO, runProgram } from "../support/run_program.ts";
import { findBun } from "../tools/find_bun.ts";
import { consumerScript, EXPECTED } from "./consumer.ts";
import { publishList } from "./registry.ts";

describe("The packed tarball", () => {
  const folder = new TempFolder();
  const bun = "bun" in process.versions ? process.execPath : findBun(ROOT);
  const { name, version, dependencies }: {
    name: string;
    version: string;
    dependencies: Record<string, string>;
  } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

  /** Packs the package in a folder; gives the tarball's name. */
  async function pack(source: string): Promise<string> {
    const args = ["pm", "pack", "--quiet", "--ignore-scripts", "--destination", folder.path];
    const { code, stdout, stderr } = await runProgram(bun, args, { cwd: source });
    assert.equal(code, 0, stderr);
    return stdout.trim();
  }

  async function runScript(file: string, text: string): Promise<unknown> {
    writeFileSync(folder.file(file), text);
    // Without an installed package Bun would fetch one by its name.
    const { code, signal, stdout, stderr } = await runProgram(bun, ["--no-install", file, interpreterOf(PYTHON)], {
      cwd: folder.path,
    });
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, stdout + stderr);
    return JSON.parse(stdout);
  }

  before(async () => {
    const overrides: Record<string, string> = {};
    // Packed again from where this project has them, so that no network is needed.
    for (const dependency of Object.keys(dependencies)) {
      overrides[dependency] = `file:${await pack(join(ROOT, "node_modules", dependency))}`;
    }
    const consumer = { private: true, type: "module", dependencies: { [name]: `file:${await pack(ROOT)}` }, overrides };
    writeFileSync(folder.file("package.json"), JSON.stringify(consumer));
    const { code, stderr } = await runProgram(bun, ["install"], {
      cwd: folder.path,
      env: { BUN_INSTALL_CACHE_DIR: folder.file("cache") },
    });
    assert.equal(code, 0, stderr);
  });

  after(() => folder[Symbol.dispose]());

  it("holds what is published to the other registry, and package.json", { skip: NOT_ON_DENO }, async () => {
    const installed = join(folder.path, "node_modules", name);
    const files = readdirSync(installed, { recursive: true, encoding: "utf8" })
      // Bun's own mark of where it was installed from.
      .filter((file) => file !== ".bun-tag" && statSync(join(installed, file)).isFile())
      .map((file) => file.split(sep).join("/"));
    const published = (await publishList(denoIn(folder))).filter((file) => file !== "deno.json");
    assert.deepEqual(files.sort(), [...published, "package.json"].sort());
  });

  it("works when installed under Bun, and the script ends by itself", async () => {
    assert.deepEqual(await runScript("main.ts", consumerScript({ main: name, wrapper: `${name}/wrapper` })), EXPECTED);
  });

  it("offers its configuration module under its own name", async () => {
    const script = `import { defineConfig } from "${name}/config";
      console.log(JSON.stringify(defineConfig({ generatedDir: "py", libraries: { math: "stdlib" } })));`;
    assert.equal((await runScript("config.ts", script) as { generatedDir: string }).generatedDir, "py");
  });

  it("carries the version of deno.json", () => {
    assert.match(readFileSync(join(ROOT, "deno.json"), "utf8"), new RegExp(`"version": "${version}"`));
  });
});
