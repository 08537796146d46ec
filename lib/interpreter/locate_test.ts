import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, it } from "node:test";
import { locatePython, venvPython } from "./locate.ts";

describe("locatePython()", () => {
  const saved = { SNAKEBRIDGE_PYTHON: process.env.SNAKEBRIDGE_PYTHON, VIRTUAL_ENV: process.env.VIRTUAL_ENV };
  let project = "";
  beforeEach(() => {
    for (const name of Object.keys(saved)) delete process.env[name];
    project = mkdtempSync(join(tmpdir(), "locate-"));
  });
  afterEach(() => {
    for (const [name, value] of Object.entries(saved)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    rmSync(project, { recursive: true });
  });
  const makeVenv = (name: string): string => {
    const python = venvPython(join(project, name));
    mkdirSync(dirname(python), { recursive: true });
    writeFileSync(python, "");
    return python;
  };
  const fallback = process.platform === "win32" ? "python" : "python3";

  it("falls back to the name on PATH", () => {
    assert.deepEqual(locatePython({ project }), { executable: fallback, source: "PATH" });
  });

  it("takes the project's .venv when it has an interpreter", () => {
    const executable = makeVenv(".venv");
    assert.deepEqual(locatePython({ project }), { executable, source: "project .venv" });
  });

  it("prefers the active environment to the project's, the variable to both and the option to all", () => {
    makeVenv(".venv");
    process.env.VIRTUAL_ENV = join(project, "active");
    assert.deepEqual(locatePython({ project }), {
      executable: venvPython(join(project, "active")),
      source: "VIRTUAL_ENV",
    });
    process.env.SNAKEBRIDGE_PYTHON = "python3.12";
    assert.deepEqual(locatePython({ project }), { executable: "python3.12", source: "SNAKEBRIDGE_PYTHON" });
    assert.deepEqual(locatePython({ project, python: "python3.13" }), { executable: "python3.13", source: "option" });
  });

  it("takes a virtual environment's folder for its interpreter", () => {
    const executable = makeVenv("other");
    assert.equal(locatePython({ python: join(project, "other") }).executable, executable);
  });

  it("makes a relative path absolute, so that the worker's folder does not change its meaning", () => {
    assert.equal(locatePython({ python: "./bin/python3" }).executable, resolve("./bin/python3"));
  });

  it("ignores empty variables", () => {
    process.env.SNAKEBRIDGE_PYTHON = "";
    process.env.VIRTUAL_ENV = "";
    assert.equal(locatePython({ project }).source, "PATH");
  });
});

describe("venvPython()", () => {
  it("knows the folders of Windows", () => {
    assert.match(venvPython("env", "win32"), /^env[\\/]Scripts[\\/]python\.exe$/);
    assert.match(venvPython("env", "linux"), /^env[\\/]bin[\\/]python$/);
  });
});
