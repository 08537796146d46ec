import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { normalizePackageName, parseLock } from "./requirements.ts";

describe("parseLock()", () => {
  it("reads names, versions and markers, and tells other hashes apart", () => {
    const [first, second] = parseLock(
      `# comment\nScikit_Learn==1.7.2 ; python_full_version < '3.11' \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n` +
        `numpy==2.4.6 --hash=sha256:cc  # via pandas\n`,
    );
    assert.equal(first?.name, "scikit-learn");
    assert.equal(first?.marker, "python_full_version < '3.11'");
    assert.equal(second?.version, "2.4.6");
    assert.equal(second?.marker, "");
    assert.notEqual(parseLock("numpy==2.4.6 --hash=sha256:dd")[0]?.key, second?.key);
    assert.equal(parseLock("numpy==2.4.6 --hash=sha256:cc")[0]?.key, second?.key);
  });

  for (const line of ["numpy==2.4.6", "numpy>=2 --hash=sha256:aa", "--index-url https://example.org", "-r other.txt"]) {
    it(`refuses "${line}"`, () => assert.throws(() => parseLock(line, "x.lock"), /Cannot read x\.lock/));
  }

  for (const name of ["requirements.lock", "requirements-dev.lock"]) {
    const file = new URL(`../../python/${name}`, import.meta.url);
    it(`reads the project's own ${name}, which names no host`, () => {
      assert.ok(existsSync(file));
      const text = readFileSync(file, "utf8");
      assert.doesNotMatch(text, /:\/\//);
      assert.ok(parseLock(text).some((pin) => pin.name === "pandas"));
    });
  }
});

describe("normalizePackageName()", () => {
  it("gives one name for all spellings", () => {
    assert.deepEqual(["Typing_Extensions", "typing.extensions", "typing--extensions"].map(normalizePackageName), [
      "typing-extensions",
      "typing-extensions",
      "typing-extensions",
    ]);
  });
});
