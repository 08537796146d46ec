import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mergeOptions } from "./runtime_options.ts";
import {
  type BridgeTimeOptions,
  resolveTimeLimits,
  resolveTimeSettings,
  type TimeChoice,
  TIMEOUT_PROFILES,
} from "./time_limits.ts";

const MINUTE = 60_000;

describe("TIMEOUT_PROFILES", () => {
  it("has the names and numbers of SnakeBridge", () => {
    assert.deepEqual(TIMEOUT_PROFILES, {
      default: { timeoutMs: 2 * MINUTE, streamTimeoutMs: 30 * MINUTE },
      streaming: { timeoutMs: 2 * MINUTE, streamTimeoutMs: 30 * MINUTE },
      ml_inference: { timeoutMs: 10 * MINUTE, streamTimeoutMs: 30 * MINUTE },
      batch_job: { timeoutMs: Infinity, streamTimeoutMs: Infinity },
    });
  });
});

describe("resolveTimeLimits()", () => {
  const torch: BridgeTimeOptions = { libraryProfiles: { torch: "ml_inference", "torch.hub": "batch_job" } };
  const own: BridgeTimeOptions = { timeoutProfiles: { quick: { timeoutMs: 5 }, ml_inference: { timeoutMs: 7 } } };
  // bridge, withRuntime, call, library → timeoutMs, streamTimeoutMs
  const table: readonly [
    string,
    BridgeTimeOptions,
    TimeChoice | undefined,
    TimeChoice | undefined,
    string | undefined,
    number,
    number,
  ][] = [
    ["nothing said", {}, undefined, undefined, "math", 2 * MINUTE, 30 * MINUTE],
    ["the bridge's number", { timeoutMs: 9 }, undefined, undefined, "math", 9, 30 * MINUTE],
    ["the bridge's profile", { timeoutProfile: "batch_job" }, undefined, undefined, "math", Infinity, Infinity],
    [
      "its number over its profile",
      { timeoutProfile: "batch_job", timeoutMs: 9 },
      undefined,
      undefined,
      "m",
      9,
      Infinity,
    ],
    [
      "the library over the bridge",
      { ...torch, timeoutMs: 9 },
      undefined,
      undefined,
      "torch",
      10 * MINUTE,
      30 * MINUTE,
    ],
    ["a part of the library", torch, undefined, undefined, "torch.nn.Linear", 10 * MINUTE, 30 * MINUTE],
    ["the longest name", torch, undefined, undefined, "torch.hub.x", Infinity, Infinity],
    ["whole segments only", torch, undefined, undefined, "torchvision", 2 * MINUTE, 30 * MINUTE],
    ["no library", torch, undefined, undefined, undefined, 2 * MINUTE, 30 * MINUTE],
    ["the flow over the library", torch, { timeoutMs: 3 }, undefined, "torch", 3, 30 * MINUTE],
    ["the flow's profile over the library", torch, { timeoutProfile: "batch_job" }, {}, "torch", Infinity, Infinity],
    ["the call over the flow", {}, { timeoutMs: 3 }, { timeoutMs: 4 }, "m", 4, 30 * MINUTE],
    [
      "the call's profile over the flow's number",
      {},
      { timeoutMs: 3 },
      { timeoutProfile: "batch_job" },
      "m",
      Infinity,
      Infinity,
    ],
    [
      "the call's number over the flow's profile",
      {},
      { timeoutProfile: "batch_job" },
      { timeoutMs: 4 },
      "m",
      4,
      Infinity,
    ],
    [
      "a number over the profile beside it",
      {},
      undefined,
      { timeoutProfile: "batch_job", timeoutMs: 4 },
      "m",
      4,
      Infinity,
    ],
    [
      "undefined is not given",
      {},
      { timeoutMs: 3 },
      { timeoutMs: undefined as unknown as number },
      "m",
      3,
      30 * MINUTE,
    ],
    ["an own profile, filled up", own, undefined, { timeoutProfile: "quick" }, "m", 5, 30 * MINUTE],
    ["a changed built-in one", own, undefined, { timeoutProfile: "ml_inference" }, "m", 7, 30 * MINUTE],
    ["the built-in ones stay", own, undefined, { timeoutProfile: "batch_job" }, "m", Infinity, Infinity],
    [
      "a changed default",
      { timeoutProfiles: { default: { timeoutMs: 8 } } },
      undefined,
      undefined,
      "m",
      8,
      30 * MINUTE,
    ],
    ["only the stream limit", {}, { streamTimeoutMs: 6 }, undefined, "m", 2 * MINUTE, 6],
  ];
  for (const [name, bridge, runtime, call, library, timeoutMs, streamTimeoutMs] of table) {
    it(`takes ${name}`, () => {
      const choice = mergeOptions(runtime, call);
      assert.deepEqual(resolveTimeLimits(resolveTimeSettings(bridge), choice, library), { timeoutMs, streamTimeoutMs });
    });
  }

  it("refuses limits that are no time", () => {
    const settings = resolveTimeSettings({});
    for (const wrong of [0, -1, NaN, "5", null]) {
      const choice = { timeoutMs: wrong as number };
      assert.throws(() => resolveTimeLimits(settings, choice, undefined), /timeoutMs is .*, expected a number of mill/);
      assert.throws(() => resolveTimeSettings(choice), RangeError);
      assert.throws(() => resolveTimeSettings({ timeoutProfiles: { a: choice } }), /timeoutProfiles\.a, timeoutMs is/);
    }
  });

  it("refuses profiles that nobody defined, with the nearest name", () => {
    const settings = resolveTimeSettings({});
    assert.throws(() => resolveTimeLimits(settings, { timeoutProfile: "batch" }, undefined), /"batch".*"batch_job"/);
    assert.throws(() => resolveTimeSettings({ timeoutProfile: "ml" }), /"ml".*"ml_inference"/);
    assert.throws(() => resolveTimeSettings({ libraryProfiles: { torch: "stream" } }), /torch.*"streaming"/);
  });
});

describe("mergeOptions()", () => {
  it("keeps what the nearer layer does not say", () => {
    assert.deepEqual(mergeOptions({ timeoutMs: 1, returns: "ref" }, { timeoutMs: 2 }), {
      timeoutMs: 2,
      returns: "ref",
    });
    assert.equal(mergeOptions(undefined, undefined), undefined);
  });

  it("lets a nearer profile take the place of both limits", () => {
    const outer = { timeoutMs: 1, streamTimeoutMs: 2 };
    assert.deepEqual(mergeOptions(outer, { timeoutProfile: "default" }), { timeoutProfile: "default" });
  });
});
