import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CallBook } from "./call_book.ts";
import type { PendingCall } from "./peer.ts";

const call = (id: number): PendingCall => ({
  id,
  session: "s",
  silent: false,
  chain: id,
  onLane: false,
  reply: { what: "call", fulfil: () => {}, fail: () => {} },
});

describe("CallBook", () => {
  it("keeps what waits through growth, gaps and many turns of the ring", () => {
    const book = new CallBook();
    const model = new Map<number, PendingCall>();
    let next = 1;
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
    for (let turn = 0; turn < 20_000; turn += 1) {
      if (model.size < 300 && random(3) > 0) {
        book.add(call(next));
        model.set(next, book.get(next) as PendingCall);
        next += 1;
      } else if (model.size > 0) {
        const ids = [...model.keys()];
        const id = ids[random(ids.length)] as number;
        assert.equal(book.delete(id), model.get(id));
        assert.equal(book.delete(id), undefined);
        model.delete(id);
      }
      assert.equal(book.size, model.size);
    }
    assert.deepEqual(book.takeAll().map(({ id }) => id), [...model.keys()]);
    assert.equal(book.size, 0);
    assert.equal(book.get(next - 1), undefined);
  });

  it("knows no id it was never given", () => {
    const book = new CallBook();
    assert.equal(book.get(1), undefined);
    book.add(call(1));
    assert.equal(book.get(0), undefined);
    assert.equal(book.get(2), undefined);
    assert.equal(book.get(65), undefined);
  });
});
