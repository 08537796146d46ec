import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LinkedQueue } from "./mod.ts";

function items<T>(queue: LinkedQueue<T>): T[] {
  return [...queue].map(({ value }) => value);
}

describe("LinkedQueue", () => {
  it("is first in, first out", () => {
    const queue = new LinkedQueue<number>();
    for (const n of [1, 2, 3]) queue.push(n);
    assert.equal(queue.peek(), 1);
    assert.deepEqual([queue.shift(), queue.shift(), queue.shift(), queue.shift()], [1, 2, 3, undefined]);
    assert.equal(queue.size, 0);
    assert.equal(queue.peek(), undefined);
  });

  it("unshift() adds at the front, also of an empty one", () => {
    const queue = new LinkedQueue<number>();
    queue.unshift(2);
    queue.unshift(1);
    queue.push(3);
    assert.deepEqual(items(queue), [1, 2, 3]);
  });

  it("remove() takes a node out wherever it stands, once", () => {
    for (const at of [0, 1, 2]) {
      const queue = new LinkedQueue<number>();
      const nodes = [0, 1, 2].map((n) => queue.push(n));
      const node = nodes[at];
      assert.ok(node !== undefined);
      assert.equal(queue.remove(node), true);
      assert.equal(queue.remove(node), false);
      assert.deepEqual(items(queue), [0, 1, 2].filter((n) => n !== at));
      assert.equal(queue.size, 2);
      queue.push(9);
      queue.unshift(8);
      assert.deepEqual(items(queue), [8, ...[0, 1, 2].filter((n) => n !== at), 9]);
    }
  });

  it("lets the node in hand be removed while it is walked", () => {
    const queue = new LinkedQueue<number>();
    for (const n of [1, 2, 3, 4]) queue.push(n);
    for (const node of queue) if (node.value % 2 === 0) queue.remove(node);
    assert.deepEqual(items(queue), [1, 3]);
  });
});
