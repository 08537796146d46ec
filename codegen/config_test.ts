import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CodegenConfig, defineConfig, resolveConfig } from "./config.ts";

describe("resolveConfig()", () => {
  it("fills in defaults", () => {
    const config = resolveConfig({ libraries: { numpy: "2.*", json: { version: "stdlib" } } });
    assert.equal(config.generatedDir, "py");
    assert.equal(config.libraries.get("numpy")?.version, "2.*");
    assert.equal(config.libraries.get("json")?.symbols, "all");
  });

  const table: readonly [name: string, config: unknown, message: RegExp][] = [
    ["an unknown key", { libraries: { a: "*" }, libary: 1 }, /libary is 1, expected one of the keys/],
    ["no libraries", { libraries: {} }, /libraries is \{\}, expected at least one library/],
    [
      "a wrong include",
      { libraries: { a: { include: "x" } } },
      /libraries\.a\.include is "x", expected a list of texts/,
    ],
    [
      "a number for a library",
      { libraries: { math: 2 } },
      /libraries\.math is 2, expected a version string such as "2\.\*", or an object/,
    ],
    ["a wrong version", { libraries: { a: "new!" } }, /libraries\.a\.version is "new!"/],
    ["a wrong name", { libraries: { "a b": "*" } }, /libraries\["a b"\] is "a b", expected a Python import name/],
    [
      "a folder outside",
      { generatedDir: "../x", libraries: { a: "*" } },
      /generatedDir is "\.\.\/x", expected a folder below/,
    ],
    ["an absolute folder", { generatedDir: "/x", libraries: { a: "*" } }, /generatedDir is "\/x"/],
    ["a time of zero", { moduleTimeoutMs: 0, libraries: { a: "*" } }, /moduleTimeoutMs is 0, expected a number/],
    ["symbols", { libraries: { a: { symbols: "some" } } }, /libraries\.a\.symbols is "some", expected "all" or "used"/],
  ];
  for (const [name, config, message] of table) {
    it(`refuses ${name}`, () => assert.throws(() => defineConfig(config as CodegenConfig), message));
  }
});
