import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PyParameter, PySignature, PyType } from "./model.ts";
import { MAX_OVERLOADS, typedSignatures } from "./signatures.ts";

const type = (n: string): PyType => ({ k: "name", n, a: [] });

function parameter(text: string): PyParameter {
  // "name: type = default", with "*" in front for keyword-only ones and "/" for positional-only ones.
  const [, mark, name, annotation, value] = /^([*/]?)(\w+): (\w+)(?: = (.*))?$/.exec(text)!;
  const kind = mark === "*" ? "keyword" : mark === "/" ? "positional" : "any";
  return { name: name!, kind, type: annotation === "None" ? { k: "none" } : type(annotation!), default: value ?? null };
}

function write(...overloads: readonly (readonly [parameters: readonly string[], returns: string])[]): string[] {
  const signatures = overloads.map(([parameters, returns]): PySignature => ({
    parameters: parameters.map(parameter),
    returns: type(returns),
    tier: "stub",
  }));
  const scope = {
    arrays: false,
    self: undefined,
    find: () => undefined,
    reference: () => "",
    wrapper: (name: string) => name,
  };
  return typedSignatures(signatures, { scope, keywords: (body) => body })
    .map((item) => `(${item.parameters}): ${item.returns}`);
}

describe("typedSignatures()", () => {
  it("takes keyword arguments at every optional place", () => {
    assert.deepEqual(write([["a: str", "b: bool = True"], "str"]), [
      "(a: string, b?: boolean | Kw<{ b?: boolean }>, kwargs?: Kw<{ b?: boolean }>): PyPromise<string>",
    ]);
  });

  it("takes optional parameters by name alone when a name is required", () => {
    assert.deepEqual(write([["a: str", "b: bool = True", "*c: str"], "str"]), [
      "(a: string, kwargs: Kw<{ b?: boolean; c: string }>): PyPromise<string>",
    ]);
  });

  it("lets the first of those that accept the same speak", () => {
    assert.deepEqual(write([["a: float"], "float"], [["a: float"], "str"]), ["(a: number): PyPromise<number>"]);
  });

  it("joins neighbours with the same result when one requires all that the other requires", () => {
    const joined = write([["a: str", "b: None = None"], "str"], [["a: str", "*b: bool"], "str"]);
    assert.deepEqual(joined, [
      "(a: string, b?: boolean | null | Kw<{ b?: boolean | null }>, kwargs?: Kw<{ b?: boolean | null }>): PyPromise<string>",
    ]);
  });

  it("keeps those apart that require different parameters", () => {
    assert.equal(
      write([["a: str", "*b: bool", "*c: str = ''"], "str"], [["a: str", "*b: bool = True", "*c: str"], "str"]).length,
      2,
    );
  });

  it("never moves a parameter to another place", () => {
    const joined = write(
      [["a: str", "axis: None", "dtype: str"], "float"],
      [["a: str", "axis: None = None", "*dtype: str"], "float"],
    );
    assert.deepEqual(joined, ["(a: string, kwargs: Kw<{ axis?: null; dtype: string }>): PyPromise<number>"]);
  });

  it("merges what exceeds the cap into one wide overload", () => {
    const names = ["str", "float", "bool", "bytes", "int", "complex", "slice"];
    const many = write(...names.map((name) => [[`/x: ${name}`], name === "str" ? "float" : "str"] as const).reverse());
    assert.ok(many.length <= MAX_OVERLOADS);
  });
});
