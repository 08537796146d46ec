import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { type CallPayload, errors, PolicyDeniedError, ProtocolError, ProtocolVersionError, Ref } from "../../mod.ts";
import { TempFolder } from "../support/gate.ts";
import { raises } from "../support/raises.ts";
import { Rig, SharedRig } from "../support/rig.ts";

const rig = new SharedRig();
after(() => rig.close());

const VERSIONS = { protocol_version: 1, min_supported_version: 1 };

describe("callPayload()", () => {
  it(
    "makes calls of every type",
    rig.test(async ({ bridge, session }) => {
      const run = (payload: CallPayload) => bridge.callPayload({ ...VERSIONS, ...payload });
      assert.equal(await run({ library: "math", function: "sqrt", args: [16] }), 4);
      assert.equal(await run({ call_type: "module_attr", library: "sbtest", attr: "constant" }), 42);
      const point = await run({ call_type: "class", python_module: "sbtest", class: "Point", args: [1] }) as Ref;
      assert.ok(point instanceof Ref);
      assert.equal(point.session, session.id);
      assert.equal(await run({ call_type: "get_attr", instance: point, attr: "x" }), 1);
      assert.equal(await run({ call_type: "set_attr", instance: point, attr: "x", args: [5] }), null);
      assert.equal(await point.get("x"), 5);
      const stream = await run({
        call_type: "dynamic_stream",
        library: "builtins",
        function: "range",
        args: [1],
      }) as Ref;
      assert.deepEqual(await run({ call_type: "stream_next", stream_ref: stream }), [[0], false]);
      assert.deepEqual(await run({ call_type: "stream_next", stream_ref: stream }), [[], true]);
      await assert.rejects(run({ library: "math", function: "sqrt", args: [-1] }), raises(errors.ValueError));
    }),
  );

  it(
    "takes session and idempotent from the payload",
    rig.test(async ({ bridge, session }) => {
      const made = { ...VERSIONS, library: "collections", function: "Counter", args: ["a"] };
      const counter = await bridge.callPayload({ ...made, session_id: "named" }) as Ref;
      assert.equal(counter.session, "named");
      await bridge.session("named").release();
      await assert.rejects(
        session.callPayload({ ...made, session_id: "named" }),
        /names session "named", this is session/,
      );
      using folder = new TempFolder();
      const dies = { ...VERSIONS, library: "sbtest", function: "die_first", args: [folder.file("a"), 1] };
      assert.equal(await bridge.callPayload({ ...dies, idempotent: true }, { retryDelayMs: 1 }), "alive");
    }),
  );

  it(
    "refuses what is malformed, and versions that do not meet",
    rig.test(async ({ bridge }) => {
      const right = { ...VERSIONS, library: "math", function: "sqrt", args: [16] };
      await assert.rejects(
        bridge.callPayload({ ...right, protocol_version: 3, min_supported_version: 2 }),
        (error) => {
          assert.ok(error instanceof ProtocolVersionError);
          assert.deepEqual(error.details, {
            hostProtocol: 3,
            hostMinProtocol: 2,
            workerProtocol: 1,
            workerMinProtocol: 1,
          });
          return true;
        },
      );
      await assert.rejects(
        bridge.callPayload({ library: "math", function: "sqrt", args: [16] }),
        raises(ProtocolError, /no protocol_version .* set SNAKEBRIDGE_ALLOW_LEGACY_PROTOCOL=1/),
      );
      await assert.rejects(bridge.callPayload({ ...right, arg: 1 } as CallPayload), /has no field 'arg'/);
      await assert.rejects(bridge.callPayload(5 as CallPayload), TypeError);
    }),
  );

  it("accepts payloads without versions only by opt-in, and keeps to the policy", async () => {
    await using own = await Rig.start({
      env: { SNAKEBRIDGE_ALLOW_LEGACY_PROTOCOL: "yes" },
      policy: { allow: ["*", "snakebridge._internal.legacy_payload"], deny: ["os"] },
    });
    await own.run(async ({ bridge }) => {
      assert.equal(await bridge.callPayload({ library: "math", function: "sqrt", args: [16] }), 4);
      for (
        const payload of [
          { library: "os", function: "system", args: ["true"] },
          { library: "sbtest", function: "os.system", args: ["true"] },
          { library: "builtins", function: "eval", args: ["1"] },
        ]
      ) await assert.rejects(bridge.callPayload(payload), raises(PolicyDeniedError));
      const point = await bridge.callPayload({ call_type: "class", library: "sbtest", class: "Point", args: [1] });
      await assert.rejects(
        bridge.callPayload({ call_type: "set_attr", instance: point, attr: "__class__", args: [1] }),
        raises(PolicyDeniedError),
      );
    });
  });
});
