import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { kw, PolicyDeniedError, type PyProxy, type Ref, SnakeBridge } from "../../mod.ts";
import { Rig, rigOptions, SharedRig } from "../support/rig.ts";

const rig = new SharedRig({ policy: { deny: ["os", "sbtest.constant"] } });
after(() => rig.close());

async function refusal(call: () => unknown): Promise<PolicyDeniedError> {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof PolicyDeniedError, String(error));
    assert.equal(error.code, "policy_denied");
    assert.equal(error.mayHaveRun, false);
    return error;
  }
  throw new Error("it was not refused");
}

describe("BridgeOptions.policy", () => {
  it(
    "refuses what is denied, by every way to call it",
    rig.test(async ({ bridge, session }) => {
      const error = await refusal(() => bridge.call("posix", "system", ["true"]));
      assert.equal(error.denied, "posix");
      assert.equal(error.rule, "deny 'os'");
      assert.deepEqual(error.details, { name: "posix", rule: "deny 'os'" });
      assert.match(
        error.message,
        /^Call posix\.system was refused by the policy of the bridge: it reaches posix \(deny /,
      );
      await refusal(() => session.attr("os", "environ"));
      await refusal(() => bridge.attr("sbtest", "constant"));
      await refusal(() => bridge.import("platform").os.system("true"));
      await refusal(() => bridge.import("sbtest").os.getcwd(kw({})));
      await refusal(() => bridge.call("builtins", "eval", ["1"]));
      await refusal(() => bridge.import("builtins").tuple().__class__.__mro__[1].__subclasses__());
      using point = await bridge.call("sbtest", "Point", [1]) as Ref;
      await refusal(() => point.get("__init__.__globals__"));
      await refusal(() => point.set("__class__", point));
      await refusal(() => (point.py as PyProxy).__init__.__globals__.os.system("true"));
    }),
  );

  it(
    "lets the rest be",
    rig.test(async ({ bridge }) => {
      assert.equal(await bridge.call("math", "sqrt", [16]), 4);
      using point = await bridge.call("sbtest", "Point", [1]) as Ref;
      await point.set("x", 5);
      assert.equal(await point.get("x"), 5);
      assert.equal(await bridge.import("pathlib").PurePosixPath("/a").joinpath("b").name, "b");
    }),
  );

  it(
    "holds for what callbacks are given, and for what they call",
    rig.test(async ({ bridge }) => {
      const seen: string[] = [];
      const look = async (given: Ref): Promise<number> => {
        for (
          const call of [
            () => given.call("getcwd"),
            () => bridge.call("sbtest", "same", [given]),
            () => bridge.call("posix", "getcwd"),
          ]
        ) seen.push((await refusal(call)).rule);
        return 5;
      };
      assert.equal(await bridge.call("sbtest", "call_with_os", [look]), 5);
      assert.deepEqual(seen, Array(3).fill("deny 'os'"));
    }),
  );

  it(
    "holds for coroutines",
    rig.test(async ({ bridge }) => {
      await refusal(() => bridge.call("asyncio", "base_events.os.getcwd"));
      assert.equal(await bridge.call("asyncio", "sleep", [0, 7]), 7);
      await refusal(() => bridge.call("asyncio", "events.sys.modules.get", ["os"]));
    }),
  );

  it("allows nothing but what it names", async () => {
    await using own = await Rig.start({ policy: { allow: ["math.sqrt", "collections"] } });
    await own.run(async ({ bridge }) => {
      assert.equal(await bridge.call("math", "sqrt", [16]), 4);
      assert.equal((await refusal(() => bridge.call("math", "cos", [1]))).rule, "no entry of allow matches it");
      await refusal(() => bridge.call("sbtest", "pid"));
      const counter = await bridge.import("collections").Counter("abca");
      assert.equal(await (counter as PyProxy).$.at("a"), 2);
    });
  });

  it("is checked before Python starts", async () => {
    const start = (policy: unknown) => SnakeBridge.start({ ...rigOptions(), policy } as object);
    await assert.rejects(start({ deny: ["o*"] }), /policy\.deny has "o\*", expected a dotted name/);
    await assert.rejects(start({ allow: "os" }), /policy\.allow is os, expected an array/);
    await assert.rejects(start({ denied: [] }), /there is no option "denied", the nearest is "deny"/);
    await assert.rejects(start(5), TypeError);
    await assert.rejects(start({ expressions: 1 }), TypeError);
  });
});
