import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { satisfies } from "./versions.ts";

describe("satisfies()", () => {
  const table: readonly [version: string, constraint: string, expected: boolean][] = [
    ["2.4.6", "*", true],
    ["2.4.6", "2.*", true],
    ["2.4.6", "2", true],
    ["2.4.6", "2.4", true],
    ["2.4.6", "2.3", false],
    ["3.1.1", "2.*", false],
    ["20.1", "2.*", false],
    ["2.10.0", ">=2.9,<3", true],
    ["3.0", ">=2.9,<3", false],
    ["2.4.6", "==2.4.*", true],
    ["2.4.6", "==2.4", false],
    ["2.4.6", "!=2.4.*", false],
    ["2.5.0", "~=2.4", true],
    ["3.0.0", "~=2.4", false],
    ["2.4.9", "~=2.4.6", true],
    ["2.5.0", "~=2.4.6", false],
  ];
  for (const [version, constraint, expected] of table) {
    it(`says ${expected} for ${version} and ${constraint}`, () => {
      assert.equal(satisfies(version, constraint), expected);
    });
  }
});
