import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { distributionOf, installCommand } from "./distribution.ts";

describe("distributionOf()", () => {
  it("knows packages whose module has another name", () => {
    assert.equal(distributionOf("sklearn.linear_model"), "scikit-learn");
  });

  it("takes the module's first name for all others", () => {
    assert.equal(distributionOf("polars.exceptions"), "polars");
  });
});

describe("installCommand()", () => {
  it("names the interpreter", () => {
    assert.equal(installCommand("PIL.Image", "/env/bin/python"), "/env/bin/python -m pip install pillow");
  });
});
