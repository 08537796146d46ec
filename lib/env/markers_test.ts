import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { markerApplies } from "./markers.ts";

const LINUX_311 = {
  python_full_version: "3.11.7",
  python_version: "3.11",
  sys_platform: "linux",
  platform_machine: "x86_64",
  platform_python_implementation: "CPython",
  extra: "",
};

describe("markerApplies()", () => {
  const table: readonly (readonly [marker: string, applies: boolean])[] = [
    ["", true],
    ["python_full_version < '3.11'", false],
    ["python_full_version >= '3.11'", true],
    ["python_full_version == '3.11.*'", true],
    ["python_full_version != '3.11.*'", false],
    ["python_full_version == '3.1.*'", false],
    ["python_version ~= '3.10'", true],
    ["'3.9' < python_version", true],
    ["sys_platform == 'win32'", false],
    ["sys_platform in 'linux darwin'", true],
    ["platform_machine not in 'arm64'", true],
    ["platform_python_implementation != 'PyPy'", true],
    ["python_version < '3.11' and sys_platform == 'linux' or platform_machine == 'x86_64'", true],
    ["python_version < '3.11' and (sys_platform == 'linux' or platform_machine == 'x86_64')", false],
    [`(sys_platform == "linux")`, true],
    ["extra == 'dev'", false],
  ];
  for (const [marker, applies] of table) {
    it(`gives ${applies} for "${marker}"`, () => assert.equal(markerApplies(marker, LINUX_311), applies));
  }

  for (
    const marker of ["python_version", "python_version < ", "(sys_platform == 'linux'", "weather == 'fine'", "a $ b"]
  ) {
    it(`refuses "${marker}"`, () => assert.throws(() => markerApplies(marker, LINUX_311), SyntaxError));
  }
});
