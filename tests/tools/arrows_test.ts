import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { findViolations } from "./arrows.ts";

/** Writes a little tree, looks at it and takes it away. */
function violationsOf(files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), "arrows-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
    return findViolations(root).map(({ where, why }) => `${where} ${why}`);
  } finally {
    rmSync(root, { recursive: true });
  }
}

describe("findViolations()", () => {
  it("accepts imports that point down through a door", () => {
    assert.deepEqual(
      violationsOf({
        "mod.ts": `export * from "./lib/bridge/mod.ts";\n`,
        "lib/bridge/mod.ts": `export * from "./bridge.ts";\n`,
        "lib/bridge/bridge.ts":
          `import { Pool } from "../pool/mod.ts";\nimport { encode } from "@msgpack/msgpack";\n// import "../../tests/x.ts"\n`,
        "lib/worker/sources.ts": `import text from "../../python/src/worker.py" with { type: "text" };\n`,
        "examples/a/py/numpy.ts": `import { pyModule } from "../../../lib/wrapper/mod.ts";\nimport "./math.ts";\n`,
      }),
      [],
    );
  });

  const planted: readonly (readonly [name: string, file: string, text: string, why: RegExp])[] = [
    [
      "an arrow upwards",
      "lib/errors/a.ts",
      `import "../async/mod.ts";`,
      /^lib\/errors\/a\.ts:1 .*not below lib\/errors/,
    ],
    [
      "an arrow upwards over lines",
      "lib/rpc/a.ts",
      `\nimport {\n  Pool,\n} from "../pool/mod.ts";`,
      /a\.ts:4 .*not below/,
    ],
    ["a dynamic import upwards", "lib/rpc/a.ts", `await import("../pool/mod.ts");`, /not below lib\/rpc/],
    ["an export upwards", "lib/rpc/a.ts", `export type { Pool } from "../pool/mod.ts";`, /not below lib\/rpc/],
    ["a side door", "lib/pool/a.ts", `import "../rpc/peer.ts";`, /through its mod\.ts/],
    ["an import of tests", "lib/pool/a.ts", `import "../../tests/support/rig.ts";`, /nothing imports tests/],
    ["an import of examples", "codegen/a.ts", `import "../examples/quickstart/main.ts";`, /nothing imports tests/],
    ["a registry in a specifier", "lib/pool/a.ts", `import "npm:hono@4";`, /name it bare/],
    ["Hono outside of the admin", "lib/pool/a.ts", `import { Hono } from "hono";`, /only lib\/admin/],
    ["a runtime's global", "lib/pool/a.ts", `const cwd = Deno.cwd();`, /mentions Deno/],
    ["a folder without a place", "lib/misc/a.ts", `import "../errors/mod.ts";`, /no place in the order/],
    [
      "generated code that reaches inside",
      "examples/a/py/x.ts",
      `import "../../../lib/refs/mod.ts";`,
      /lib\/wrapper alone/,
    ],
  ];
  for (const [name, file, text, why] of planted) {
    it(`finds ${name}`, () => {
      const found = violationsOf({ [file]: `${text}\n` });
      assert.equal(found.length, 1, found.join("\n"));
      assert.match(found[0] ?? "", why);
    });
  }
});
