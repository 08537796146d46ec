import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LimitExceededError, RefReleasedError, SnakeBridgeError } from "../errors/mod.ts";
import { codec, describeValue, frames, hex, TestRef } from "./_vectors.ts";
import {
  MessageCodec,
  MessageDecodeError,
  NdArray,
  OpaqueValue,
  resolveLimits,
  Tuple,
  ValueEncodeError,
} from "./mod.ts";

/** A call with these arguments. */
function call(...args: unknown[]): unknown[] {
  return [1, 1, 1, "s", 0, "m", "f", args, null, 0];
}

/** The error that encoding gives. */
function refused(value: unknown, options = {}): unknown {
  try {
    codec(options).encodeFrame(call(value));
  } catch (error) {
    return error;
  }
  assert.fail("it was encoded");
}

/** Sends a result through frames and back. */
function echo(value: unknown): unknown {
  const shared = codec();
  const [[body, ...buffers]] = frames(shared.encodeFrame([16, 1, value])) as [Uint8Array[]];
  return shared.decodeMessage(body!, buffers)[2];
}

describe("MessageCodec.encodeFrame()", () => {
  const deep = { a: [0, { "b c": new Map<unknown, unknown>([["k", new Set([1, () => 1])]]) }] };
  const cases: [name: string, value: unknown, path: string, type: string, advice: RegExp][] = [
    ["a function", () => 1, "$[0]", "function", /call it first/],
    ["a symbol", Symbol("x"), "$[0]", "symbol", /description/],
    ["a promise", { p: Promise.resolve(1) }, "$[0].p", "Promise", /await/],
    ["an instance of a class", [new (class Point {})()], "$[0][0]", "Point", /plain object/],
    ["a symbol among keys", { a: 1, [Symbol("x")]: 2 }, "$[0]", "Object", /text as keys/],
    ["a regular expression", /x/, "$[0]", "RegExp", /source/],
    ["a URL", new URL("file:///a"), "$[0]", "URL", /href/],
    ["an error", new Error("x"), "$[0]", "Error", /message/],
    ["a WeakMap", new WeakMap(), "$[0]", "WeakMap", /Map/],
    ["a generator", [1].values(), "$[0]", "Array Iterator", /Array\.from/],
    ["a wrapper object", new Number(1), "$[0]", "Number", /valueOf/],
    ["an invalid date", new Date(NaN), "$[0]", "Date", /null/],
    ["a date after 9999", new Date(8.64e15), "$[0]", "Date", /text/],
    ["a lone surrogate", { name: "a\ud800" }, "$[0].name", "string", /toWellFormed/],
    ["a lone surrogate in a key", { "\udc00": 1 }, '$[0]["\\udc00"]', "string", /toWellFormed/],
    ["a lone surrogate in long text", "x".repeat(100) + "\udfff", "$[0]", "string", /toWellFormed/],
    ["nanoseconds", Temporal.Instant.fromEpochNanoseconds(1n), "$[0]", "Temporal.Instant", /round/],
    ["a month", Temporal.Duration.from({ months: 1 }), "$[0]", "Temporal.Duration", /days/],
    ["a year before 1", Temporal.PlainDate.from("-000001-01-01"), "$[0]", "Temporal.PlainDate", /text/],
    ["another calendar", Temporal.PlainDate.from("2024-01-01[u-ca=hebrew]"), "$[0]", "Temporal.PlainDate", /iso8601/],
    ["a year and month", Temporal.PlainYearMonth.from("2024-01"), "$[0]", "Temporal.PlainYearMonth", /PlainDate/],
    [
      "an offset with seconds",
      Temporal.ZonedDateTime.from("1890-01-01T00:00[Europe/Berlin]"),
      "$[0]",
      "Temporal.ZonedDateTime",
      /UTC/,
    ],
    ["a function deep inside", deep, '$[0].a[1]["b c"].k[1]', "function", /call it first/],
    ["a JSON value on MessagePack", new OpaqueValue("tag", {}), "$[0]", "OpaqueValue", /same carrier/],
  ];
  for (const [name, value, path, type, advice] of cases) {
    it(`refuses ${name} and says where`, () => {
      const error = refused(value);
      assert.ok(error instanceof ValueEncodeError, String(error));
      assert.equal(error.path, path);
      assert.equal(error.valueType, type);
      assert.match(error.advice, advice);
      assert.equal(error.code, "value_encode");
      assert.equal(error.mayHaveRun, false);
    });
  }

  it("names keyword arguments by their own names", () => {
    assert.throws(() => codec().encodeFrame([1, 1, 1, "s", 0, "m", "f", [], { axis: [() => 1] }, 0]), {
      path: "$.axis[0]",
    });
  });

  it("refuses a transferred buffer instead of sending nothing", () => {
    const data = new Uint8Array(10);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    assert.ok(refused(data) instanceof ValueEncodeError);
  });

  it("finds cycles of every length through every container", () => {
    for (const length of [1, 2, 31, 32, 33, 100, 400]) {
      const first: unknown[] = [];
      let inner: unknown = first;
      for (let i = 1; i < length; i++) {
        inner = [{ x: inner }, [inner], new Tuple([inner]), new Map([[1, inner]]), new Set([inner])][i % 5];
      }
      first.push(inner);
      const error = refused(first);
      assert.ok(error instanceof LimitExceededError, `${length}: ${error}`);
      assert.equal(error.limit, "cycle");
    }
  });

  it("takes the same object twice when it is no cycle", () => {
    const shared = { x: [1] };
    assert.equal(describeValue(echo([shared, shared, { shared }])), describeValue([shared, shared, { shared }]));
  });

  it("keeps to maxDepth exactly", () => {
    const nested = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth));
    const limited = codec({ maxDepth: 10 });
    const chunks = limited.encodeFrame([16, 1, nested(9)]);
    assert.equal(limited.decodeMessage(chunks[0]!.subarray(8), []).length, 3);
    assert.throws(() => limited.encodeFrame([16, 1, nested(10)]), { limit: "maxDepth", value: 11, max: 10 });
    assert.throws(
      () => limited.decodeMessage(codec().encodeFrame([16, 1, nested(10)])[0]!.subarray(8), []),
      MessageDecodeError,
    );
  });

  it("keeps to the deepest limit there is, within the stack", () => {
    const limited = codec({ maxDepth: 1024 });
    let value: unknown = [];
    for (let i = 0; i < 1022; i++) value = i % 2 === 0 ? new Tuple([value]) : { x: value };
    const [[body]] = frames(limited.encodeFrame([16, 1, value])) as [Uint8Array[]];
    assert.equal(describeValue(limited.decodeMessage(body!, [])[2]), describeValue(value));
  });

  it("keeps to maxElements before it walks", () => {
    const limited = codec({ maxElements: 100 });
    assert.equal(limited.encodeFrame([16, 1, new Array(97).fill(0)]).length, 1);
    assert.throws(() => limited.encodeFrame([16, 1, new Array(98).fill(0)]), { limit: "maxElements", max: 100 });
    assert.throws(() => limited.encodeFrame([16, 1, new Array(4e9)]), { limit: "maxElements" });
    assert.throws(() => limited.encodeFrame([16, 1, new Map(Array.from({ length: 50 }, (_, i) => [i, i]))]), {
      limit: "maxElements",
    });
  });

  it("keeps to maxFrameBytes for body and buffers together", () => {
    const limited = codec({ maxFrameBytes: 10_000 });
    assert.throws(() => limited.encodeFrame(call("x".repeat(10_000))), { limit: "maxFrameBytes" });
    assert.throws(() => limited.encodeFrame(call("x".repeat(2_000_000))), { limit: "maxFrameBytes" });
    assert.throws(() => limited.encodeFrame(call(new Uint8Array(6000), new Uint8Array(6000))), {
      limit: "maxFrameBytes",
    });
    assert.throws(() => limited.encodeFrame(call(new Array(10_001).fill(0))), { limit: "maxFrameBytes" });
    assert.equal(limited.encodeFrame(call(new Uint8Array(9000))).length, 2);
  });

  it("works on after an error", () => {
    const shared = codec();
    assert.throws(() => shared.encodeFrame(call([[[() => 1]]])));
    assert.throws(() => shared.encodeFrame(call(new Uint8Array(5000), () => 1)));
    assert.equal(hex(shared.encodeFrame([16, 1, 4])[0]!), "04000000000000009310" + "0104");
  });

  it("hands over large bytes without a copy", () => {
    const data = new Uint8Array(5000);
    const floats = new Float64Array(1000);
    const chunks = codec().encodeFrame(call(data, floats));
    assert.equal(chunks[1], data);
    assert.equal(chunks[2]!.buffer, floats.buffer);
  });

  it("copies shared memory, which sockets refuse", () => {
    const chunks = codec().encodeFrame(call(new Uint8Array(new SharedArrayBuffer(5000))));
    assert.ok(chunks[1]!.buffer instanceof ArrayBuffer);
  });

  it("puts bytes into the body when the frame has no room for another buffer", () => {
    const data = new Uint8Array(4096);
    const chunks = codec().encodeFrame([16, 1, new Array(65_537).fill(data)]);
    assert.equal(chunks.length, 65_537);
    const [[body, ...buffers]] = frames(chunks) as [Uint8Array[]];
    assert.equal(
      (codec().decodeMessage(body!, buffers)[2] as Uint8Array[]).every((item) => item.length === 4096),
      true,
    );
  });

  it("gives frames that later messages do not touch", () => {
    const shared = codec();
    const small = shared.encodeFrame([16, 1, "first"])[0]!;
    const large = shared.encodeFrame([16, 1, "x".repeat(300_000)])[0]!;
    const before = [hex(small), hex(large.subarray(0, 40))];
    shared.encodeFrame([16, 2, "y".repeat(300_000)]);
    shared.encodeFrame([16, 2, "second"]);
    assert.deepEqual([hex(small), hex(large.subarray(0, 40))], before);
  });

  it("gives the same frame wherever in its memory it begins", () => {
    const shared = codec();
    const value = [
      new Tuple([1]),
      new Map([[new Tuple(["a".repeat(50)]), new Set([2])]]),
      new Tuple(new Array(300).fill(7)),
    ];
    const expected = hex(codec().encodeFrame([16, 1, value])[0]!);
    for (let i = 0; i < 400; i++) {
      shared.encodeFrame([16, 1, "x".repeat(i)]);
      assert.equal(hex(shared.encodeFrame([16, 1, value])[0]!), expected);
    }
    for (let size = 64_000; size < 66_500; size += 1) {
      const [[body]] = frames(shared.encodeFrame([16, 1, ["y".repeat(size), new Tuple([0])]])) as [Uint8Array[]];
      assert.equal(hex(body!.subarray(-4)), "d5039100");
    }
  });

  it("may be entered again by a getter", () => {
    const shared = codec();
    let inner = "";
    const value = {
      before: "a",
      get now() {
        inner = hex(shared.encodeFrame([16, 9, "inner"])[0]!);
        return "b";
      },
    };
    const [[body]] = frames(shared.encodeFrame([16, 1, value])) as [Uint8Array[]];
    assert.deepEqual(shared.decodeMessage(body!, [])[2], { before: "a", now: "b" });
    assert.equal(inner, hex(codec().encodeFrame([16, 9, "inner"])[0]!));
  });

  it("asks for refs behind functions and instances, and passes on what the keeper throws", () => {
    const released = new RefReleasedError("ref 5");
    const asked: object[] = [];
    const port = {
      encodeRef(value: object): number | undefined {
        asked.push(value);
        if (value instanceof TestRef) throw released;
        return typeof value === "function" ? 5 : undefined;
      },
      decodeRef: () => null,
    };
    const own = new MessageCodec(resolveLimits(), port);
    assert.match(hex(own.encodeFrame(call(new Proxy(() => 1, {})))[0]!), /d50f9105/);
    assert.throws(() => own.encodeFrame(call(new TestRef(5, "", null, 0))), (error) => error === released);
    asked.length = 0;
    own.encodeFrame(call({ a: [1, "x", null] }, [{}]));
    assert.deepEqual(asked, []);
  });
});

describe("MessageCodec.decodeMessage()", () => {
  it("copies bytes out of the receive buffer", () => {
    const chunk = codec().encodeFrame([16, 1, new Uint8Array([1, 2, 3])])[0]!;
    const value = codec().decodeMessage(chunk.subarray(8), [])[2] as Uint8Array;
    chunk.fill(0);
    assert.deepEqual([...value], [1, 2, 3]);
    assert.equal(value.buffer.byteLength, 3);
  });

  it("makes buffers part of the values without a copy", () => {
    const floats = new Float64Array(1000).fill(1.5);
    const [[body, ...buffers]] = frames(codec().encodeFrame([16, 1, floats])) as [Uint8Array[]];
    const array = codec().decodeMessage(body!, buffers)[2] as NdArray;
    assert.equal((array.data as Float64Array).buffer, buffers[0]!.buffer);
  });

  it("never touches the prototype", () => {
    const value = echo(JSON.parse('{"__proto__": {"polluted": true}, "x": {"__proto__": 1}}'));
    assert.ok(value instanceof Map);
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  });

  it("gives typed errors for random bytes, quickly", () => {
    const random = randomNumbers(7);
    const shared = codec();
    for (let round = 0; round < 20_000; round++) {
      const body = Uint8Array.from({ length: 3 + random(40) }, () => random(256));
      if (round % 2 === 0) body.set([0x93, 16, 1]);
      try {
        shared.decodeMessage(body, []);
      } catch (error) {
        assert.ok(error instanceof MessageDecodeError, String(error));
        assert.ok(
          error.cause === undefined || error.cause instanceof SnakeBridgeError,
          hex(body) + String(error.cause),
        );
      }
    }
  });

  it("gives typed errors or values for messages with one byte changed", () => {
    const random = randomNumbers(11);
    const shared = codec();
    const value = [
      new Tuple([1, new Map<unknown, unknown>([["k", 2n ** 70n]])]),
      Temporal.PlainDate.from("2024-01-01"),
      NdArray.from([[1, 2]]),
      "Grüße",
    ];
    const body = shared.encodeFrame([16, 1, value])[0]!.slice(8);
    for (let round = 0; round < 20_000; round++) {
      const changed = body.slice();
      changed[random(body.length)] = random(256);
      try {
        shared.decodeMessage(changed, []);
      } catch (error) {
        assert.ok(error instanceof MessageDecodeError, String(error));
        assert.ok(
          error.cause === undefined || error.cause instanceof SnakeBridgeError,
          hex(changed) + String(error.cause),
        );
      }
    }
  });

  it("gives back random values", () => {
    const random = randomNumbers(3);
    const make = (depth: number): unknown => {
      const items = (): unknown[] => Array.from({ length: random(5) }, () => make(depth + 1));
      switch (random(depth > 4 ? 8 : 13)) {
        case 0:
          return null;
        case 1:
          return random(2) === 0;
        case 2:
          return random(2 ** 31) * 2 ** random(23) * (random(2) === 0 ? 1 : -1) || 0;
        case 3:
          return random(2 ** 31) / (1 + random(1000)) + 0.1;
        case 4:
          return (BigInt(random(2 ** 31)) ** BigInt(3 + random(20)) + 2n ** 60n) * (random(2) === 0 ? 1n : -1n);
        case 5:
          return String.fromCodePoint(
            ...Array.from({ length: random(80) }, () => 32 + random(random(2) === 0 ? 90 : 50_000)),
          );
        case 6:
          return Uint8Array.from({ length: random(300) }, () => random(256));
        case 7:
          return Temporal.PlainDateTime.from("2000-01-01").add({ microseconds: random(2 ** 31) * 1000 });
        case 8:
          return items();
        case 9:
          return new Tuple(items());
        case 10:
          return new Set(items());
        case 11:
          return new Map(items().map((item) => [make(9), item]));
        default:
          return Object.fromEntries(items().map((item, i) => [`k${i}`, item]));
      }
    };
    for (let round = 0; round < 300; round++) {
      const value = make(0);
      assert.equal(describeValue(echo(value)), describeValue(value));
    }
  });
});

/** Numbers below a bound that are the same in every run. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}
