import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { bytes, evaluate, readVectors, type ValueVectors } from "./_vectors.ts";
import { Complex, NdArray, parseDType } from "./mod.ts";

describe("NdArray.from()", () => {
  const cases: [source: unknown, dtype: string, shape: number[]][] = [
    [[1, 2, 3], "<i8", [3]],
    [[[1.5, 2], [3, 4]], "<f8", [2, 2]],
    [[true, false], "|b1", [2]],
    [[true, 2], "<i8", [2]],
    [[1, -0], "<f8", [2]],
    [[2n ** 63n], "<u8", [1]],
    [[1, new Complex(0, 1)], "<c16", [2]],
    [["a", "🐍🐍"], "<U2", [2]],
    [[], "<f8", [0]],
    [[[], []], "<f8", [2, 0]],
    [7, "<i8", []],
    [NaN, "<f8", []],
  ];
  for (const [source, dtype, shape] of cases) {
    it(`makes ${dtype} of ${inspect(source)} as numpy does`, () => {
      const array = NdArray.from(source as number[]);
      assert.equal(array.dtype, dtype);
      assert.deepEqual(array.shape, shape);
      if (!dtype.includes("c")) {
        assert.deepEqual(array.toNested(), dtype === "<i8" && Array.isArray(source) ? source.map(Number) : source);
      }
    });
  }
  it("takes a dtype and a shape", () => {
    const array = NdArray.from([1, 2, 3, 4], { dtype: ">i2", shape: [2, 2] });
    assert.deepEqual([...array.bytes], [0, 1, 0, 2, 0, 3, 0, 4]);
    assert.deepEqual(array.toNested(), [[1, 2], [3, 4]]);
    assert.equal(NdArray.from(new Uint8Array([1, 2]), { dtype: "float32" }).dtype, "<f4");
  });
  it("shares the memory of a typed array", () => {
    const source = new Float32Array([1, 2, 3, 4]);
    const array = NdArray.from(source, { shape: [2, 2] });
    source[3] = 9;
    assert.deepEqual(array.toNested(), [[1, 2], [3, 9]]);
  });
  it("refuses rows of unequal length and items that do not fit, and says which", () => {
    assert.throws(() => NdArray.from([[1, 2], [3]]), /\$\[1\] has 1 items/);
    assert.throws(() => NdArray.from([[1], 2]), /\$\[1\] is nested/);
    assert.throws(() => NdArray.from([1, "a"]), /mixed/);
    assert.throws(() => NdArray.from([300], { dtype: "int8" }), /300 does not fit/);
    assert.throws(() => NdArray.from([1.5], { dtype: "int8" }), /1.5 does not fit/);
    assert.throws(() => NdArray.from([2n ** 64n]), /does not fit/);
    assert.throws(() => NdArray.from([1, 2], { shape: [3] }), RangeError);
    assert.throws(() => NdArray.from([1], { dtype: "object" }), TypeError);
  });
});

describe("NdArray", () => {
  // numpy's own tolist() of these arrays.
  const nested: Record<string, unknown> = {
    "ndarray, two dimensions": [[0, 1, 2], [3, 4, 5]],
    "ndarray, Fortran order": [[0, 1, 2], [3, 4, 5]],
    "ndarray, Fortran order, big endian": [[0, 1], [2, 3], [4, 5]],
    "ndarray, Fortran order, three dimensions": [[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]], [[12, 13, 14, 15], [
      16,
      17,
      18,
      19,
    ], [20, 21, 22, 23]]],
    "ndarray >f8": [0, 1, 100],
    "ndarray >f2": [0, 1, 100],
    "ndarray <f2": [0, 1, 100],
    "ndarray |b1": [false, true, true],
    "ndarray of int extremes": [-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n],
    "ndarray of uint64 maximum": [2n ** 64n - 1n],
    "ndarray, no dimension": 1.5,
    "ndarray, empty, two dimensions": [],
    "ndarray, empty, last dimension": [[], [], []],
    "ndarray <U5": ["a", "Grüße", ""],
    "ndarray >U2": ["ab", "蛇"],
    "ndarray <U1 beyond the first plane": ["🐍"],
    "ndarray |S3": ["abc", "a", ""],
    "ndarray |S3 with a zero inside": ["a\0b"],
    "ndarray |S1 beyond ASCII": ["ÿ"],
    "ndarray >c8": [new Complex(0, 0), new Complex(1, 0), new Complex(100, 0)],
    "ndarray >M8[s]": [1719835200n],
    "ndarray <m8[h]": [25n],
  };
  const { vectors } = readVectors<ValueVectors>("values.json");
  for (const [name, expected] of Object.entries(nested)) {
    it(`toNested() of ${name} is numpy's tolist()`, () => {
      const vector = vectors.find((candidate) => candidate.name === name);
      assert.deepEqual((evaluate(vector!.js!) as NdArray).toNested(), expected);
    });
  }

  it("data has the typed array of the dtype", () => {
    const kinds: [string, number, unknown][] = [
      ["|b1", 1, Uint8Array],
      ["|i1", 1, Int8Array],
      ["<u2", 2, Uint16Array],
      ["<i8", 8, BigInt64Array],
      ["<u8", 8, BigUint64Array],
      ["<f2", 2, Float16Array],
      ["<f4", 4, Float32Array],
      ["<c8", 8, Float32Array],
      ["<c16", 16, Float64Array],
      ["<M8[ns]", 8, BigInt64Array],
      [">i4", 4, Int32Array],
    ];
    for (const [dtype, size, type] of kinds) {
      assert.equal(new NdArray(dtype, [1], new Uint8Array(size)).data.constructor, type, dtype);
    }
    assert.throws(() => new NdArray("<f16", [1], new Uint8Array(16)).data, /astype/);
  });

  it("sends back what was written to data, whatever the byte order and alignment", () => {
    const whole = new Uint8Array(17);
    const arrays = [
      new NdArray("<i4", [2], bytes("0100000002000000")),
      new NdArray(">i4", [2], bytes("0000000100000002")),
      new NdArray("<i4", [2], whole.subarray(1, 9)),
    ];
    for (const array of arrays) {
      (array.data as Int32Array)[1] = 258;
      assert.equal(array.item(1), 258);
      assert.deepEqual([...array.bytes.subarray(4)], array.dtype === ">i4" ? [0, 0, 1, 2] : [2, 1, 0, 0]);
    }
  });

  it("item() takes indices, counts back from the end and refuses others", () => {
    const array = NdArray.from([[1, 2, 3], [4, 5, 6]]);
    assert.equal(array.item(1, 0), 4);
    assert.equal(array.item(-1, -1), 6);
    assert.equal(NdArray.from(5).item(), 5);
    assert.throws(() => array.item(2, 0), RangeError);
    assert.throws(() => array.item(0), RangeError);
    assert.throws(() => array.item(0, 1.5), RangeError);
  });

  it("has strides in bytes, for both orders", () => {
    assert.deepEqual(new NdArray("<f8", [2, 3], new Uint8Array(48)).strides, [24, 8]);
    assert.deepEqual(new NdArray("<f8", [2, 3], new Uint8Array(48), "F").strides, [8, 16]);
  });

  it("iterates along the first dimension", () => {
    assert.deepEqual([...NdArray.from([1, 2])], [1, 2]);
    const columns = new NdArray("|u1", [2, 3], new Uint8Array([0, 3, 1, 4, 2, 5]), "F");
    assert.deepEqual(Array.from(columns, (row) => (row as NdArray).toNested()), [[0, 1, 2], [3, 4, 5]]);
    assert.throws(() => [...NdArray.from(1)], TypeError);
  });

  it("shows dtype, shape and the first items", () => {
    assert.equal(inspect(NdArray.from([[1, 2], [3, 4]])), "NdArray(<i8, [2, 2]) [[1, 2], [3, 4]]");
    assert.match(inspect(NdArray.from(new Float64Array(100))), /\.\.\. 92 more\]$/);
  });

  it("refuses bytes that do not fit the shape", () => {
    assert.throws(() => new NdArray("<f8", [2], new Uint8Array(15)), RangeError);
    assert.throws(() => new NdArray("<f8", [-1], new Uint8Array(0)), RangeError);
  });
});

describe("parseDType()", () => {
  it("writes names as numpy's dtype.str", () => {
    const names = {
      float64: "<f8",
      "f8": "<f8",
      "=i4": "<i4",
      "i1": "|i1",
      ">u1": "|u1",
      "bool": "|b1",
      "S5": "|S5",
      ">M8[ns]": ">M8[ns]",
      "<m8": "<m8",
    };
    for (const [name, expected] of Object.entries(names)) assert.equal(parseDType(name).name, expected);
  });
  it("refuses what has no encoding", () => {
    for (const name of ["", "O", "|V8", "f3", "M8[x]", "<f8,<i4", "constructor"]) {
      assert.throws(() => parseDType(name), TypeError);
    }
  });
});
