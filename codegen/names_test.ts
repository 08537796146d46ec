import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { identifier, NameScope, propertyKey, SPECIAL_NAMES } from "./names.ts";

describe("identifier()", () => {
  const table: readonly [python: string, place: Parameters<typeof identifier>[1], typescript: string][] = [
    ["read_csv", "module", "read_csv"],
    ["delete", "module", "delete_"],
    ["not-a-name", "module", "not_a_name"],
    ["1st", "module", "_1st"],
    ["naïve", "module", "na_ve"],
    ["Map", "type", "Map_"],
    ["object", "module", "object"],
    ["object", "type", "object_"],
    ["then", "member", "then_"],
    ["constructor", "member", "constructor_"],
    ["$", "member", "_"],
    ["delete", "member", "delete"],
    ["create", "static", "create_"],
    ["name", "static", "name_"],
    ["lambda", "parameter", "lambda"],
    ["new", "parameter", "new_"],
    ["kwargs", "parameter", "kwargs_"],
    ["", "parameter", "_"],
  ];
  for (const [python, place, typescript] of table) {
    it(`makes ${typescript} of ${JSON.stringify(python)} as ${place}`, () => {
      assert.equal(identifier(python, place), typescript);
    });
  }
});

describe("NameScope", () => {
  it("lets names that need no change keep theirs, whatever the order", () => {
    const names = new NameScope().assign(["a-b", "a_b", "a.b"], () => "module");
    assert.deepEqual([...names].sort(), [["a-b", "a_b_2"], ["a.b", "a_b_3"], ["a_b", "a_b"]]);
  });

  it("makes special methods yield to real names", () => {
    const names = new NameScope().assign(["__len__", "length", "__getitem__"], () => "member");
    assert.equal(names.get("length"), "length");
    assert.equal(names.get("__len__"), "length_2");
    assert.equal(names.get("__getitem__"), SPECIAL_NAMES.get("__getitem__"));
  });
});

describe("propertyKey()", () => {
  it("quotes what is no identifier", () => {
    assert.equal(propertyKey("lambda"), "lambda");
    assert.equal(propertyKey("a-b"), '"a-b"');
    assert.equal(propertyKey('"'), '"\\""');
  });
});
