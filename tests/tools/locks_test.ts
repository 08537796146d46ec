import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";

const ROOT = resolve(import.meta.dirname ?? ".", "..", "..");
const read = (name: string): string => readFileSync(join(ROOT, name), "utf8");

interface DenoConfig {
  readonly version: string;
  readonly exports: Record<string, string>;
  readonly imports: Record<string, string>;
}

interface PackageJson {
  readonly version: string;
  readonly exports: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  /** What one entry needs and most programs do not; here among the devDependencies, with its exact version. */
  readonly peerDependencies: Record<string, string>;
}

describe("deno.json and package.json", () => {
  // deno.json has comments; it has no string with two slashes at the start of a line.
  const deno = JSON.parse(read("deno.json").replace(/^\s*\/\/.*$/gm, "")) as DenoConfig;
  const npm = JSON.parse(read("package.json")) as PackageJson;

  it("say the same version and the same exports", () => {
    assert.equal(deno.version, npm.version);
    assert.deepEqual(deno.exports, npm.exports);
  });

  it("give every bare name the same package and version", () => {
    const named = Object.entries(deno.imports).map(([name, target]) => [name, target.replace(/^npm:.*@/, "")]);
    const optional = Object.keys(npm.peerDependencies).map((name) => [name, npm.devDependencies[name]]);
    assert.deepEqual(Object.fromEntries(named), { ...npm.dependencies, ...Object.fromEntries(optional) });
  });
});

describe("lock files", () => {
  for (const name of ["deno.lock", "bun.lock", "python/requirements.lock", "python/requirements-dev.lock"]) {
    it(`${name} names no host, so that any mirror serves it`, () => assert.doesNotMatch(read(name), /https?:\/\//));
  }

  it("bun.lock knows what package.json asks for", () => {
    const { dependencies, devDependencies } = JSON.parse(read("package.json")) as Record<
      string,
      Record<string, string>
    >;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      assert.ok(read("bun.lock").includes(`"${name}": ["${name}@${version}"`), name);
    }
  });
});
