import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import {
  type CallOptions,
  DtypeMismatchError,
  errors,
  type KnownShape,
  kw,
  NumericError,
  OutOfMemoryError,
  PythonError,
  type Ref,
  ShapeMismatchError,
  SnakeBridge,
  translateError,
} from "../../mod.ts";
import { raises } from "../support/raises.ts";
import { rigOptions, SharedRig } from "../support/rig.ts";

// The failures are made to happen: a message that a new version of a library words in another way fails here.

const rig = new SharedRig();
after(() => rig.close());

const HEAD = "import numpy as np\nimport pandas as pd\nz = np.zeros\n";

async function failure(bridge: SnakeBridge, code: string, options?: CallOptions): Promise<Error> {
  try {
    await bridge.call("builtins", "exec", [HEAD + code], undefined, options);
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  assert.fail(`${code} did not fail`);
}

const SHAPES: readonly (readonly [code: string, expected: KnownShape, actual: KnownShape, operation?: string])[] = [
  ["z((2, 3)) + z(4)", [2, 3], [4], "broadcast"],
  ["np.where(z(1) > 0, z(3), z(4))", [3], [4], "broadcast"],
  ["np.add(z((2, 3)), 1, out=z(3))", [2, 3], [3], "broadcast"],
  ["np.broadcast_to(z(3), (4,))", [4], [3], "broadcast"],
  ["np.broadcast(z(2), z(3))", [2], [3], "broadcast"],
  ["z((2, 3)) @ z((4, 5))", [3], [4], "matmul"],
  ["np.dot(z((2, 3)), z((4, 5)))", [3, 5], [4, 5], "dot"],
  ["np.einsum('ij,jk', z((2, 3)), z((4, 5)))", [2, 3], [4, 5], "einsum"],
  ["np.linalg.solve(np.eye(3), z(2))", [3], [2], "solve"],
  ["z(6).reshape(4, 2)", [4, 2], [6], "reshape"],
  ["z(6).reshape(4, -1)", [4, null], [6], "reshape"],
  ["np.concatenate([z((2, 3)), z((2, 4))])", [3], [4], "concatenate"],
  ["np.concatenate([z((2, 3)), z(2)])", [null, null], [null], "concatenate"],
  ["z(4)[:] = z(3)", [4], [3], "assignment"],
  ["z(4)[[0, 1]] = z(3)", [2], [3], "assignment"],
  ["z((3, 3))[[0, 1], [0, 1, 2]]", [2], [3], "broadcast"],
  ["z(3)[np.array([True, False])]", [3], [2], "boolean index"],
  ["pd.DataFrame({'a': [1, 2]}).assign(b=[1, 2, 3])", [2], [3]],
  ["pd.DataFrame({'a': [1, 2]}).columns = ['a', 'b']", [1], [2]],
  ["pd.DataFrame(z((2, 3)), columns=['a', 'b'])", [2, 2], [2, 3]],
  ["pd.DataFrame(z((2, 2))) + [1, 2, 3]", [2], [3]],
  ["pd.DataFrame(z((2, 3))).dot(z((4, 5)))", [3, 5], [4, 5], "dot"],
  ["pd.Series([1, 2, 3])[[True, False]]", [3], [2], "boolean index"],
  ["pd.Series([1, 2, 3]) == [1, 2]", [3], [2], "comparison"],
  ["from sklearn.preprocessing import StandardScaler as S\nS().fit(z((4, 2))).transform(z((4, 3)))", [null, 2], [
    null,
    3,
  ], "StandardScaler"],
  ["from sklearn.linear_model import Ridge\nRidge().fit(z((3, 2)), z(2))", [3], [2]],
  ["from sklearn.linear_model import Ridge\nRidge().fit(z(3), z(3))", [null, null], [null]],
  [
    "from sklearn.linear_model import Ridge\nRidge().fit(z((2, 2, 2)), z(2))",
    [null, null],
    [null, null, null],
    "Ridge",
  ],
  ["from sklearn.metrics import pairwise_distances as p\np(z((2, 3)), z((2, 4)))", [null, 3], [null, 4]],
  ["import scipy.sparse as s\ns.csr_matrix(z((2, 3))) @ s.csr_matrix(z((4, 5)))", [3], [4], "matmul"],
  ["import pyarrow as pa\npa.table({'a': [1, 2], 'b': [1]})", [2], [1]],
];

const DTYPES: readonly (readonly [code: string, expected: string, actual: string, operation?: string])[] = [
  ["np.add(np.array(['a']), 1)", "<U1", "int64", "add"],
  ["x = np.zeros(3, dtype='i8')\nx += 1.5", "int64", "float64", "add"],
  ["np.add(z(2), 1, dtype='i8')", "int64", "float64", "add"],
  ["np.array([1.5]).astype('i8', casting='safe')", "int64", "float64"],
  ["np.array(['2020-01-01'], dtype='M8[D]') + np.array([1.5])", "<M8[D]", "float64", "add"],
  ["pd.DataFrame({'a': [1]}).merge(pd.DataFrame({'a': [1.5]}).astype(str), on='a')", "int64", "str", "merge"],
];

const MEMORY: readonly (readonly [code: string, bytes: number | undefined])[] = [
  ["z((1_000_000, 1_000_000))", 8e12],
  ["np.ones(10 ** 15, dtype='i1')", 1e15],
  ["np.zeros(10 ** 12, dtype='U100')", 4e14],
  ["import pyarrow\npyarrow.allocate_buffer(8 * 10 ** 14)", 8e14],
  ["bytearray(10 ** 15)", undefined],
];

describe("translateError()", () => {
  for (const [code, expected, actual, operation] of SHAPES) {
    it(
      `reads the shapes of ${code.split("\n").at(-1)}`,
      rig.test(async ({ bridge }) => {
        const error = await failure(bridge, code);
        const read = translateError(error);
        assert.ok(read instanceof ShapeMismatchError, `${error.name}: ${error.message}`);
        assert.deepEqual([read.expected, read.actual, read.operation], [expected, actual, operation]);
      }),
    );
  }

  for (const [code, expected, actual, operation] of DTYPES) {
    it(
      `reads the data types of ${code.split("\n").at(-1)}`,
      rig.test(async ({ bridge }) => {
        const error = await failure(bridge, code);
        const read = translateError(error);
        assert.ok(read instanceof DtypeMismatchError, `${error.name}: ${error.message}`);
        assert.deepEqual([read.expected, read.actual, read.operation], [expected, actual, operation]);
      }),
    );
  }

  for (const [code, bytes] of MEMORY) {
    it(
      `reads the bytes of ${code.split("\n").at(-1)}`,
      rig.test(async ({ bridge }) => {
        const error = await failure(bridge, code);
        const read = translateError(error);
        assert.ok(read instanceof OutOfMemoryError, `${error.name}: ${error.message}`);
        assert.deepEqual([read.device, read.requestedBytes], ["cpu", bytes]);
      }),
    );
  }

  for (
    const code of [
      "z(3).sum(axis=2)",
      "int('x')",
      "pd.DataFrame({'a': [1]})['b']",
      "np.linalg.inv(z((2, 2)))",
      "raise ValueError('the bedroom has a shape mismatch: out of memory, dtype')",
    ]
  ) {
    it(
      `leaves ${code} alone`,
      rig.test(async ({ bridge }) => {
        const error = await failure(bridge, code);
        assert.equal(translateError(error), error);
      }),
    );
  }
});

const PRODUCT = "z((2, 3)) @ z((4, 5))";

describe("errorMode", () => {
  it(
    "raw gives the exception as it came",
    rig.test(async ({ bridge }) => {
      const error = await failure(bridge, PRODUCT);
      assert.ok(error instanceof errors.ValueError);
      assert.equal(error.translated, undefined);
    }),
  );

  it(
    "translated gives the exception with what it means beside it",
    rig.test(async ({ bridge }) => {
      const error = await failure(bridge, PRODUCT, { errorMode: "translated" });
      assert.ok(error instanceof errors.ValueError);
      assert.ok(error.translated instanceof ShapeMismatchError);
      assert.equal(error.translated.cause, error);
      assert.match(
        error.stack ?? "",
        /core dimension 0[^]*Cannot run matmul: dimension 0 is \(4,\), expected \(3,\); /,
      );
      const other = await failure(bridge, "int('x')", { errorMode: "translated" });
      assert.ok(other instanceof errors.ValueError && other.translated === undefined);
    }),
  );

  it(
    "raise_translated gives what it means, with the exception as its cause",
    rig.test(async ({ bridge }) => {
      const error = await failure(bridge, PRODUCT, { errorMode: "raise_translated" });
      assert.ok(error instanceof ShapeMismatchError);
      assert.ok(error.cause instanceof errors.ValueError);
      assert.equal(error.correlationId, error.cause.correlationId);
      assert.match(error.stack ?? "", /numeric_errors_test/);
      assert.ok(await failure(bridge, "int('x')", { errorMode: "raise_translated" }) instanceof errors.ValueError);
    }),
  );

  it(
    "is a call's own on proxies, in chains and on references, too",
    rig.test(async ({ bridge }) => {
      const np = bridge.import("numpy");
      const mode = { errorMode: "raise_translated" } as const;
      await assert.rejects(
        Promise.resolve(np.ones([2, 3]).reshape([4, 2], kw({}, mode)).sum(kw({}, mode))),
        raises(ShapeMismatchError, /reshape/),
      );
      await assert.rejects(Promise.resolve(np.ones([2, 3]).reshape([4, 2])), raises(PythonError));
      const ones = await bridge.call("numpy", "ones", [[2, 3]], {}, { returns: "ref" }) as Ref;
      await assert.rejects(ones.call("dot", [[1, 2]], {}, mode), raises(NumericError));
    }),
  );

  it(
    "is the bridge's where a call says nothing",
    rig.test(async () => {
      await using bridge = await SnakeBridge.start(rigOptions({ errorMode: "raise_translated" }));
      await assert.rejects(bridge.call("numpy", "ones", [[10 ** 7, 10 ** 7]]), raises(OutOfMemoryError));
      const raw = bridge.call("numpy", "ones", [[10 ** 7, 10 ** 7]], {}, { errorMode: "raw" });
      await assert.rejects(raw, raises(errors.MemoryError));
      await bridge.withSession(async (session) => {
        await assert.rejects(session.call("numpy", "ones", [[10 ** 7, 10 ** 7]]), raises(OutOfMemoryError));
      });
      await assert.rejects(
        Promise.resolve(bridge.import("numpy").ones([10 ** 7, 10 ** 7])),
        raises(OutOfMemoryError),
      );
    }),
  );

  it(
    "lets an exception pass through a function of ours as what it was",
    rig.test(async ({ bridge }) => {
      const options = { errorMode: "raise_translated" } as const;
      const inner = () => bridge.call("numpy", "dot", [[[1, 2]], [[1, 2]]], {}, options);
      const code = "def attempt(f):\n    try: f()\n    except ValueError as e: return str(e)";
      const space = await bridge.call("builtins", "dict", [], {}, { returns: "ref" }) as Ref;
      await bridge.call("builtins", "exec", [code, space]);
      const attempt = await space.at("attempt") as Ref;
      assert.equal(await attempt.invoke([inner]), "shapes (1,2) and (1,2) not aligned: 2 (dim 1) != 1 (dim 0)");
    }),
  );

  it(
    "is refused when it is another word",
    rig.test(async ({ bridge }) => {
      const bad = { errorMode: "pretty" as "raw" };
      const message = /errorMode is "pretty", expected "raw", "translated" or "raise_translated"/;
      await assert.rejects(bridge.call("math", "sqrt", [4], {}, bad), raises(TypeError, message));
      await assert.rejects(Promise.resolve(bridge.import("math").sqrt(4, kw({}, bad))), raises(TypeError, message));
      await assert.rejects(SnakeBridge.start(bad), raises(TypeError, message));
    }),
  );
});
