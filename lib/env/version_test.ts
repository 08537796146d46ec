import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareVersions, isSupportedPython } from "./version.ts";

describe("compareVersions()", () => {
  it("compares number by number, not letter by letter", () => {
    assert.ok(compareVersions("3.9.18", "3.10") < 0);
    assert.ok(compareVersions("3.10", "3.10.0") === 0);
    assert.ok(compareVersions("3.14.0rc1", "3.13.9") > 0);
  });
});

describe("isSupportedPython()", () => {
  it("draws the line at 3.10", () => {
    assert.deepEqual(["2.7.18", "3.9.18", "3.10.0", "3.14.1"].map(isSupportedPython), [false, false, true, true]);
  });
});
