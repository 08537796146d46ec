import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PyType } from "./model.ts";
import { type ClassReference, parameterType, resultType, type TypeScope } from "./types.ts";

const CLASSES = new Map<string, ClassReference>([
  ["numpy.ndarray", { id: "numpy.ndarray", file: "numpy/mod.ts", name: "ndarray", plain: false }],
  ["pandas.DataFrame", { id: "pandas.DataFrame", file: "pandas/mod.ts", name: "DataFrame", plain: false }],
  ["pandas.Series", { id: "pandas.Series", file: "pandas/mod.ts", name: "Series", plain: false }],
  ["zoo.Options", { id: "zoo.Options", file: "zoo/mod.ts", name: "Options", plain: true }],
]);

function scope(arrays = false): TypeScope {
  return {
    arrays,
    self: CLASSES.get("pandas.DataFrame"),
    find: (id) => CLASSES.get(id),
    reference: (cls) => cls.name,
    wrapper: (name) => name,
  };
}

const name = (n: string, ...a: PyType[]): PyType => ({ k: "name", n, a });
const union = (...m: PyType[]): PyType => ({ k: "union", m });
const NONE: PyType = { k: "none" };
const ANY: PyType = { k: "any" };

describe("parameterType()", () => {
  const table: readonly [PyType | null, string][] = [
    [null, "unknown"],
    [name("int"), "number | bigint"],
    [name("typing.SupportsIndex"), "number"],
    [union(name("float"), NONE), "number | null"],
    [name("typing.Sequence", name("str")), "readonly string[]"],
    [name("typing.Sequence", union(name("str"), name("float"))), "readonly (string | number)[]"],
    [name("dict", name("str"), name("float")), "Readonly<Record<string, number>>"],
    [{ k: "tuple", m: [name("float"), name("str")], rest: false }, "readonly [number, string]"],
    [{ k: "tuple", m: [name("float")], rest: true }, "readonly number[]"],
    [{ k: "literal", v: ["a|b", true, 3] }, '"a|b" | true | 3'],
    [union({ k: "literal", v: ["a"] }, name("str")), "string"],
    [union(name("str"), name("os.PathLike", name("str"))), "PathLike"],
    [union(name("numpy.typing.ArrayLike"), name("float"), NONE), "ArrayLike | null"],
    [union(name("str"), ANY), "string | PyObject"],
    [{ k: "callable" }, "PyCallable"],
    [{ k: "self" }, "DataFrame"],
    [name("zoo.Options"), "Options"],
    [name("somewhere.Unknown"), "PyObject"],
  ];
  for (const [type, text] of table) {
    it(`writes ${text} for ${JSON.stringify(type)}`, () => assert.equal(parameterType(type, scope()), text));
  }

  it("reads nested sequences of numbers as arrays in numpy", () => {
    const nested = name("typing.Sequence", name("typing.Sequence", name("float")));
    assert.equal(parameterType(nested, scope(true)), "ArrayLike");
    assert.equal(parameterType(nested, scope()), "readonly (readonly number[])[]");
  });
});

describe("resultType()", () => {
  const table: readonly [PyType | null, string, string | undefined][] = [
    [null, "PyPromise<unknown>", undefined],
    [NONE, "PyPromise<void>", undefined],
    [name("int"), "PyPromise<number>", undefined],
    [union(name("str"), NONE), "PyPromise<string | null>", undefined],
    [name("numpy.ndarray"), "Pending<ndarray, NdArray>", "ndarray"],
    [name("numpy.floating"), "PyPromise<number>", undefined],
    [union(name("numpy.ndarray"), name("float")), "Pending<ndarray, NdArray | number>", "ndarray"],
    [name("pandas.DataFrame"), "Pending<DataFrame>", "DataFrame"],
    [union(name("pandas.DataFrame"), ANY), "Pending<DataFrame>", "DataFrame"],
    [union(name("pandas.DataFrame"), name("pandas.Series")), "Pending<DataFrame | Series>", "DataFrame"],
    [{ k: "self" }, "Pending<DataFrame>", "DataFrame"],
    [{ k: "tuple", m: [name("int"), name("str")], rest: false }, "PyPromise<Tuple<[number, string]>>", undefined],
    [name("list", name("pandas.Series")), "PyPromise<Ref[]>", undefined],
    [name("dict", name("str"), name("bytes")), "PyPromise<Record<string, Uint8Array>>", undefined],
    [name("zoo.Options"), "PyPromise<Options>", undefined],
    [name("somewhere.Unknown"), "Pending<PyObject>", "PyObject"],
    [
      name("typing.Iterator", name("int")),
      "Pending<PyObject & AsyncIterable<number>>",
      "PyObject & AsyncIterable<number>",
    ],
  ];
  for (const [type, text, remote] of table) {
    it(`writes ${text} for ${JSON.stringify(type)}`, () => {
      // What awaiting gives stands last between the brackets.
      const awaited = /^\w+<(?:[^<>]+, )?(.*)>$/.exec(text)?.[1];
      assert.deepEqual(resultType(type, scope()), { text, awaited, remote });
    });
  }
});
