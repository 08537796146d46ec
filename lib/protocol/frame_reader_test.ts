import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SnakeBridgeError } from "../errors/mod.ts";
import { codec, frames, hex } from "./_vectors.ts";
import { FrameReader, resolveLimits } from "./mod.ts";

/** A stream of frames of many shapes, and what they hold. */
function stream(): { bytes: Uint8Array; expected: string[] } {
  const shared = codec();
  const messages: unknown[][] = [
    [5],
    [16, 1, 4],
    [16, 2, "x".repeat(70_000)],
    [16, 3, new Uint8Array(5000).fill(1)],
    [16, 4, [new Uint8Array(4096).fill(2), new Uint8Array(10_000).fill(3), new Float64Array(600).fill(0.5)]],
    [16, 5, null],
  ];
  const chunks = messages.flatMap((message) => shared.encodeFrame(message));
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { bytes, expected: messages.map((message) => frames(shared.encodeFrame(message)).flat().map(hex).join("|")) };
}

describe("FrameReader.push()", () => {
  it("gives the same frames however the stream is cut", () => {
    const { bytes, expected } = stream();
    let state = 1;
    for (let round = 0; round < 200; round++) {
      const found: string[] = [];
      const reader = new FrameReader(
        resolveLimits(),
        (body, buffers) => found.push([body, ...buffers].map(hex).join("|")),
      );
      const most = [1, 2, 9, 100, 5000, 80_000][round % 6]!;
      for (let at = 0; at < bytes.length;) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        const size = most === 1 ? (round < 6 ? 1 : 7) : 1 + state % most;
        reader.push(bytes.subarray(at, at + size));
        at += size;
      }
      assert.ok(found.every((frame, i) => frame === expected[i]) && found.length === expected.length, `round ${round}`);
      assert.equal(reader.atBoundary, true);
    }
  });

  it("takes empty bodies, empty buffers and empty chunks", () => {
    const found: number[][] = [];
    const reader = new FrameReader(
      resolveLimits(),
      (body, buffers) => found.push([body.length, ...buffers.map((b) => b.length)]),
    );
    const head = new Uint8Array(8 + 16 + 1);
    const view = new DataView(head.buffer);
    view.setUint32(0, 1, true);
    view.setUint32(4, 2, true);
    reader.push(new Uint8Array(0));
    reader.push(head);
    reader.push(new Uint8Array(8));
    for (let i = 0; i < 8; i++) reader.push(new Uint8Array(1));
    assert.deepEqual(found, [[1, 0, 0], [0], [0]]);
  });

  it("gives buffers memory of their own, aligned for every typed array", () => {
    const { bytes } = stream();
    const owners: boolean[] = [];
    const reader = new FrameReader(resolveLimits(), (_body, buffers) => {
      for (const buffer of buffers) owners.push(buffer.byteOffset === 0 && buffer.buffer.byteLength === buffer.length);
    });
    reader.push(bytes);
    assert.deepEqual(owners, [true, true, true, true]);
  });

  it("does not copy a small frame", () => {
    const [chunk] = codec().encodeFrame([16, 1, 4]);
    let same = false;
    new FrameReader(resolveLimits(), (body) => same = body.buffer === chunk!.buffer).push(chunk!);
    assert.ok(same);
  });

  it("knows when the stream ends inside a frame", () => {
    const reader = new FrameReader(resolveLimits(), () => {});
    assert.equal(reader.atBoundary, true);
    reader.push(new Uint8Array([4]));
    assert.equal(reader.atBoundary, false);
    reader.push(new Uint8Array([0, 0, 0, 0, 0, 0, 0, 1]));
    assert.equal(reader.atBoundary, false);
    reader.push(new Uint8Array(3));
    assert.equal(reader.atBoundary, true);
  });

  it("gives typed errors for random bytes", () => {
    let state = 5;
    let errors = 0;
    for (let round = 0; round < 5000; round++) {
      const reader = new FrameReader(resolveLimits({ maxFrameBytes: 100_000 }), () => {});
      const chunk = Uint8Array.from({ length: 40 }, () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return round % 3 === 0 ? state >>> 24 : state >>> 31;
      });
      try {
        reader.push(chunk);
      } catch (error) {
        assert.ok(error instanceof SnakeBridgeError, String(error));
        errors++;
      }
    }
    assert.ok(errors > 1000);
  });
});
