import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tuple } from "./containers.ts";
import { dict } from "./dict.ts";

describe("dict()", () => {
  it("takes pairs, maps and plain objects", () => {
    const key = tuple(0, 1);
    assert.deepEqual([...dict([[key, "a"], [2, "b"]])], [[key, "a"], [2, "b"]]);
    assert.deepEqual([...dict({ b: 1, a: 2 })], [["b", 1], ["a", 2]]);
    const map = new Map([[1, 2]]);
    assert.deepEqual(dict(map), map);
    assert.notEqual(dict(map), map);
    assert.equal(dict().size, 0);
  });

  it("says what is no pair", () => {
    assert.throws(() => dict([[1, 2], [3]] as unknown as [number, number][]), /item 1 is 3, expected a pair/);
    assert.throws(() => dict(3 as unknown as []), /got 3, expected pairs or an object/);
    assert.throws(() => dict(null as unknown as []), TypeError);
  });
});
