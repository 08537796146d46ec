import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import {
  Complex,
  Decimal,
  float,
  FrozenSet,
  LimitExceededError,
  type NdArray,
  PythonError,
  Ref,
  SerializationError,
  type SnakeBridge,
  SnakeBridgeError,
  Tuple,
} from "../../mod.ts";
import { raises } from "../support/raises.ts";
import { SharedRig } from "../support/rig.ts";

const rig = new SharedRig();
after(() => rig.close());

function python(bridge: SnakeBridge, code: string, value?: unknown): Promise<unknown> {
  return bridge.call("sbvalues", "evaluate", [code, value]);
}

describe("deep values", () => {
  const makers: Record<string, (inner: unknown) => unknown> = {
    list: (inner) => [inner],
    dict: (inner) => ({ a: inner }),
    tuple: (inner) => Tuple.of(inner),
    pairs: (inner) => new Map([[1, inner]]),
    set: (inner) => new Set([inner]),
    frozenset: (inner) => new FrozenSet([inner]),
  };
  for (const [kind, wrap] of Object.entries(makers)) {
    it(
      `${kind}: 10,000 levels are refused before they leave`,
      rig.test(async ({ bridge }) => {
        let value: unknown = null;
        for (let i = 0; i < 10_000; i++) value = wrap(value);
        await assert.rejects(bridge.call("builtins", "id", [value]), raises(LimitExceededError, /maxDepth is 512/));
        await assert.rejects(
          bridge.call("builtins", "dict", [], { deep: value }),
          raises(LimitExceededError, /maxDepth is 512/),
        );
      }),
    );
  }
  for (const kind of ["list", "dict", "tuple", "pairs", "frozenset", "mixed", "wide"]) {
    it(
      `${kind}: 10,000 levels are refused by Python, however they are asked for`,
      rig.test(async ({ bridge }) => {
        for (const returns of ["auto", "value"] as const) {
          const call = bridge.call("sbvalues", "deep", [kind, 10_000], undefined, { returns });
          await assert.rejects(call, raises(LimitExceededError, /maxDepth is 513, limit is 512/));
        }
        using ref = await bridge.call("sbvalues", "deep", [kind, 10_000], undefined, { returns: "ref" }) as Ref;
        assert.ok(ref instanceof Ref);
        assert.equal(typeof String(ref), "string");
        await assert.rejects(bridge.call("sbtest", "same", [ref]), raises(LimitExceededError));
        let depth = 0;
        const shallow = await bridge.call("sbvalues", "deep", [kind, 150]);
        for (
          let value = shallow;
          value !== null;
          depth++
        ) {
          value = value instanceof Map
            ? value.get(1)
            : value instanceof Set
            ? [...value][0]
            : Array.isArray(value)
            ? value.at(-1)
            : (value as { a: unknown }).a;
        }
        assert.equal(depth, kind === "mixed" ? 450 : 150);
        assert.equal(await bridge.call("math", "sqrt", [4]), 2);
      }),
    );
  }
});

describe("values that would lose a part", () => {
  it(
    "keys and items that are one to Python are refused",
    rig.test(async ({ bridge }) => {
      const pairs: unknown[] = [
        new Map<unknown, unknown>([[1, "a"], [true, "b"]]),
        new Map([[Tuple.of(1), 1], [Tuple.of(1), 2]]),
        new Map<unknown, unknown>([[1, "a"], [1n, "b"], [float(1), "c"]]),
        new Set<unknown>([0, false]),
        new FrozenSet([Tuple.of("x"), Tuple.of("x")]),
        [{ a: new Set<unknown>([1, 1n]) }],
      ];
      for (const value of pairs) {
        const refused = raises(SerializationError, /equal others in Python, as true equals 1/);
        await assert.rejects(python(bridge, "v", value), refused);
      }
      assert.deepEqual(
        await python(bridge, "v", new Map<unknown, unknown>([[1, 1], ["1", 2], [null, 3]])),
        new Map<unknown, unknown>([[1, 1], ["1", 2], [null, 3]]),
      );
    }),
  );

  it(
    "keys and items that are one to JavaScript are refused",
    rig.test(async ({ bridge }) => {
      const nans = "{float('nan'): 1, float('nan'): 2}";
      for (const code of [nans, `[${nans} for _ in range(40)]`, "{float('nan'), float('nan')}", `(${nans},)`]) {
        await assert.rejects(python(bridge, code), raises(SnakeBridgeError, /equal others, as NaN equals NaN here/));
      }
      assert.deepEqual(await python(bridge, "{float('nan'): 1, 2: 3}"), new Map([[NaN, 1], [2, 3]]));
      assert.equal(await bridge.call("math", "sqrt", [4]), 2);
    }),
  );

  it(
    "lone surrogates are refused with their place, wherever they are",
    rig.test(async ({ bridge }) => {
      const places: Record<string, string> = {
        "'\\ud800'": "$",
        "['a', '\\ud800']": "$[1]",
        "{'a': {'b': '\\ud800'}}": "$.a.b",
        "(1, '\\ud800')": "$[1]",
        "[(1, '\\ud800')] * 3": "$[0][1]",
        "[{'a': 'x', 'b': '\\udfff'}] * 20": ".b",
        "{1: '\\ud800'}": "$",
        "{'\\ud800'}": "$[0]",
        "{'\\ud800': 1}": "$",
      };
      for (const [code, place] of Object.entries(places)) {
        await assert.rejects(python(bridge, code), (error) => {
          raises(SerializationError, /lone surrogate/)(error);
          assert.ok((error as Error).message.includes(place), `${place} in ${(error as Error).message}`);
          return true;
        });
      }
      const named =
        "(lambda t: (setattr(t, '__qualname__', '\\ud800'), t())[1])(type('X', (), {'__repr__': lambda s: '\\udfff'}))";
      using odd = await python(bridge, named) as Ref;
      assert.match(odd.type, /\\ud800$/);
      const failed = python(bridge, "(_ for _ in ()).throw(ValueError('\\ud800'))");
      await assert.rejects(failed, raises(PythonError, /\\ud800/));
    }),
  );
});

describe("values that change meanwhile", () => {
  for (const kind of ["list", "dict"]) {
    it(
      `a ${kind} that another thread changes is a value, or refused in words`,
      rig.test(async ({ bridge }) => {
        using box = await bridge.call("sbvalues", "restless", [kind], undefined, { returns: "ref" }) as Ref;
        try {
          for (let i = 0; i < 100; i++) {
            const value = await bridge.call("sbtest", "same", [box]);
            assert.ok(kind === "list" ? Array.isArray(value) : typeof value === "object" && value !== null);
          }
        } finally {
          await bridge.call("sbvalues", "rest");
        }
      }),
    );
  }

  it(
    "a list that grows faster than it is read comes as long as it was",
    rig.test(async ({ bridge }) => {
      try {
        const value = await bridge.call("sbvalues", "growing") as unknown[];
        assert.ok(value.length >= 1_000);
        assert.ok(value.every((item) => item instanceof Tuple));
      } finally {
        await bridge.call("sbvalues", "rest");
      }
    }),
  );
});

describe("values at the edge", () => {
  for (
    const text of [
      ...["NaN", "sNaN", "NaN123", "-sNaN5", "Infinity", "-Infinity", "-0", "0E-20", "1E+999999", "-1E-999999"],
      `0.${"1".repeat(500)}`,
      `1${"0".repeat(20_000)}`,
    ]
  ) {
    it(
      `Decimal ${text.slice(0, 12)} is the same here and back`,
      rig.test(async ({ bridge }) => {
        const value = await python(bridge, `Decimal('${text}')`);
        assert.ok(value instanceof Decimal);
        assert.equal(await python(bridge, `type(v) is Decimal and str(v) == str(Decimal('${text}'))`, value), true);
      }),
    );
  }

  for (
    const code of [
      "datetime.min",
      "datetime.max",
      "datetime.min.replace(tzinfo=timezone.utc)",
      "datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))",
      "datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))",
      "datetime(2024, 1, 1, tzinfo=timezone(-timedelta(hours=23, minutes=59)))",
      "datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=1)))",
      "date.min",
      "date.max",
      "time.max",
      "time(1, tzinfo=timezone.utc)",
      "timedelta.min",
      "timedelta.max",
      "timedelta(microseconds=-1)",
    ]
  ) {
    it(
      `${code} is the same here and back`,
      rig.test(async ({ bridge }) => {
        const value = await python(bridge, code);
        assert.equal(
          await python(bridge, `type(v) is type(${code}) and v == ${code} and str(v) == str(${code})`, value),
          true,
        );
        if (value instanceof Ref) value.release();
      }),
    );
  }

  it(
    "huge ints pass both ways",
    rig.test(async ({ bridge }) => {
      assert.equal(await python(bridge, "10**50_000"), 10n ** 50_000n);
      assert.equal(await python(bridge, "v == -(10**50_000)", -(10n ** 50_000n)), true);
      for (const edge of [2n ** 53n, -(2n ** 53n), 2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n - 1n, 2n ** 64n]) {
        assert.equal(await python(bridge, `v == ${edge} and v`, edge), edge);
        assert.deepEqual(await python(bridge, `[${edge}] * 20`), new Array(20).fill(edge));
      }
    }),
  );

  it(
    "NaN keeps its payload in arrays, and zero its sign everywhere",
    rig.test(async ({ bridge }) => {
      const bits = BigUint64Array.of(0x7ff8_dead_0000_0001n, 0xfff0_0000_0000_0001n);
      const back = await python(bridge, "v", new Float64Array(bits.buffer)) as NdArray;
      assert.deepEqual(new BigUint64Array(back.bytes.slice().buffer), bits);
      assert.ok(Object.is(await python(bridge, "-0.0"), -0));
      const zeros = [-0, float(-0), new Complex(-0, -0)];
      assert.equal(await python(bridge, "repr(v)", zeros), "[-0.0, -0.0, (-0-0j)]");
    }),
  );

  it(
    "a dict that looks like a tag is a dict",
    rig.test(async ({ bridge }) => {
      const value = { __type__: "tuple", __schema__: 1, items: [1] };
      assert.deepEqual(await python(bridge, "v", value), value);
      assert.equal(await python(bridge, "type(v) is dict", value), true);
    }),
  );

  it(
    "bytes of every size around the limits of the body and of buffers",
    rig.test(async ({ bridge }) => {
      for (const size of [0, 1, 255, 256, 4_095, 4_096, 65_535, 65_536]) {
        const bytes = await python(bridge, "v", new Uint8Array(size).fill(size & 255)) as Uint8Array;
        assert.deepEqual(bytes, new Uint8Array(size).fill(size & 255));
      }
      assert.deepEqual(
        await python(bridge, "[b'', bytearray(), memoryview(b'')]"),
        [0, 0, 0].map(() => new Uint8Array()),
      );
    }),
  );
});
