import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { StreamWriter } from "./mod.ts";

/** A socket that is full after so many writes, until the test drains it. */
class TestSocket {
  readonly writes: Uint8Array[] = [];
  #listener: (() => void) | undefined;
  #room: number;

  constructor(room = Infinity) {
    this.#room = room;
  }

  write(chunk: Uint8Array): boolean {
    this.writes.push(chunk.slice());
    this.#room -= 1;
    return this.#room > 0;
  }

  once(_event: "drain", listener: () => void): void {
    this.#listener = listener;
  }

  drain(room: number): void {
    this.#room = room;
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

describe("StreamWriter", () => {
  it("writes what one turn gave in one write, in order", async () => {
    const socket = new TestSocket();
    const writer = new StreamWriter(socket);
    writer.write([bytes(2, 1)]);
    writer.write([bytes(1, 2), bytes(1, 3)]);
    assert.equal(socket.writes.length, 0);
    await turn();
    assert.deepEqual(socket.writes.map((chunk) => [...chunk]), [[1, 1, 2, 3]]);
  });

  it("writes windows of one slab as one, also with a gap between them or in another order", async () => {
    const slab = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
    for (
      const [windows, expected] of [
        [[[0, 2], [2, 5], [5, 8]], [1, 2, 3, 4, 5, 6, 7, 8]],
        [[[0, 2], [3, 5]], [1, 2, 4, 5]],
        [[[4, 6], [0, 4]], [5, 6, 1, 2, 3, 4]],
      ] as const
    ) {
      const socket = new TestSocket();
      new StreamWriter(socket).write(windows.map(([start, end]) => slab.subarray(start, end)));
      await turn();
      assert.deepEqual(socket.writes.map((chunk) => [...chunk]), [expected]);
    }
  });

  it("writes large chunks in slices of a megabyte, and loses no byte", async () => {
    const socket = new TestSocket();
    const writer = new StreamWriter(socket);
    const chunks = [bytes(10, 1), bytes(3_500_000, 2), bytes(5, 3), bytes(40_000, 4), bytes(1, 5)];
    writer.write(chunks);
    await turn();
    assert.ok(socket.writes.every(({ length }) => length <= 1 << 20));
    assert.ok(Buffer.concat(socket.writes).equals(Buffer.concat(chunks)));
  });

  it("waits for room, and keeps the order of what comes meanwhile", async () => {
    const socket = new TestSocket(1);
    const writer = new StreamWriter(socket);
    writer.write([bytes(2_000_000, 1)]);
    await turn();
    assert.equal(socket.writes.length, 1);
    writer.write([bytes(3, 2)]);
    await turn();
    assert.equal(socket.writes.length, 1);
    socket.drain(1);
    assert.equal(socket.writes.length, 2);
    socket.drain(Infinity);
    const all = Buffer.concat(socket.writes);
    assert.equal(all.length, 2_000_003);
    assert.deepEqual([...all.subarray(-4)], [1, 2, 2, 2]);
  });

  it("drops what has not left when it is closed", async () => {
    const socket = new TestSocket(1);
    const writer = new StreamWriter(socket);
    writer.write([bytes(3_000_000, 1)]);
    await turn();
    writer.close();
    writer.write([bytes(1, 2)]);
    socket.drain(Infinity);
    await turn();
    assert.equal(socket.writes.length, 1);
  });
});
