import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import {
  ArrowData,
  Complex,
  Decimal,
  Ellipsis,
  float,
  FrozenSet,
  NdArray,
  type Ref,
  slice,
  type SnakeBridge,
  Tuple,
} from "../../mod.ts";
import { SharedRig } from "../support/rig.ts";

const rig = new SharedRig();
after(() => rig.close());

const PLAIN: readonly (readonly [string, unknown, string])[] = [
  ["None", null, "None"],
  ["True", true, "True"],
  ["an int", 42, "42"],
  ["a negative int", -7, "-7"],
  ["the largest safe int", Number.MAX_SAFE_INTEGER, "9007199254740991"],
  ["an int beyond 2^53", 2n ** 53n, "9007199254740992"],
  ["an int beyond 64 bits", -(10n ** 30n), "-1000000000000000000000000000000"],
  ["a float", 1.5, "1.5"],
  ["a tiny float", 5e-324, "5e-324"],
  ["NaN", NaN, "nan"],
  ["Infinity", -Infinity, "-inf"],
  ["negative zero", -0, "-0.0"],
  ["text", "Grüße, 世界 🐍\0", "'Grüße, 世界 🐍\\x00'"],
  ["empty text", "", "''"],
  ["bytes", Uint8Array.of(0, 255, 10), "b'\\x00\\xff\\n'"],
  ["a list", [1, [2, []]], "[1, [2, []]]"],
  ["a tuple", Tuple.of<unknown>(1, "a"), "(1, 'a')"],
  ["an empty tuple", new Tuple(), "()"],
  ["a dict", { b: 1, a: null }, "{'b': 1, 'a': None}"],
  ["a dict with digits as keys, in order", new Map([["2", 1], ["1", 2]]), "{'2': 1, '1': 2}"],
  [
    "a dict with keys of any kind",
    new Map<unknown, unknown>([[1, "a"], [Tuple.of(1, 2), null]]),
    "{1: 'a', (1, 2): None}",
  ],
  ["a set", new Set([1]), "{1}"],
  ["an empty set", new Set(), "set()"],
  ["a frozenset", new FrozenSet([1]), "frozenset({1})"],
  ["a complex", new Complex(1, -2), "(1-2j)"],
  ["a Decimal", new Decimal("1.10"), "Decimal('1.10')"],
  [
    "a naive datetime",
    Temporal.PlainDateTime.from("2024-02-29T12:30:00.000001"),
    "datetime.datetime(2024, 2, 29, 12, 30, 0, 1)",
  ],
  ["a date", Temporal.PlainDate.from("2024-02-29"), "datetime.date(2024, 2, 29)"],
  ["a time", Temporal.PlainTime.from("23:59:59.999999"), "datetime.time(23, 59, 59, 999999)"],
  ["a slice", slice(1, null, 2), "slice(1, None, 2)"],
  ["an ellipsis", Ellipsis, "Ellipsis"],
];

describe("values through a worker", () => {
  for (const [name, value, repr] of PLAIN) {
    it(
      `${name} arrives as ${repr} and comes back the same`,
      rig.test(async ({ bridge }) => {
        assert.equal(await bridge.call("builtins", "repr", [value]), repr);
        for (const returns of ["auto", "value"] as const) {
          const back = await bridge.call("sbtest", "same", [value], {}, { returns });
          if (isTemporal(value)) assert.equal(String(back), String(value));
          // Keys that look like numbers stay in a Map, whose order is Python's.
          else assert.deepEqual(back, value);
          assert.equal(Object.getPrototypeOf(back ?? 0), Object.getPrototypeOf(value ?? 0));
          if (typeof value === "number") assert.ok(Object.is(back, value));
        }
      }),
    );
  }

  it(
    "float(1) is a float in Python, 1 an int",
    rig.test(async ({ bridge }) => {
      assert.equal(await bridge.call("sbtest", "describe", [1, float(1), 1n]), "((1, 1.0, 1), {})");
    }),
  );

  it(
    "aware datetimes keep their zone, and a Date is UTC",
    rig.test(async ({ bridge }) => {
      const berlin = Temporal.ZonedDateTime.from("2024-07-01T12:00:00.000001+02:00[Europe/Berlin]");
      const same = await bridge.call("sbtest", "same", [berlin]) as Temporal.ZonedDateTime;
      assert.equal(same.toString(), berlin.toString());
      assert.equal(await bridge.call("builtins", "str", [berlin]), "2024-07-01 12:00:00.000001+02:00");
      const date = new Date("2024-01-02T03:04:05.678Z");
      assert.equal(await bridge.call("builtins", "str", [date]), "2024-01-02 03:04:05.678000+00:00");
      const back = await bridge.call("sbtest", "same", [date]) as Temporal.ZonedDateTime;
      assert.equal(back.epochMilliseconds, date.getTime());
    }),
  );

  it(
    "durations are timedeltas, and one of months is refused",
    rig.test(async ({ bridge }) => {
      const duration = Temporal.Duration.from({ days: 1, hours: 26, microseconds: 3 });
      assert.equal(await bridge.call("builtins", "str", [duration]), "2 days, 2:00:00.000003");
      assert.equal(await bridge.call("builtins", "str", [duration.negated()]), "-3 days, 21:59:59.999997");
      const back = await bridge.call("sbtest", "same", [duration]) as Temporal.Duration;
      assert.equal(back.total("microseconds"), duration.total("microseconds"));
      await assert.rejects(bridge.call("sbtest", "same", [Temporal.Duration.from({ months: 1 })]), /month/);
    }),
  );

  it(
    "keys that would change an object's prototype stay data",
    rig.test(async ({ bridge }) => {
      const map = new Map([["__proto__", { polluted: true }]]);
      const back = await bridge.call("sbtest", "same", [map]);
      assert.deepEqual(back, map);
      assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    }),
  );

  it(
    "10 MB of bytes go and come back",
    rig.test(async ({ bridge }) => {
      const bytes = new Uint8Array(10_000_000).map((_, i) => (i * 31) & 255);
      assert.equal(await bridge.call("zlib", "crc32", [bytes]), await bridge.call("zlib", "crc32", [bytes.slice()]));
      const back = await bridge.call("sbtest", "same", [bytes]) as Uint8Array;
      assert.equal(back.length, bytes.length);
      assert.ok(back.every((byte, i) => byte === ((i * 31) & 255)));
      const text = "é".repeat(3_000_000);
      assert.ok(await bridge.call("sbtest", "same", [text]) === text);
    }),
  );

  it(
    "many buffers in one call keep their places",
    rig.test(async ({ bridge }) => {
      const parts = Array.from({ length: 50 }, (_, i) => new Uint8Array(5_000).fill(i));
      const back = await bridge.call("sbtest", "same", [parts]) as Uint8Array[];
      assert.deepEqual(back.map((part) => [part.length, part[0], part.at(-1)]), parts.map((_, i) => [5_000, i, i]));
    }),
  );

  it(
    "a result beyond the limits is a typed error, and the next call works",
    rig.test(async ({ bridge }, { pid }) => {
      await assert.rejects(
        bridge.call("builtins", "list", [await bridge.call("builtins", "range", [20_000_000])]),
        (error) => {
          assert.equal((error as { code?: string }).code, "limit_exceeded");
          assert.equal((error as { limit?: string }).limit, "maxElements");
          return true;
        },
      );
      assert.equal(await bridge.call("sbtest", "pid"), pid);
    }),
  );
});

function isTemporal(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    (value as object)[Symbol.toStringTag as keyof object] !== undefined &&
    String((value as Record<symbol, unknown>)[Symbol.toStringTag]).startsWith("Temporal.");
}

describe("numpy through a worker", () => {
  const DTYPES = [
    "|b1",
    "|i1",
    "|u1",
    "<i2",
    "<u2",
    "<i4",
    "<u4",
    "<i8",
    "<u8",
    "<f2",
    "<f4",
    "<f8",
    "<c8",
    "<c16",
    ">i4",
    ">f8",
    "<M8[ns]",
    "<M8[D]",
    "<m8[us]",
    "<U3",
    "|S3",
  ];

  async function python(bridge: SnakeBridge, code: string, value?: unknown): Promise<unknown> {
    return await bridge.call("builtins", "eval", [code, { np: await bridge.attr("numpy", ""), value: value ?? null }]);
  }

  for (const dtype of DTYPES) {
    it(
      `${dtype} comes as an array and goes back the same, in every layout`,
      rig.test(async ({ bridge }) => {
        using array = await bridge.call(
          "builtins",
          "eval",
          [`__import__("numpy").array([[0, 1, 1], [1, 0, 1]]).astype("${dtype}")`],
          {},
          { returns: "ref" },
        ) as Ref;
        for (
          const layout of [
            "value",
            "value.T",
            "value[:, ::2]",
            "value[0, 0:0]",
            "value[1:1]",
            "value.reshape(-1)[::-1]",
          ]
        ) {
          const here = await python(bridge, layout, array) as NdArray;
          assert.ok(here instanceof NdArray, layout);
          assert.equal(here.dtype, dtype);
          const there = layout.replace("value", "value[1]");
          const same = "(lambda a, b: a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all()))";
          assert.equal(await python(bridge, `${same}(value[0], ${there})`, [here, array]), true, layout);
        }
      }),
    );
  }

  it(
    "shape, items and nesting are those of Python",
    rig.test(async ({ bridge }) => {
      const array = await python(bridge, "np.arange(6).reshape(2, 3)") as NdArray;
      assert.deepEqual([...array.shape], [2, 3]);
      assert.deepEqual(array.toNested(), [[0n, 1n, 2n], [3n, 4n, 5n]].map((row) => row.map(Number)));
      const scalar = await python(bridge, "np.array(2.5)") as NdArray;
      assert.deepEqual([...scalar.shape], []);
      const empty = await python(bridge, "np.zeros((0, 3))") as NdArray;
      assert.deepEqual([...empty.shape], [0, 3]);
      assert.deepEqual(empty.toNested(), []);
    }),
  );

  it(
    "scalars are plain values",
    rig.test(async ({ bridge }) => {
      assert.equal(await python(bridge, "np.float64(1.5)"), 1.5);
      assert.equal(await python(bridge, "np.int64(7)"), 7);
      assert.equal(await python(bridge, "np.uint64(2**64 - 1)"), 2n ** 64n - 1n);
      assert.equal(await python(bridge, "np.bool_(True)"), true);
      assert.equal(await python(bridge, "np.str_('s')"), "s");
      assert.deepEqual(await python(bridge, "np.complex128(1+2j)"), new Complex(1, 2));
      assert.ok(await python(bridge, "np.datetime64('2024-01-01')") instanceof NdArray);
    }),
  );

  it(
    "typed arrays are arrays of their type",
    rig.test(async ({ bridge }) => {
      const kinds = [
        new Float64Array([1, 2]),
        new Float32Array([1, 2]),
        new Int32Array([1, 2]),
        new BigInt64Array([1n, 2n]),
        new Uint16Array([1, 2]),
      ];
      const found = await python(bridge, "[f'{type(v).__name__} {v.dtype} {v.tolist()}' for v in value]", kinds);
      assert.deepEqual(found, [
        "ndarray float64 [1.0, 2.0]",
        "ndarray float32 [1.0, 2.0]",
        "ndarray int32 [1, 2]",
        "ndarray int64 [1, 2]",
        "ndarray uint16 [1, 2]",
      ]);
    }),
  );

  it(
    "10 MB of float64 go and come back",
    rig.test(async ({ bridge }) => {
      const values = new Float64Array(1_250_000).map((_, i) => i / 3);
      const back = await bridge.call("sbtest", "same", [values]) as NdArray;
      assert.ok(back instanceof NdArray);
      assert.equal(await bridge.call("numpy", "sum", [values]), await bridge.call("numpy", "sum", [back]));
      assert.ok(back.data instanceof Float64Array);
      assert.deepEqual(back.data, values);
    }),
  );

  it(
    "an object array stays in Python",
    rig.test(async ({ bridge }) => {
      using array = await python(bridge, "np.array([None, 'a'], dtype=object)") as Ref;
      assert.equal(array.type, "numpy.ndarray");
      assert.equal(await array.len(), 2);
    }),
  );
});

describe("Ref.toArrow()", () => {
  it(
    "gives a table as Arrow data, which goes back as what it was",
    rig.test(async ({ bridge }) => {
      using table = await bridge.call("pyarrow", "table", [{ a: [1, 2], b: ["x", "y"] }]) as Ref;
      const arrow = await table.toArrow() as ArrowData;
      assert.ok(arrow instanceof ArrowData);
      assert.equal(arrow.library, "pyarrow");
      assert.equal(await table.call("equals", [arrow]), true);
    }),
  );

  it(
    "gives pandas frames too",
    rig.test(async ({ bridge }) => {
      using frame = await bridge.call("pandas", "DataFrame", [{ a: [1, 2], b: ["x", null] }]) as Ref;
      const arrow = await frame.toArrow() as ArrowData;
      assert.equal(arrow.library, "pandas");
      assert.equal(await frame.call("equals", [arrow]), true);
    }),
  );
});
