import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { LimitExceededError, ProtocolError } from "../errors/mod.ts";
import {
  ArrowData,
  Atom,
  Complex,
  Decimal,
  Ellipsis,
  float,
  fromTaggedJson,
  FrozenSet,
  isUnserializable,
  MessageDecodeError,
  parseFailure,
  resolveLimits,
  slice,
  toTaggedJson,
  Tuple,
  tuple,
  unserializableInfo,
  ValueEncodeError,
} from "./mod.ts";

describe("Tuple", () => {
  it("is an Array that new Tuple([3]) gives one item", () => {
    assert.equal(new Tuple([3]).length, 1);
    assert.equal(Array.isArray(new Tuple()), true);
    assert.deepEqual([...Tuple.of(1, 2)], [1, 2]);
    assert.equal(Tuple.of(3).length, 1);
  });
  it("gives plain arrays from its methods", () => {
    const derived = [new Tuple([1, 2]).map((x) => x), new Tuple([1, 2]).slice(1), new Tuple([1]).concat([2])];
    for (const array of derived) assert.equal(array.constructor, Array);
  });
  it("keeps types and order when made by tuple()", () => {
    const [name, age] = tuple("Ada", 36);
    assert.equal(name.toUpperCase() + age.toFixed(1), "ADA36.0");
  });
});

describe("Atom", () => {
  it("is text in both encodings, unless an allowlist names it", () => {
    const tag = { __type__: "atom", __schema__: 1, value: "ok" };
    const value = [new Atom("ok"), new Atom("other"), "ok"];
    assert.deepEqual(toTaggedJson(value), ["ok", "other", "ok"]);
    const limits = resolveLimits();
    assert.deepEqual(toTaggedJson(value, undefined, limits, new Set(["ok"])), [tag, "other", "ok"]);
    assert.deepEqual(fromTaggedJson([tag, { a: tag }]), ["ok", { a: "ok" }]);
    assert.throws(() => toTaggedJson([new Atom("\ud800")]), ValueEncodeError);
    assert.throws(() => new Atom(1 as unknown as string), TypeError);
    assert.equal(inspect(new Atom("ok")), "ok");
  });
});

describe("FrozenSet", () => {
  it("is a Set that does not change", () => {
    const set = new FrozenSet([1, 2]);
    assert.equal(set.size, 2);
    assert.throws(() => set.add(3), TypeError);
    assert.throws(() => set.delete(1), TypeError);
    assert.throws(() => set.clear(), TypeError);
    assert.deepEqual([...set], [1, 2]);
  });
});

describe("values", () => {
  it("show themselves on a console", () => {
    assert.equal(inspect(new Complex(1, -0)), "(1-0j)");
    assert.equal(inspect(new Complex(NaN, Infinity)), "(nan+infj)");
    assert.equal(inspect(new Decimal("1.50")), "1.50");
    assert.equal(inspect(float(1)), "1.0");
    assert.equal(inspect(slice(1, 5)), "slice(1, 5, None)");
    assert.equal(inspect(Ellipsis), "Ellipsis");
    assert.equal(inspect(new ArrowData("pandas", new Uint8Array(3))), "ArrowData(pandas, 3 bytes)");
  });
  it("refuse what they cannot be", () => {
    assert.throws(() => new Decimal("one"), SyntaxError);
    assert.throws(() => new ArrowData("excel" as "pandas", new Uint8Array(0)), TypeError);
    assert.equal(new Decimal("-Infinity").toNumber(), -Infinity);
    assert.equal(new Decimal("1e3").toNumber(), 1000);
    assert.ok(Number.isNaN(new Decimal("sNaN").toNumber()));
  });
});

describe("resolveLimits()", () => {
  it("fills in the defaults of the protocol and refuses what cannot be", () => {
    assert.deepEqual(resolveLimits(), { maxFrameBytes: 1_073_741_824, maxDepth: 512, maxElements: 10_000_000 });
    for (const bad of [{ maxDepth: 0 }, { maxDepth: 5000 }, { maxFrameBytes: 1.5 }, { maxElements: NaN }]) {
      assert.throws(() => resolveLimits(bad), RangeError);
    }
  });
});

describe("toTaggedJson()", () => {
  it("refuses values as MessagePack does, with the path", () => {
    assert.throws(
      () => toTaggedJson([{ f: () => 1 }]),
      (error) => error instanceof ValueEncodeError && error.path === "$[0].f",
    );
    assert.throws(
      () => toTaggedJson({ a: "\ud800" }),
      (error) => error instanceof ValueEncodeError && error.path === "$.a",
    );
    assert.throws(() => toTaggedJson({ "\ud800": 1 }), ValueEncodeError);
  });
  it("finds cycles and keeps to limits", () => {
    const cycle: unknown[] = [];
    cycle.push([cycle]);
    assert.throws(() => toTaggedJson(cycle), { limit: "cycle" });
    const limits = resolveLimits({ maxDepth: 3, maxElements: 5 });
    assert.throws(() => toTaggedJson([[[[]]]], undefined, limits), { limit: "maxDepth" });
    assert.throws(() => toTaggedJson([1, 2, 3, 4, 5], undefined, limits), { limit: "maxElements" });
  });
});

describe("fromTaggedJson()", () => {
  const tag = (type: unknown, fields = {}): unknown => ({ __type__: type, __schema__: 1, ...fields });
  const malformed = [
    tag(5),
    tag("int", { value: "1.5" }),
    tag("int", {}),
    tag("float", { value: "one" }),
    tag("special_float", { value: "constructor" }),
    tag("bytes", { data: "a" }),
    tag("bytes", { data: "é===" }),
    tag("tuple"),
    tag("tuple", { items: {} }),
    tag("dict", { pairs: [[1]] }),
    tag("complex", { real: "1", imag: 0 }),
    tag("datetime", { value: "now" }),
    tag("timedelta", { days: 1 }),
    tag("decimal", { value: "x" }),
    tag("ndarray", { dtype: "<f8", shape: [1], order: "C", data: "" }),
    tag("arrow", { library: "excel", data: "" }),
    tag("ref", { id: 1 }),
    "\ud800",
  ];
  for (const json of malformed) {
    it(`refuses ${JSON.stringify(json)}`, () => {
      assert.throws(() => fromTaggedJson(json), MessageDecodeError);
    });
  }
  it("keeps to limits", () => {
    const limits = resolveLimits({ maxDepth: 3, maxElements: 5 });
    for (const json of [[[[[]]]], [1, 2, 3, 4, 5]]) {
      assert.throws(
        () => fromTaggedJson(json, undefined, limits),
        (error) => error instanceof MessageDecodeError && error.cause instanceof LimitExceededError,
      );
    }
  });
});

describe("parseFailure()", () => {
  it("follows causes and bounds their number", () => {
    let chain: unknown = null;
    for (let i = 0; i < 1000; i++) {
      chain = { kind: "python", message: `m${i}`, type: "builtins.ValueError", cause: chain };
    }
    let depth = 0;
    for (let at = parseFailure(chain); at.kind === "python" && at.cause !== null; at = at.cause) depth++;
    assert.equal(depth, 32);
  });
  it("tells what it can of a failure with wrong fields", () => {
    const failure = parseFailure({
      kind: "python",
      message: 5,
      frames: [["f", "x"], 7],
      mro: null,
      attributes: new Map([["1", 2]]),
    });
    assert.deepEqual(failure, {
      kind: "python",
      message: "",
      type: "",
      mro: [],
      traceback: "",
      frames: [["f", 0, "", null]],
      cause: null,
      context: null,
      suppressContext: false,
      notes: [],
      attributes: { "1": 2 },
      exceptions: null,
      omitted: 0,
    });
  });
  it("keeps the members of a group that are Python failures", () => {
    const member = { kind: "python", message: "m", type: "builtins.ValueError" };
    const other = { kind: "ref", message: "m", reason: "unknown", id: 1 };
    const group = parseFailure({ ...member, exceptions: [member, other, { ...member, exceptions: [] }], omitted: 3 });
    assert.ok(group.kind === "python");
    assert.deepEqual(group.exceptions?.map(({ exceptions }) => exceptions), [null, []]);
    assert.equal(group.omitted, 3);
  });
  it("keeps the origin and the fields of each kind", () => {
    assert.deepEqual(parseFailure({ kind: "ref", message: "m", reason: "session", id: -4, origin: 3 }), {
      kind: "ref",
      message: "m",
      reason: "session",
      id: -4,
      limit: null,
      origin: 3,
    });
    assert.deepEqual(parseFailure({ kind: "ref", message: "m", reason: "evicted", id: 5, limit: 10 }), {
      kind: "ref",
      message: "m",
      reason: "evicted",
      id: 5,
      limit: 10,
    });
    const unheard = parseFailure({ kind: "ref", message: "m", reason: "eaten", id: 5 });
    assert.equal(unheard.kind === "ref" && unheard.reason, "unknown");
    assert.deepEqual(parseFailure({ kind: "limit", message: "m", limit: "cycle", value: null, max: null }), {
      kind: "limit",
      message: "m",
      limit: "cycle",
      value: null,
      max: null,
    });
  });
  it("refuses what is no failure", () => {
    for (const value of [null, [], "x", { kind: "other" }, {}]) assert.throws(() => parseFailure(value), ProtocolError);
  });
});

describe("isUnserializable()", () => {
  it("knows markers, and nothing else", () => {
    const marker = { __ffi_unserializable__: true, __type__: "m.C" };
    assert.equal(isUnserializable(marker), true);
    assert.deepEqual(unserializableInfo(marker), { type: "m.C" });
    assert.deepEqual(unserializableInfo({ ...marker, __repr__: "C()" }), { type: "m.C", repr: "C()" });
    assert.deepEqual(unserializableInfo({ __ffi_unserializable__: true, __type__: 5, __repr__: 5 }), { type: "" });
    const others = [
      null,
      undefined,
      1,
      "x",
      [],
      {},
      new Map([["__ffi_unserializable__", true]]),
      Object.create(marker),
      {
        __ffi_unserializable__: "true",
      },
    ];
    for (const other of others) {
      assert.equal(isUnserializable(other), false);
      assert.equal(unserializableInfo(other), undefined);
    }
  });
  it("knows a marker that went through tagged JSON", () => {
    const marker = { __ffi_unserializable__: true, __type__: "m.C", __repr__: "C()" };
    assert.deepEqual(unserializableInfo(fromTaggedJson(JSON.parse(JSON.stringify(toTaggedJson(marker))))), {
      type: "m.C",
      repr: "C()",
    });
  });
});
