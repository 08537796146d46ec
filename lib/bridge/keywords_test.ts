import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Kw, kw, splitArguments } from "./keywords.ts";

describe("kw()", () => {
  it("marks an object, with options of the call", () => {
    const marked = kw({ axis: 0 }, { timeoutMs: 5 });
    assert.ok(marked instanceof Kw);
    assert.deepEqual(marked.kwargs, { axis: 0 });
    assert.deepEqual(marked.options, { timeoutMs: 5 });
  });

  it("refuses what is no object", () => {
    for (const wrong of [null, 1, "a", [1]]) assert.throws(() => kw(wrong as object), TypeError);
  });
});

describe("splitArguments()", () => {
  it("leaves arguments without a mark alone, plain objects too", () => {
    const args = [1, { axis: 0 }];
    assert.deepEqual(splitArguments(args), { args, kwargs: null, options: undefined });
    assert.deepEqual(splitArguments([]).args, []);
  });

  it("takes the mark off the end and drops what is undefined", () => {
    assert.deepEqual(splitArguments([1, kw({ a: undefined, b: null, c: 0 })]), {
      args: [1],
      kwargs: { b: null, c: 0 },
      options: undefined,
    });
    assert.equal(splitArguments([kw({ a: undefined })]).kwargs, null);
  });

  it("refuses a mark that is not the last", () => {
    assert.throws(() => splitArguments([kw({ a: 1 }), 2]), /kw\(\) is argument 1 of 2, expected it to be the last/);
  });
});
