import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import * as api from "../../mod.ts";
import { ROOT } from "../support/python.ts";

// Every error class that is exported has a stable code, a category and a row in README.md, and its errors are safe to log.

const SECRET = "password=hunter2";
const exit: api.WorkerExit = { pid: 5, exitCode: 3, signal: null, stderrTail: SECRET };
const init: api.PythonErrorInit = {
  type: "builtins.ValueError",
  mro: ["builtins.ValueError", "builtins.Exception", "builtins.BaseException"],
  message: SECRET,
  traceback: `Traceback\nValueError: ${SECRET}\n`,
  frames: [],
  suppressContext: false,
  notes: [SECRET],
  attributes: { args: SECRET },
};
const cause = new api.PythonError(init);

/** Errors of every class, in each way in which `mayHaveRun` can come out. */
const SAMPLES: readonly api.SnakeBridgeError[] = [
  cause,
  new api.PythonErrorGroup({ ...init, errors: [cause], omitted: 0 }),
  new api.ShapeMismatchError({ cause, expected: [1], actual: [2] }),
  new api.OutOfMemoryError({ cause, requestedBytes: 1 }),
  new api.DtypeMismatchError({ cause, expected: "int64", actual: "float64" }),
  new api.DeviceMismatchError({ cause, expected: "cuda:0", actual: "cpu" }),
  new api.CallTimeoutError("f", 5, true),
  new api.CallTimeoutError("f", 5, false),
  new api.CallCancelledError("f", true, SECRET),
  new api.CallCancelledError("f", false, new Error(SECRET)),
  new api.QueueTimeoutError("f", 5),
  new api.QueueFullError(5),
  new api.ClosedError("pool"),
  new api.ClosedError("pool", true),
  new api.WorkerCrashedError("f", exit),
  new api.WorkerStartError(SECRET, SECRET),
  new api.RefReleasedError("r"),
  new api.RefExpiredError("r", 60),
  new api.RefEvictedError("r", 10),
  new api.RefNotFoundError("r", SECRET),
  new api.RefLostError("r", SECRET),
  new api.RefSessionError("r", "a", "b"),
  new api.RefSessionEndedError("r", "a", "b"),
  new api.RefWorkerError("f"),
  new api.ValueEncodeError("$[0]", "function", SECRET, ""),
  new api.SerializationError(SECRET, "$", "t", true),
  new api.SerializationError(SECRET, "$", "", false),
  new api.LimitExceededError(SECRET, "maxDepth", 3, 2),
  new api.LimitExceededError(SECRET, "maxDepth", 3, 2, true),
  new api.ProtocolError(SECRET),
  new api.ProtocolVersionError(1, 1, 2, 2),
  new api.PolicyDeniedError("f", "os", "deny 'os'"),
  new api.PythonNotFoundError(SECRET, [SECRET]),
  new api.PythonVersionError(SECRET, "3.9", "3.10"),
  new api.PermissionRequiredError(SECRET, "--allow-run"),
];

/** Classes that only others derive from. */
const BASES: readonly string[] = ["SnakeBridgeError", "RefError", "NumericError"];
const CATEGORIES: readonly string[] = ["worker", "timeout", "python", "transport", "validation", "pool", "environment"];

/** Name of the class itself; `name` of a Python exception is its Python type. */
function className(error: api.SnakeBridgeError): string {
  return error.constructor.name;
}

const exported = Object.entries(api).filter(([, value]) =>
  typeof value === "function" &&
  (value as unknown === api.SnakeBridgeError || value.prototype instanceof api.SnakeBridgeError)
).map(([name]) => name);

describe("every exported error class", () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const rows = new Map<string, string[]>();
  for (
    const [, names, ...cells] of readme.matchAll(
      /^\| (`\w+Error\w*`(?:, `\w+`)*) \| `(\w+)` \| (\w+) \| (\w+) \| .+ \|$/gm,
    )
  ) {
    for (const name of (names as string).matchAll(/`(\w+)`/g)) rows.set(name[1] as string, cells as string[]);
  }

  it("is known to this test", () => {
    assert.ok(exported.length > 25, exported.join(", "));
    const known = new Set([...BASES, ...SAMPLES.map(className)]);
    assert.deepEqual(exported.filter((name) => !known.has(name)), [], "add a sample");
  });

  it("stands in README.md with its code, its category and whether the call may have run", () => {
    assert.deepEqual([...rows.keys()].sort(), exported.filter((name) => !BASES.includes(name)).sort());
    for (const [name, cells] of rows) {
      const samples = SAMPLES.filter((error) => className(error) === name);
      const ran = new Set(samples.map(({ mayHaveRun }) => mayHaveRun));
      const { code, category } = samples[0] as api.SnakeBridgeError;
      assert.deepEqual(cells, [code, category, ran.size === 2 ? "depends" : ran.has(true) ? "yes" : "no"], name);
    }
  });

  for (const error of SAMPLES) {
    it(`${className(error)} has a code, a category and a message in the common form`, () => {
      assert.match(error.code, /^[a-z]+(_[a-z]+)*$/);
      assert.ok(CATEGORIES.includes(error.category), error.category);
      assert.ok(error instanceof api.SnakeBridgeError && error instanceof Error);
      if (!(error instanceof api.PythonError)) assert.equal(error.name, className(error));
      assert.doesNotMatch(error.message, /undefined|\[object|\.$/);
      assert.equal(error.correlationId, undefined);
    });

    it(`${className(error)} gives a record without secrets`, () => {
      const text = JSON.stringify(error);
      assert.doesNotMatch(text, /hunter2/);
      assert.doesNotMatch(JSON.stringify(error.details), /hunter2/);
      const record = JSON.parse(text);
      assert.deepEqual(
        [record.name, record.code, record.category, record.mayHaveRun],
        [error.name, error.code, error.category, error.mayHaveRun],
      );
      assert.equal("cause" in record, error.cause !== undefined);
    });
  }

  it("has one code of its own", () => {
    const owners = new Map<string, Set<string>>();
    for (const error of SAMPLES) {
      owners.set(error.code, (owners.get(error.code) ?? new Set()).add(className(error)));
    }
    const shared = [...owners].filter(([, names]) => names.size > 1).map(([code, names]) => [code, ...names]);
    assert.deepEqual(shared, [["python_error", "PythonError", "PythonErrorGroup"]]);
  });
});
