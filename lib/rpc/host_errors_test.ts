import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CallCancelledError, CallTimeoutError, PythonError, QueueFullError } from "../errors/mod.ts";
import { describeHostError, setOrigin } from "./mod.ts";

const HERE = {};

function python(): PythonError {
  return new PythonError({
    type: "pkg.Odd",
    mro: ["pkg.Odd", "builtins.Exception"],
    message: "odd",
    traceback: "",
    frames: [{ file: "a.py", line: 3, function: "f", text: undefined }],
    suppressContext: false,
    notes: [],
    attributes: { args: ["odd"] },
  });
}

describe("describeHostError()", () => {
  it("says what kind of error it is", () => {
    const kinds = [
      [new TypeError("m"), "error"],
      [new QueueFullError(3), "error"],
      [new CallTimeoutError("f", 5, true), "timeout"],
      [new DOMException("late", "TimeoutError"), "timeout"],
      [new CallCancelledError("f", true), "cancelled"],
      [new DOMException("enough", "AbortError"), "cancelled"],
      [python(), "python"],
    ] as const;
    for (const [error, kind] of kinds) assert.equal(describeHostError(error, HERE).kind, kind, error.name);
  });

  it("names the call of an exception in its own conversation alone", () => {
    const error = python();
    assert.equal("call" in describeHostError(error, HERE), false);
    setOrigin(error, HERE, 12);
    assert.equal(describeHostError(error, HERE).call, 12);
    assert.equal("call" in describeHostError(error, {}), false);
    const { type, mro, frames, attributes } = describeHostError(error, HERE);
    assert.deepEqual({ type, mro, frames, attributes }, {
      type: "pkg.Odd",
      mro: ["pkg.Odd", "builtins.Exception"],
      frames: [["a.py", 3, "f"]],
      attributes: { args: ["odd"] },
    });
    assert.deepEqual(Object.keys(error).filter((key) => key.includes("origin")), []);
  });

  it("tells frames as Python orders them", () => {
    const error = new Error("m");
    error.stack = [
      "Error: m",
      "    at inner (file:///app/my%20code.ts:3:9)",
      "    at async Promise.all (index 0)",
      "    at async outer (/app/main.ts:14:1)",
      "    at https://host/x.js:7:2",
      "    at native:1:11",
    ].join("\n");
    assert.deepEqual(describeHostError(error, HERE).frames, [
      ["https://host/x.js", 7, "<module>"],
      ["/app/main.ts", 14, "outer"],
      ["/app/my code.ts", 3, "inner"],
    ]);
    function thrower(): never {
      throw new Error("real");
    }
    assert.throws(thrower, (real) => {
      const frames = describeHostError(real, HERE).frames as [string, number, string][];
      assert.ok(
        frames.some(([file, line, name]) => /host_errors_test\.ts$/.test(file) && line > 1 && /thrower/.test(name)),
      );
      return true;
    });
  });

  it("follows causes, endless ones not for ever", () => {
    const error = new Error("outer", { cause: python() });
    assert.equal((describeHostError(error, HERE).cause as { kind: string }).kind, "python");
    const endless = new Error("round");
    endless.cause = endless;
    let depth = 0;
    let found: unknown = describeHostError(endless, HERE);
    for (; found !== undefined; depth += 1) found = (found as { cause?: unknown }).cause;
    assert.equal(depth, 20);
  });

  it("takes whatever is thrown", () => {
    const hostile = { toString: (): never => assert.fail("asked") };
    const odd = new Error("lone \ud800");
    Object.assign(odd, { name: 5, stack: undefined });
    for (
      const [thrown, message] of [[null, "null"], ["text", "text"], [hostile, "[object Object]"], [odd, "lone \ufffd"]]
    ) {
      const said = describeHostError(thrown, HERE);
      assert.equal(said.message, message);
      assert.equal(typeof said.name, "string");
    }
  });
});
