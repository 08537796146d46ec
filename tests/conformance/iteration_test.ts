import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { errors, type PyProxy, Ref, Tuple } from "../../mod.ts";
import { Gate } from "../support/gate.ts";
import { raises } from "../support/raises.ts";
import { SharedRig } from "../support/rig.ts";

const rig = new SharedRig();
after(() => rig.close());

describe("iteration", () => {
  it(
    "gives 100,000 ints in order, in few round trips",
    rig.test(async ({ bridge }, { worker }) => {
      using range = await bridge.call("builtins", "range", [100_000]) as Ref;
      const before = worker.peer.lastId;
      let next = 0;
      for await (const item of range) {
        if (item !== next) assert.equal(item, next);
        next += 1;
      }
      assert.equal(next, 100_000);
      assert.ok(worker.peer.lastId - before < 100, `${worker.peer.lastId - before} calls`);
    }),
  );

  it(
    "reads lists, dicts, generators and proxies of them",
    rig.test(async ({ bridge }) => {
      const read = async (iterable: AsyncIterable<unknown>): Promise<unknown[]> => {
        const items: unknown[] = [];
        for await (const item of iterable) items.push(item);
        return items;
      };
      using bag = await bridge.call("sbtest", "Bag", [1, "a", null]) as Ref;
      assert.deepEqual(await read(bag), [1, "a", null]);
      const sbtest = bridge.import("sbtest");
      assert.deepEqual(await read(sbtest.count(3)), [0, 1, 2]);
      assert.deepEqual(await read(sbtest.count(0)), []);
      assert.deepEqual(await read(bridge.import("builtins").dict([["k", 1]]).items()), [Tuple.of<unknown>("k", 1)]);
      assert.deepEqual(await read(sbtest.nested), ["a"]);
    }),
  );

  it(
    "gives references for items that have no encoding, or for all on request",
    rig.test(async ({ bridge }) => {
      const xs: unknown[] = [];
      for await (const item of bridge.import("sbtest").objects(3)) {
        using point = item as Ref;
        assert.ok(point instanceof Ref);
        xs.push(await point.get("x"));
      }
      assert.deepEqual(xs, [0, 1, 2]);
      using range = await bridge.call("builtins", "range", [2]) as Ref;
      for await (const item of range.iterate({ returns: "ref" })) {
        using number = item as Ref;
        assert.equal(number.type, "builtins.int");
      }
    }),
  );

  it(
    "closes the generator when the loop is left",
    rig.test(async ({ bridge }) => {
      const sbtest = bridge.import("sbtest");
      await sbtest.take_log();
      for await (const item of sbtest.closing("broken")) if (item === 3) break;
      assert.deepEqual(await sbtest.take_log(), ["broken closed"]);
      await assert.rejects(async () => {
        for await (const item of sbtest.closing("thrown")) throw new Error(String(item));
      }, /^Error: 0$/);
      assert.deepEqual(await sbtest.take_log(), ["thrown closed"]);
    }),
  );

  it(
    "does not run far ahead of a slow consumer",
    rig.test(async ({ bridge }) => {
      using counter = await bridge.call("itertools", "count") as Ref;
      const items = counter.iterate();
      await items.next();
      await items.next();
      await items.return();
      const taken = await counter.call("__next__") as number;
      assert.ok(taken <= 64, `${taken} items were taken for two`);
    }),
  );

  it(
    "delivers what came before an exception, then the exception",
    rig.test(async ({ bridge }) => {
      const items: unknown[] = [];
      await assert.rejects(async () => {
        for await (const item of bridge.import("sbtest").failing(1_000)) items.push(item);
      }, raises(errors.ValueError, /after 1000/));
      assert.deepEqual(items, Array.from({ length: 1_000 }, (_, i) => i));
    }),
  );

  it(
    "delivers early what a slow producer has",
    rig.test(async ({ bridge }) => {
      using gate = new Gate();
      const items = (bridge.import("sbtest").slow(...gate.args) as PyProxy)[Symbol.asyncIterator]();
      assert.equal((await items.next()).value, "first");
      assert.equal((await items.next()).value, "second");
      const third = items.next();
      await gate.begun();
      gate.open();
      assert.equal((await third).value, "third");
      assert.equal((await items.next()).done, true);
    }),
  );

  it(
    "of what is not iterable is Python's TypeError",
    rig.test(async ({ bridge }) => {
      using point = await bridge.call("sbtest", "Point", [1]) as Ref;
      await assert.rejects(async () => {
        for await (const item of point) assert.fail(String(item));
      }, raises(errors.TypeError, /not iterable/));
    }),
  );

  it(
    "stops when its signal is aborted",
    rig.test(async ({ bridge }) => {
      using counter = await bridge.call("itertools", "count") as Ref;
      const controller = new AbortController();
      let seen = 0;
      await assert.rejects(async () => {
        for await (const _ of counter.iterate({ signal: controller.signal })) {
          seen += 1;
          if (seen === 10) controller.abort();
        }
      }, /cancelled/);
      assert.ok(seen >= 10);
    }),
  );
});
