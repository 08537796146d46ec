import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LimitExceededError, ProtocolError } from "../errors/mod.ts";
import {
  bytes,
  codec,
  describeValue,
  evaluate,
  frames,
  type FrameVectors,
  hex,
  type MalformedVectors,
  readVectors,
  refs,
  type ValueVectors,
} from "./_vectors.ts";
import { FrameReader, fromTaggedJson, MessageDecodeError, OpaqueValue, resolveLimits, toTaggedJson } from "./mod.ts";

const values = readVectors<ValueVectors>("values.json");
const wholeFrames = readVectors<FrameVectors>("frames.json");
const malformed = readVectors<MalformedVectors>("malformed.json");

/** `[16, 1, value]` around the encoding of a value. */
function resultBody(value: Uint8Array): Uint8Array {
  return new Uint8Array([0x93, 16, 1, ...value]);
}

describe("values.json", () => {
  const shared = codec();
  for (const vector of values.vectors) {
    const { direction = "both", js } = vector;
    if (js === null) throw new Error(`${vector.name} cannot be built`);
    if (direction === "both" || direction === "toWorker") {
      it(`encodes ${vector.name}`, () => {
        const chunks = shared.encodeFrame([16, 1, evaluate(js)]);
        const [frame] = frames(chunks);
        const [body, ...buffers] = frame!;
        assert.equal(hex(body!.subarray(3)), hex(bytes(vector.msgpack)));
        assert.deepEqual(buffers.map(hex), (vector.buffers ?? []).map((buffer) => hex(bytes(buffer))));
      });
    }
    if (direction !== "toWorker") {
      it(`decodes ${vector.name}`, () => {
        const data = bytes(vector.msgpack);
        const body = new Uint8Array(3 + data.length);
        body.set([0x93, 16, 1]);
        body.set(data, 3);
        const message = shared.decodeMessage(body, (vector.buffers ?? []).map(bytes));
        assert.equal(describeValue(message[2]), describeValue(evaluate(js)));
      });
    }
    if (vector.json === undefined) continue;
    if (direction === "both" || direction === "toWorker") {
      it(`writes ${vector.name} as tagged JSON`, () => {
        const json = JSON.parse(JSON.stringify(toTaggedJson(evaluate(js), refs)));
        assert.deepEqual(json, vector.jsonFromHost ?? vector.json);
      });
    }
    if (direction !== "toWorker") {
      it(`reads ${vector.name} from tagged JSON`, () => {
        assert.equal(describeValue(fromTaggedJson(vector.json, refs)), describeValue(evaluate(js)));
        if (vector.jsonFromHost !== undefined) {
          assert.equal(describeValue(fromTaggedJson(vector.jsonFromHost, refs)), describeValue(evaluate(js)));
        }
      });
    }
  }
  for (const vector of values.jsonOnly) {
    it(`reads tagged JSON: ${vector.name}`, () => {
      const value = fromTaggedJson(vector.json, refs);
      if (vector.js !== null) assert.equal(describeValue(value), describeValue(evaluate(vector.js)));
      else {
        assert.ok(value instanceof OpaqueValue);
        assert.deepEqual(toTaggedJson(value), vector.json);
      }
    });
  }
});

describe("frames.json", () => {
  const shared = codec();
  for (const { name, route, js, frame } of wholeFrames.vectors) {
    const expected = bytes(frame);
    if (route.endsWith("to worker")) {
      it(`encodes ${name}`, () => {
        const chunks = shared.encodeFrame(evaluate(js) as unknown[]);
        assert.equal(chunks.map(hex).join(""), hex(expected));
      });
    } else {
      it(`decodes ${name}`, () => {
        const [found] = frames([expected]);
        const [body, ...buffers] = found!;
        assert.equal(describeValue(shared.decodeMessage(body!, buffers)), describeValue(evaluate(js)));
      });
    }
  }
});

describe("malformed.json", () => {
  const shared = codec();
  for (const { name, value } of malformed.values) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => shared.decodeMessage(resultBody(bytes(value)), []),
        (error) => error instanceof MessageDecodeError && error.callId === 1 && error.cause === undefined,
      );
    });
  }
  for (const { name, body } of malformed.messages) {
    it(`refuses ${name}`, () => {
      assert.throws(() => shared.decodeMessage(bytes(body), []), MessageDecodeError);
    });
  }
  for (const { name, value, limit, limits } of malformed.limits) {
    it(`refuses ${name}`, () => {
      const data = bytes(value);
      const body = new Uint8Array(3 + data.length);
      body.set([0x93, 16, 1]);
      body.set(data, 3);
      assert.throws(
        () => codec(limits).decodeMessage(body, []),
        (error) =>
          error instanceof MessageDecodeError && error.callId === 1 && error.cause instanceof LimitExceededError &&
          error.cause.limit === limit,
      );
    });
  }
  for (const { name, frame, limits, limit } of malformed.frames) {
    it(`refuses ${name}`, () => {
      for (const step of [1, 3, 1000]) {
        const reader = new FrameReader(resolveLimits(limits), () => assert.fail("no frame is complete"));
        const data = bytes(frame);
        assert.throws(
          () => {
            for (let at = 0; at < data.length; at += step) reader.push(data.subarray(at, at + step));
          },
          (error) =>
            limit === null
              ? error instanceof ProtocolError
              : error instanceof LimitExceededError && error.limit === limit,
        );
        assert.throws(() => reader.push(new Uint8Array([0])), "takes nothing afterwards");
      }
    });
  }
  it("knows the call even when the frame was cut inside the value", () => {
    assert.throws(() => shared.decodeMessage(bytes("931007a561"), []), { callId: 7 });
  });
});
