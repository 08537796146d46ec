import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { NdArray, type NdItem, type Ref, SerializationError, type SnakeBridge } from "../../mod.ts";
import { raises } from "../support/raises.ts";
import { SharedRig } from "../support/rig.ts";

const rig = new SharedRig();
after(() => rig.close());

function python(bridge: SnakeBridge, code: string, given: Record<string, unknown> = {}): Promise<unknown> {
  return bridge.call("sbtables", "evaluate", [code, given]);
}

const UNITS = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "10ns", "7D"];
const ARRAYS: readonly string[] = [
  ...["?", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "e", "f", "d", "F", "D"].flatMap((code) => [
    `np.array([[1, 0, 1], [0, 1, 1]], '${code}')`,
    `np.array([1, 0, 1], '>${code}')`,
  ]),
  ...UNITS.flatMap((
    unit,
  ) => [`np.array([5, 'NaT', -3], 'm8[${unit}]')`, `np.array([5, -2**63, -3], '>i8').view('>M8[${unit}]')`]),
  "np.array(['NaT', 'NaT'], 'M8')",
  "np.array([5, 6], 'm8')",
  "np.array(['', 'héllo', '🐍', 'a' * 40])",
  "np.array(['héllo', '🐍'], '>U5')",
  "np.array(['', ''], 'U0')",
  "np.array([b'abc', b'', b'\\xff\\x00\\x01'])",
  "np.array([b''], 'S0')",
  "np.array([2**63 - 1, -2**63, 2**53 + 1, 2**53 - 1])",
  "np.array([2**64 - 1, 0], 'u8')",
  "np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324])",
  "np.array([complex(np.nan, -0.0), complex(np.inf, 1)])",
  "np.array([65504, 6e-8, -0.0, np.nan], 'e')",
  "np.array(5)",
  "np.array('text')",
  "np.array(True)",
  "np.zeros((0, 3))",
  "np.zeros((3, 0, 2), order='F')",
  "np.zeros((0,), 'U3')",
  "np.arange(10)[::-2]",
  "np.arange(12).reshape(3, 4)[::-1, ::-1]",
  "np.broadcast_to(np.arange(3), (4, 3))",
  "np.broadcast_to(np.array(7), (4, 3))",
  "np.asfortranarray(np.arange(12).reshape(3, 4))",
  "np.arange(24).reshape(2, 3, 4).T",
  "np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2)",
  "np.arange(64).reshape((2,) * 6).transpose(5, 0, 4, 1, 3, 2)",
  "np.zeros((1,) * 64)",
  "np.arange(100).reshape(10, 10)[2:5, ::3]",
  "np.frombuffer(b'x' * 17, 'u1')[1:].view('f8')",
  "np.frombuffer(b'read only', 'u1')",
  "np.zeros(2, np.dtype('f8', metadata={'a': 1}))",
  "np.zeros(2, np.dtype(('i4', (3,))))",
  "np.arange(100_000, dtype='>i4').reshape(100, -1)[:, ::-1]",
];

/** What an item is in Python, said in a form that is compared here. */
const PLAIN = `(lambda a: a.view(a.dtype.str.replace('M8', 'i8').replace('m8', 'i8').partition('[')[0]).tolist()
  if a.dtype.kind in 'mM' else np.char.decode(a, 'latin-1').tolist() if a.dtype.kind == 'S' else a.tolist())(a)`;

/** Times are bigints here whatever their size. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === "bigint" && BigInt.asIntN(53, value) === value ? Number(value) : value;
}

describe("arrays of numpy", () => {
  for (const code of ARRAYS) {
    it(
      `${code.replaceAll(/\s+/g, " ")} is the same here and back`,
      rig.test(async ({ bridge }) => {
        const array = await python(bridge, code) as NdArray;
        assert.ok(array instanceof NdArray);
        const [dtype, shape, items] = await python(bridge, `[a.dtype.str, list(a.shape), ${PLAIN}]`, { a: array }) as [
          string,
          number[],
          unknown,
        ];
        assert.deepEqual([array.dtype, [...array.shape]], [dtype, shape]);
        const nested = array.toNested();
        assert.deepEqual(plain(nested), plain(items));
        // Each item by its indices, from the front and from the back.
        const places = shape.map((length) => length - 1);
        if (array.size > 0) {
          let last: unknown = nested;
          for (const place of places) last = (last as unknown[])[place];
          assert.deepEqual(array.item(...places), last);
          assert.deepEqual(array.item(...shape.map(() => -1)), last);
        }
        if (array.ndim > 0) {
          const rows = [...array].map((row) => row instanceof NdArray ? row.toNested() : row);
          assert.deepEqual(rows, nested);
        }
        const same = `(lambda a, b: type(a) is np.ndarray and a.dtype == b.dtype and a.shape == b.shape
          and a.tobytes() == b.tobytes() and a.flags.writeable)(a, ${code})`;
        assert.equal(await python(bridge, same, { a: array }), true);
        // Made anew of what was read, unless the dtype has no spelling for its items here.
        if (!["m", "M", "c"].includes(array.dtype[1]!)) {
          const again = NdArray.from(nested as NdItem[], { dtype: array.dtype, shape: array.shape });
          assert.deepEqual(plain(again.toNested()), plain(nested));
          assert.equal(await python(bridge, same, { a: again }), true);
        }
      }),
    );
  }

  it(
    "long doubles pass through, though no number here can show them",
    rig.test(async ({ bridge }) => {
      for (const code of ["np.array([1, 2, 3], 'g') / 3", "np.array([1 + 2j], 'G') / 3", "np.longdouble(1) / 3"]) {
        const array = await python(bridge, code) as NdArray;
        assert.ok(array instanceof NdArray);
        assert.throws(() => array.data, /^TypeError: Cannot view .*: JavaScript has no such numbers; use astype/);
        assert.throws(() => array.toNested(), TypeError);
        assert.match(String(array), /NdArray\([<>][fc]\d+/);
        assert.equal(
          await python(bridge, `a.dtype == (${code}).dtype and bool((a == ${code}).all())`, { a: array }),
          true,
        );
      }
    }),
  );

  it(
    "what has no dtype of the protocol stays in Python, wherever it is",
    rig.test(async ({ bridge }) => {
      for (
        const code of [
          "np.array([None, 1], object)",
          "np.zeros(3, [('a', 'i4'), ('b', 'f8')])",
          "np.zeros(3, [('a', 'i4'), ('b', 'f8')])[0]",
          "np.rec.array([(1, 2.0)], dtype=[('a', 'i4'), ('b', 'f8')])",
          "np.array(['a', 'bb'], dtype=np.dtypes.StringDType())",
          "np.array([b'abc'], 'V3')",
          "np.ma.array([1, 2], mask=[False, True])",
        ]
      ) {
        using ref = await python(bridge, code) as Ref;
        assert.match(ref.type, /^numpy\./, code);
        const [inside] = await python(bridge, `[${code}]`) as [Ref];
        assert.match(inside.type, /^numpy\./, code);
        inside.release();
        const asValue = bridge.call("sbtables", "evaluate", [code, {}], undefined, { returns: "value" });
        await assert.rejects(asValue, raises(SerializationError, /has no encoding/), code);
      }
    }),
  );

  it(
    "a subclass is an object, and an array where a value is asked for",
    rig.test(async ({ bridge }) => {
      using matrix = await python(bridge, "np.matrix([[1, 2]])") as Ref;
      assert.equal(matrix.type, "numpy.matrix");
      const value = await matrix.value();
      assert.ok(value instanceof NdArray);
      assert.deepEqual(value.toNested(), [[1, 2]]);
    }),
  );
});
