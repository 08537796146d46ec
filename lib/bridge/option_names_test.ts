import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nearest } from "./option_names.ts";
import { type BridgeOptions, type CallOptions, checkBridgeOptions, checkCallOptions } from "./options.ts";

describe("checkCallOptions()", () => {
  it("refuses unknown names and names the nearest", () => {
    const table = {
      timeout: "timeoutMs",
      timeoutms: "timeoutMs",
      stream_timeout_ms: "streamTimeoutMs",
      return: "returns",
      abortSignal: "signal",
    };
    for (const [wrong, right] of Object.entries(table)) {
      assert.throws(
        () => checkCallOptions({ [wrong]: 1 } as CallOptions),
        new TypeError(`Cannot call: there is no option "${wrong}", the nearest is "${right}"`),
      );
    }
  });

  it("refuses what is no object, and a signal that is none", () => {
    assert.throws(() => checkCallOptions(5 as unknown as CallOptions), /options are 5, expected an object/);
    assert.throws(() => checkCallOptions({ signal: true as unknown as AbortSignal }), /signal is true/);
    assert.throws(() => checkCallOptions({ signal: null as unknown as AbortSignal }), /signal is null/);
  });

  it("takes every option", () => {
    checkCallOptions(undefined);
    checkCallOptions({
      timeoutMs: 1,
      streamTimeoutMs: 2,
      timeoutProfile: "default",
      returns: "ref",
      signal: new AbortController().signal,
    });
  });
});

describe("checkBridgeOptions()", () => {
  it("refuses unknown names and names the nearest", () => {
    assert.throws(
      () => checkBridgeOptions({ poolSize: 3 } as BridgeOptions),
      /Cannot start bridge: there is no option "poolSize", the nearest is "size"/,
    );
  });
});

describe("nearest()", () => {
  it("counts edits, and likes a common beginning", () => {
    assert.equal(nearest("colour", ["color", "column"]), "color");
    assert.equal(nearest("ml", ["default", "ml_inference"]), "ml_inference");
    assert.equal(nearest("x", []), "");
  });
});
