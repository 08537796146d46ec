import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, it } from "node:test";
import { packPython } from "../../tests/tools/pack_python.ts";
import { BOOT_SOURCE, PYTHON_MODULES } from "./python_sources.ts";

const FOLDER = import.meta.dirname ?? ".";
const PACKAGE = resolve(FOLDER, "..", "..", "python", "src", "snakebridge");

describe("PYTHON_MODULES", () => {
  it("is what `deno task pack` writes", () => {
    assert.ok(
      readFileSync(resolve(FOLDER, "python_sources.ts"), "utf8") === packPython(),
      "lib/worker/python_sources.ts is not up to date: run deno task pack",
    );
  });

  it("gives each name the text of its own file", () => {
    for (const { name, isPackage, source } of PYTHON_MODULES) {
      const path = name.split(".").slice(1).join("/");
      const file = isPackage ? resolve(PACKAGE, path, "__init__.py") : resolve(PACKAGE, `${path}.py`);
      assert.ok(source === readFileSync(file, "utf8"), name);
    }
    assert.ok(BOOT_SOURCE === readFileSync(resolve(PACKAGE, "_internal", "boot.py"), "utf8"));
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
