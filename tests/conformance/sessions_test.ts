import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { ClosedError, type PyProxy, type Ref, RefSessionError, withSession } from "../../mod.ts";
import { raises } from "../support/raises.ts";
import { Rig, SharedRig } from "../support/rig.ts";

const rig = new SharedRig();
after(() => rig.close());

describe("SnakeBridge.withSession()", () => {
  it(
    "binds its session to calls across awaits, timers and proxies",
    rig.test(async ({ bridge }) => {
      await bridge.withSession(async (session) => {
        const here = async (): Promise<string> => (await bridge.call("sbtest", "Counted") as Ref).session;
        assert.equal(await here(), session.id);
        await new Promise((resolve) => setTimeout(resolve, 1));
        assert.equal(await here(), session.id);
        await Promise.all([1, 2].map(async () => assert.equal(await here(), session.id)));
        const proxy = await bridge.import("sbtest").Counted() as PyProxy;
        assert.equal(proxy.$.session, session.id);
      });
    }),
  );

  it(
    "gives references back at its end, also after an error",
    rig.test(async ({ bridge }) => {
      await assert.rejects(
        bridge.withSession(async () => {
          await bridge.call("sbtest", "Counted");
          await bridge.import("sbtest").Counted().next();
          assert.ok((await bridge.call("sbtest", "live") as number) >= 2);
          throw new Error("as asked");
        }),
        /as asked/,
      );
      assert.equal(await bridge.call("sbtest", "live"), 0);
    }),
  );

  it(
    "keeps concurrent sessions apart",
    rig.test(async ({ bridge }) => {
      const refs = await Promise.all(
        Array.from({ length: 20 }, () => bridge.session()).map((session) =>
          session.run(async () => {
            const made = await bridge.call("sbtest", "Point", [1]) as Ref;
            await new Promise((resolve) => setTimeout(resolve, 1));
            assert.equal(made.session, session.id);
            assert.equal(await made.get("x"), 1);
            return { made, session };
          })
        ),
      );
      const [one, two] = refs;
      if (one === undefined || two === undefined) throw new Error("two sessions");
      await assert.rejects(one.session.call("sbtest", "same", [two.made]), raises(RefSessionError));
      assert.equal(await one.session.call("builtins", "repr", [one.made]), "Point(1, 0)");
      await Promise.all(refs.map(({ session }) => session.release()));
    }),
  );

  it(
    "nests, and the inner one ends first",
    rig.test(async ({ bridge, session }) => {
      const outer = await bridge.call("sbtest", "Point", [1]) as Ref;
      assert.equal(outer.session, session.id);
      await bridge.withSession(async (inner) => {
        assert.notEqual(inner.id, session.id);
        await assert.rejects(bridge.call("sbtest", "same", [outer]), raises(RefSessionError));
        await assert.rejects(outer.get("x"), raises(RefSessionError));
      });
      assert.equal(await outer.get("x"), 1);
    }),
  );

  it(
    "is what the function of that name does on a given bridge",
    rig.test(async ({ bridge }) => {
      const id = await withSession(async (session) => {
        const made = await bridge.call("sbtest", "Point", [1]) as Ref;
        assert.equal(made.session, session.id);
        return session.id;
      }, { bridge, id: "mine" });
      assert.equal(id, "mine");
    }),
  );
});

describe("SnakeBridge.session()", () => {
  it(
    "opens the session that lives under a name again",
    rig.test(async ({ bridge }) => {
      const first = bridge.session("shared");
      const made = await first.call("sbtest", "Point", [1]) as Ref;
      const second = bridge.session("shared");
      assert.equal(await second.call("builtins", "repr", [made]), "Point(1, 0)");
      await first.release();
      await assert.rejects(second.call("math", "sqrt", [1]), raises(ClosedError));
      await using third = bridge.session("shared");
      await assert.rejects(third.call("sbtest", "same", [made]));
      assert.equal(await third.call("math", "sqrt", [1]), 1);
    }),
  );

  it(
    "release() waits for calls in flight and frees what they give",
    rig.test(async ({ bridge }) => {
      const session = bridge.session();
      const calls = Array.from({ length: 10 }, () => session.call("sbtest", "Counted"));
      await session.release();
      await Promise.allSettled(calls);
      assert.equal(await bridge.call("sbtest", "live"), 0);
    }),
  );

  it(
    "costs nothing after it is gone",
    rig.test(async ({ bridge }) => {
      const before = bridge.stats().sessions;
      for (let i = 0; i < 200; i += 1) await bridge.withSession((session) => session.call("sbtest", "Counted"));
      assert.equal(bridge.stats().sessions, before);
      assert.equal(await bridge.call("sbtest", "live"), 0);
    }),
  );

  it("frees what it has in every worker", async () => {
    await using rig = await Rig.start({ size: 2 });
    await rig.run(async ({ bridge }) => {
      const session = bridge.session();
      await session.run(async () => {
        // So many at once that both workers get some.
        const made = await Promise.all(Array.from({ length: 200 }, () => bridge.call("sbtest", "Point", [1])));
        assert.equal(made.length, 200);
      });
      assert.ok(await rig.refs() > 0);
      await session.release();
      assert.equal(await rig.refs(), 0);
    });
  });
});
