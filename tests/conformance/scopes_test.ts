import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { call, type PyProxy, type Ref, RefWorkerError } from "../../mod.ts";
import { Gate } from "../support/gate.ts";
import { raises } from "../support/raises.ts";
import { Rig, SharedRig } from "../support/rig.ts";

const rig = new SharedRig();
after(() => rig.close());

describe("scopes", () => {
  it("code that names no bridge uses the one whose session is bound around it", async () => {
    const { bridge, pid } = await rig.get();
    assert.equal(await bridge.withSession(() => call("os", "getpid")), pid);
    await using session = bridge.session();
    assert.equal(await session.run(() => call("os", "getpid")), pid);
  });

  it(
    "a module imported through a session belongs to it, whatever is bound around the code",
    rig.test(async ({ bridge }) => {
      await using other = bridge.session();
      const point = await other.import("sbtest").Point(1) as PyProxy;
      assert.equal(point.$.session, other.id);
      assert.equal(await point.moved(1).x, 2);
    }),
  );

  it("the bridge's own session cannot be opened, and so not ended", async () => {
    const { bridge } = await rig.get();
    assert.throws(() => bridge.session("default"), RangeError);
    assert.equal(await bridge.call("math", "sqrt", [4]), 2);
  });

  it("an object of another bridge is refused at once, also while its worker is busy", async () => {
    await using other = await Rig.start();
    const { bridge } = await rig.get();
    using point = await bridge.call("sbtest", "Point", [1]) as Ref;
    await assert.rejects(other.bridge.call("builtins", "repr", [point]), raises(RefWorkerError, /another bridge/));
    using gate = new Gate();
    const held = bridge.call("sbtest", "hold", gate.args);
    await assert.rejects(other.bridge.call("builtins", "repr", [point]), raises(RefWorkerError, /another bridge/));
    gate.open();
    await held;
  });

  it("a session that ends while the line is full leaves nothing behind", async () => {
    await using small = await Rig.start({ maxQueueSize: 1 });
    const { bridge } = small;
    const session = bridge.session();
    const point = await session.call("sbtest", "Point", [1]) as Ref;
    using gate = new Gate();
    const calls = [bridge.call("sbtest", "hold", gate.args), bridge.call("math", "sqrt", [4])];
    await session.release();
    gate.open();
    await Promise.all(calls);
    await small.settled();
    assert.equal(point.released, false, "it was the session that gave it back");
  });
});
