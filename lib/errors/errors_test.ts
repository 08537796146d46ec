import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import {
  describeExit,
  errors,
  PythonError,
  QueueFullError,
  RefError,
  RefReleasedError,
  SnakeBridgeError,
  WorkerCrashedError,
} from "./mod.ts";

function python(type: string, ...bases: string[]): PythonError {
  return new PythonError({
    type,
    mro: [type, ...bases],
    message: "as asked",
    traceback: "Traceback\n",
    frames: [],
    suppressContext: false,
    notes: [],
    attributes: {},
  });
}

describe("SnakeBridgeError", () => {
  it("has the name of its class, a code, a category and details", () => {
    const error = new QueueFullError(7);
    assert.ok(error instanceof SnakeBridgeError && error instanceof Error);
    assert.equal(error.name, "QueueFullError");
    assert.equal(error.code, "queue_full");
    assert.equal(error.category, "pool");
    assert.equal(error.mayHaveRun, false);
    assert.deepEqual(error.details, { maxQueueSize: 7 });
    assert.ok(new RefReleasedError("reference 1") instanceof RefError);
  });

  it("has no cause unless one is given", () => {
    assert.equal("cause" in new SnakeBridgeError("m", { code: "c", category: "pool" }), false);
    assert.equal(new SnakeBridgeError("m", { code: "c", category: "pool", cause: 1 }).cause, 1);
  });
});

describe("errors", () => {
  it("tests by the names of the type and its bases", () => {
    const error = python("pkg.Special", "builtins.KeyError", "builtins.LookupError", "builtins.BaseException");
    assert.ok(error instanceof errors.KeyError);
    assert.ok(error instanceof errors.LookupError);
    assert.ok(error instanceof errors.of("pkg.Special"));
    assert.ok(error instanceof errors.of("KeyError"));
    assert.equal((error as Error) instanceof errors.ValueError, false);
    assert.equal((error as Error) instanceof errors.of("Special"), false);
  });

  it("knows nothing that is no Python exception", () => {
    for (const value of [new Error("KeyError"), null, undefined, "KeyError", { mro: ["builtins.KeyError"] }]) {
      assert.equal((value as unknown) instanceof errors.KeyError, false);
    }
  });

  it("gives one class for one name", () => {
    assert.equal(errors.of("pkg.Special"), errors.of("pkg.Special"));
    assert.equal(errors.of("ValueError"), errors.ValueError);
    assert.equal(errors.of("builtins.ValueError"), errors.ValueError);
  });

  it("tells classes of one name in two modules apart", () => {
    const error: Error = python("a.TimeoutError", "builtins.Exception");
    assert.ok(error instanceof errors.of("a.TimeoutError"));
    assert.ok(!(error instanceof errors.of("b.TimeoutError")));
    assert.ok(!(error instanceof errors.TimeoutError));
    assert.ok(!(error instanceof errors.of("a")));
  });

  it("refuses what names no class", () => {
    for (const name of ["", ".", "a.", ".a", "a b", "a..b"]) {
      assert.throws(() => errors.of(name), /Cannot name Python exception: got "/);
    }
    assert.throws(() => errors.of(undefined as never), /got undefined, expected a qualified name/);
    assert.equal(errors.of("m.f.<locals>.Local").name, "Local");
  });

  it("has classes with names", () => {
    assert.equal(errors.KeyError.name, "KeyError");
    assert.equal(errors.of("sklearn.exceptions.NotFittedError").name, "NotFittedError");
  });
});

describe("PythonError", () => {
  it("shows Python's traceback in its stack", () => {
    const error = python("pkg.Special");
    assert.equal(error.name, "pkg.Special");
    assert.equal(python("builtins.ValueError").name, "ValueError");
    assert.match(error.stack ?? "", /^pkg\.Special: as asked\n\nTraceback$/);
  });

  it("leaves the rest of a chain to its cause", () => {
    const { type, mro, frames, notes, attributes } = python("builtins.ValueError");
    const between = "\nThe above exception was the direct cause of the following exception:\n\n";
    const traceback =
      `Traceback 1\n  | The above exception was nothing\nKeyError\n${between}Traceback 2\nValueError: m\n`;
    const init = { type, mro, frames, notes, attributes, message: "m", suppressContext: true, traceback };
    const chained = new PythonError({ ...init, cause: python("builtins.KeyError") });
    assert.equal(chained.stack, "ValueError: m\n\nTraceback 2\nValueError: m");
    assert.equal(inspect(chained), `ValueError: m\n\n${traceback.trimEnd()}`);
    // Where the cause did not arrive, the text is all there is.
    assert.match(new PythonError(init).stack ?? "", /Traceback 1/);
  });

  it("takes the context for its cause, unless that is suppressed", () => {
    const context = python("builtins.KeyError");
    const { type, mro, frames, notes, attributes } = context;
    const init = { type, mro, frames, notes, attributes, message: "m", traceback: "", suppressContext: false, context };
    assert.equal(new PythonError(init).cause, context);
    assert.equal(new PythonError({ ...init, suppressContext: true }).cause, undefined);
  });
});

describe("describeExit()", () => {
  it("says how a worker ended", () => {
    const exit = { pid: 5, exitCode: 3, signal: null, stderrTail: " last words\n" };
    assert.equal(describeExit(exit), "worker 5 exited with status 3; its last words: last words");
    assert.equal(
      describeExit({ ...exit, exitCode: null, signal: "SIGKILL", stderrTail: "" }),
      "worker 5 was ended by SIGKILL",
    );
    assert.equal(
      describeExit({ pid: undefined, exitCode: null, signal: null, stderrTail: "" }),
      "worker (never started) went away",
    );
    assert.match(new WorkerCrashedError("math.sqrt", exit).message, /^math\.sqrt failed: worker 5 exited/);
  });
});
