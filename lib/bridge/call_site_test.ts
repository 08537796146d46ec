import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SnakeBridgeError } from "../errors/mod.ts";
import { located } from "./call_site.ts";

describe("located()", () => {
  it("passes a value on", async () => assert.equal(await located(Promise.resolve(3)), 3));

  it("tells it once, to an error that several wait for", async () => {
    const error = new SnakeBridgeError("no", { code: "x", category: "pool" });
    await located(Promise.reject(error)).catch(() => {});
    const { stack } = error;
    await located(Promise.reject(error)).catch(() => {});
    assert.equal(error.stack, stack);
  });

  it("leaves other errors alone", async () => {
    const error = new TypeError("no");
    const { stack } = error;
    await located(Promise.reject(error)).catch(() => {});
    assert.equal(error.stack, stack);
  });
});
