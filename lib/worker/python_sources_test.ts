import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { BOOT_SOURCE, PYTHON_MODULES } from "./python_sources.ts";

const PACKAGE = resolve(import.meta.dirname ?? ".", "..", "..", "python", "src", "snakebridge");
// Not in the bundle but before it: it is what unpacks the bundle.
const BOOT_FILE = "boot.py";

/** Path of a module's file inside the package. */
function fileOf(name: string, isPackage: boolean): string {
  const [, ...below] = name.split(".");
  return isPackage ? join(...below, "__init__.py") : `${join(...below)}.py`;
}

describe("PYTHON_MODULES", () => {
  it("names every file of snakebridge/_internal once, and no other", () => {
    const inFolder = readdirSync(join(PACKAGE, "_internal"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".py") && file !== BOOT_FILE)
      .map((file) => join("_internal", file));
    const listed = PYTHON_MODULES.map(({ name, isPackage }) => fileOf(name, isPackage));
    assert.deepEqual(listed.toSorted(), ["__init__.py", ...inFolder].toSorted());
  });

  it("gives each name the text of its own file", () => {
    for (const { name, isPackage, source } of PYTHON_MODULES) {
      assert.ok(source === readFileSync(join(PACKAGE, fileOf(name, isPackage)), "utf8"), name);
    }
  });

  it("names a package before its modules", () => {
    const seen = new Set<string>();
    for (const { name, isPackage } of PYTHON_MODULES) {
      const parent = name.split(".").slice(0, -1).join(".");
      assert.ok(parent === "" || seen.has(parent), `${parent} before ${name}`);
      if (isPackage) seen.add(name);
    }
  });
});

describe("BOOT_SOURCE", () => {
  it("is the text of boot.py", () => {
    assert.ok(BOOT_SOURCE === readFileSync(join(PACKAGE, "_internal", BOOT_FILE), "utf8"));
  });
});
