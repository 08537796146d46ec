import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { findBun } from "./find_bun.ts";

describe("findBun()", () => {
  it("finds the version that package.json pins", () => {
    const root = resolve(import.meta.dirname ?? ".", "..", "..");
    const { stdout } = spawnSync(findBun(root), ["--version"], { encoding: "utf8" });
    assert.equal(stdout.trim(), "1.4.5");
  });

  it("names the command that installs it when there is none", () => {
    const empty = mkdtempSync(join(tmpdir(), "bun-"));
    try {
      assert.throws(() => findBun(empty), /tried none; run "deno install"/);
    } finally {
      rmSync(empty, { recursive: true });
    }
  });
});
