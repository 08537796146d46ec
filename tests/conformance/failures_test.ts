import assert from "node:assert/strict";
import process from "node:process";
import { after, describe, it } from "node:test";
import { inspect } from "node:util";
import {
  CallCancelledError,
  CallTimeoutError,
  errors,
  kw,
  PythonError,
  PythonErrorGroup,
  SnakeBridgeError,
  Tuple,
  ValueEncodeError,
} from "../../mod.ts";
import type { SnakeBridge } from "../../mod.ts";
import { SharedRig } from "../support/rig.ts";

const rig = new SharedRig();
after(() => rig.close());

async function failure(bridge: SnakeBridge, kind: string): Promise<PythonError> {
  const error = await bridge.call("sbtest", "fail", [kind]).then(() => undefined, (reason) => reason);
  assert.ok(error instanceof PythonError, `${kind} gave ${String(error)}`);
  return error;
}

describe("PythonError", () => {
  it(
    "says in its stack who waited in TypeScript, then what Python says",
    rig.test(async ({ bridge }) => {
      async function whoWaits(): Promise<unknown> {
        return await bridge.call("json", "loads", ["{"]);
      }
      const error = await whoWaits().then(() => undefined, (reason) => reason);
      assert.match(error.stack, /^json\.decoder\.JSONDecodeError: [^]*\bwhoWaits\b[^]*\n\nTraceback [^]*decoder\.py/);
      assert.doesNotMatch(error.stack, /lib\/bridge\//);
    }),
  );

  it(
    "tells the type, its bases, the message and the attributes",
    rig.test(async ({ bridge }) => {
      const error = await failure(bridge, "special");
      assert.equal(error.type, "sbtest.Special");
      assert.deepEqual(error.mro, [
        "sbtest.Special",
        "sbtest.Plain",
        "builtins.KeyError",
        "builtins.LookupError",
        "builtins.Exception",
        "builtins.BaseException",
      ]);
      assert.equal(error.message, "'special'");
      assert.equal(error.name, "sbtest.Special");
      assert.equal(error.attributes.code, 7);
      assert.deepEqual(error.attributes.args, Tuple.of("special"));
      assert.equal(error.code, "python_error");
      assert.equal(error.category, "python");
      assert.equal(error.mayHaveRun, true);
    }),
  );

  it(
    "is an instance of the classes of its Python type, whichever are asked for first",
    rig.test(async ({ bridge }) => {
      const before = errors.of("sbtest.Plain");
      const error = await failure(bridge, "special");
      assert.ok(error instanceof before);
      assert.ok(error instanceof errors.of("sbtest.Special"));
      assert.ok(error instanceof errors.KeyError);
      assert.ok(error instanceof errors.LookupError);
      assert.ok(error instanceof errors.of("Exception"));
      assert.ok(error instanceof SnakeBridgeError);
      assert.ok(!(error instanceof errors.ValueError));
      assert.ok(!(error instanceof errors.of("sbtest.BadStr")));
    }),
  );

  it(
    "shows the traceback as Python prints it, without the worker's own frames",
    rig.test(async ({ bridge }) => {
      const error = await failure(bridge, "os");
      assert.ok(error instanceof errors.FileNotFoundError);
      assert.equal(error.attributes.errno, 2);
      assert.equal(error.attributes.filename, "/nonexistent/file");
      assert.match(
        error.traceback,
        /^Traceback \(most recent call last\):\n {2}File ".*sbtest\.py", line \d+, in fail\n/,
      );
      assert.match(
        error.traceback,
        /FileNotFoundError: \[Errno 2\] No such file or directory: '\/nonexistent\/file'\n$/,
      );
      assert.doesNotMatch(error.traceback, /snakebridge/);
      assert.match(error.stack ?? "", /sbtest\.py/);
    }),
  );

  it(
    "lists frames outermost first, with their source lines",
    rig.test(async ({ bridge }) => {
      const { cause } = await failure(bridge, "cause");
      const frames = (cause as PythonError).frames;
      assert.deepEqual(frames.map((frame) => frame.function), ["fail", "inner"]);
      assert.equal(frames[1]?.text, "return 1 / 0  # the line that fails");
      assert.ok((frames[1]?.line ?? 0) > 1);
      assert.match(frames[1]?.file ?? "", /sbtest\.py$/);
    }),
  );

  it(
    "carries raise ... from as cause",
    rig.test(async ({ bridge }) => {
      const error = await failure(bridge, "cause");
      assert.ok(error instanceof errors.RuntimeError);
      assert.ok(error.cause instanceof errors.ZeroDivisionError);
      assert.equal(error.suppressContext, true);
      assert.match(error.traceback, /ZeroDivisionError[^]*direct cause[^]*RuntimeError: outer/);
    }),
  );

  it(
    "carries the exception that was being handled as context",
    rig.test(async ({ bridge }) => {
      const error = await failure(bridge, "context");
      assert.ok(error instanceof errors.LookupError);
      assert.ok(error.context instanceof errors.ZeroDivisionError);
      assert.ok(error.cause instanceof errors.ZeroDivisionError);
      assert.equal(error.suppressContext, false);
    }),
  );

  it(
    "hides a suppressed context from cause",
    rig.test(async ({ bridge }) => {
      const error = await failure(bridge, "suppressed");
      assert.equal(error.suppressContext, true);
      assert.equal(error.cause, undefined);
      assert.ok(error.context instanceof errors.ZeroDivisionError);
      assert.doesNotMatch(error.traceback, /ZeroDivisionError/);
    }),
  );

  it(
    "carries notes",
    rig.test(async ({ bridge }) => {
      assert.deepEqual((await failure(bridge, "notes")).notes, ["first", "second"]);
    }),
  );

  it(
    "arrives from exceptions that resist",
    rig.test(async ({ bridge }, { pid }) => {
      const str = await failure(bridge, "str");
      assert.equal(str.type, "sbtest.BadStr");
      assert.match(str.message, /str\(\) failed/);
      const attributes = await failure(bridge, "attributes");
      assert.equal(attributes.type, "sbtest.BadAttributes");
      assert.equal(attributes.message, "bad attributes");
      assert.equal(attributes.attributes.good, 1);
      assert.deepEqual(Object.keys(attributes.attributes).sort(), ["args", "good"]);
      assert.equal((await failure(bridge, "class")).type, "sbtest.BadClass");
      assert.equal(await bridge.call("sbtest", "pid"), pid);
    }),
  );

  it(
    "cuts a message of megabytes",
    rig.test(async ({ bridge }) => {
      const error = await failure(bridge, "huge");
      assert.ok(error.message.length <= 65_536 && error.message.length > 1_000);
    }),
  );

  it(
    "is what sys.exit() and KeyboardInterrupt become, and the worker lives on",
    rig.test(async ({ bridge }, { pid }) => {
      const exit = await failure(bridge, "exit");
      assert.ok(exit instanceof errors.SystemExit);
      assert.ok(!(exit instanceof errors.Exception));
      assert.equal(exit.attributes.code, 5);
      assert.ok(await failure(bridge, "interrupt") instanceof errors.KeyboardInterrupt);
      assert.equal(await bridge.call("sbtest", "pid"), pid);
    }),
  );

  it(
    "is what recursion to the limit becomes, in Python code and in the encoder",
    rig.test(async ({ bridge }, { pid }) => {
      await assert.rejects(bridge.call("sbtest", "recurse"), (error) => {
        assert.ok(error instanceof errors.RecursionError);
        assert.ok(error.frames.length > 100 && error.traceback.length < 70_000);
        return true;
      });
      assert.equal(await bridge.call("sbtest", "pid"), pid);
    }),
  );

  it(
    "arrives in the dynamic form too, with the traceback of the step that failed",
    rig.test(async ({ bridge }) => {
      await assert.rejects(Promise.resolve(bridge.import("sbtest").inner()), (error) => {
        assert.ok(error instanceof errors.ZeroDivisionError);
        assert.match(error.traceback, /in inner/);
        return true;
      });
    }),
  );

  it(
    "says in its stack who awaited a proxy, where the runtime follows the wait",
    rig.test(async ({ bridge }) => {
      async function whoAwaits(): Promise<unknown> {
        return await bridge.import("sbtest").inner();
      }
      const error = await whoAwaits().then(() => undefined, (reason) => reason);
      assert.ok(error instanceof errors.ZeroDivisionError);
      // JavaScriptCore forgets who awaits an object that is no promise.
      if (process.versions.bun === undefined) assert.match(error.stack ?? "", /^[^]*\bwhoAwaits\b[^]*\n\nTraceback/);
      assert.doesNotMatch(error.stack ?? "", /lib\/bridge\//);
    }),
  );

  it(
    "shows the whole chain once, as Python prints it, to console.log",
    rig.test(async ({ bridge }) => {
      const error = await failure(bridge, "cause");
      const shown = inspect(error);
      assert.equal(shown.match(/Traceback \(most recent call last\)/g)?.length, 2);
      assert.equal(shown.match(/the line that fails/g)?.length, 1);
      assert.match(shown, /^RuntimeError: outer\n[^]*ZeroDivisionError[^]*direct cause[^]*RuntimeError: outer$/);
      // The stack tells of the last one alone: those who print it print that of its cause, too.
      assert.equal(error.stack?.match(/Traceback/g)?.length, 1);
      assert.match(String((error.cause as Error).stack), /the line that fails/);
    }),
  );

  it(
    "shows what a function of ours threw, once",
    rig.test(async ({ bridge }) => {
      const broken = (): never => {
        throw new RangeError("from TypeScript");
      };
      const mapped = await bridge.call("builtins", "map", [broken, [1]]);
      const error = await bridge.call("builtins", "list", [mapped]).then(() => undefined, (reason) => reason);
      assert.ok(error instanceof PythonError && error.cause instanceof RangeError);
      assert.equal(inspect(error).match(/\bbroken\b.*failures_test/g)?.length, 1);
      assert.equal(error.toJSON().cause?.name, "RangeError");
    }),
  );

  it(
    "is a group with its members, nested as in Python",
    rig.test(async ({ bridge }) => {
      const group = await failure(bridge, "group");
      assert.ok(group instanceof PythonErrorGroup && group instanceof errors.ExceptionGroup);
      assert.ok(group instanceof errors.BaseExceptionGroup && group instanceof errors.Exception);
      assert.equal(group.message, "several (2 sub-exceptions)");
      const [one, nested] = group.errors;
      assert.ok(one instanceof errors.ValueError && !(one instanceof PythonErrorGroup));
      assert.ok(nested instanceof errors.ExceptionGroup);
      assert.ok(nested.errors[0] instanceof errors.ZeroDivisionError);
      assert.match(nested.errors[0]?.traceback ?? "", /in inner/);
      assert.deepEqual(group.leaves().map(({ name }) => name), ["ValueError", "ZeroDivisionError", "KeyError"]);
      assert.ok(group.cause instanceof errors.of("sbtest.Special"));
      assert.equal(inspect(group).match(/the line that fails/g)?.length, 1);
      assert.deepEqual(group.toJSON().errors?.map(({ name }) => name), ["ValueError", "ExceptionGroup"]);
    }),
  );

  it(
    "passes through a function of ours, members and all",
    rig.test(async ({ bridge }) => {
      for (const kind of ["group", "wide"]) {
        const through = () => bridge.call("sbtest", "fail", [kind]);
        const error = await bridge.call("sbtest", "call_it", [through]).then(() => undefined, (reason) => reason);
        assert.ok(error instanceof errors.ExceptionGroup, String(error));
        assert.equal(error.errors.length, kind === "wide" ? 99 : 2);
        assert.ok(error.errors[0] instanceof errors.ValueError);
        assert.match(
          error.message,
          kind === "wide" ? /^wide \(99 sub-exceptions\)$/ : /^several \(2 sub-exceptions\)$/,
        );
      }
    }),
  );

  it(
    "says how many members of a large group are missing",
    rig.test(async ({ bridge }) => {
      const group = await failure(bridge, "wide");
      assert.ok(group instanceof PythonErrorGroup);
      assert.deepEqual([group.errors.length, group.omitted], [99, 401]);
    }),
  );

  it(
    "tells where a syntax error stands, and what slots hold",
    rig.test(async ({ bridge }) => {
      const error = await failure(bridge, "syntax");
      assert.ok(error instanceof errors.SyntaxError && error instanceof errors.Exception);
      const { filename, lineno, text, msg } = error.attributes;
      assert.deepEqual([filename, lineno, String(text).trimEnd()], ["<typed>", 1, "x = (1,"]);
      assert.match(String(msg), /never closed/);
      assert.match(error.traceback, /File "<typed>", line 1/);
      // The argument has no encoding: it is left out, what has one is not.
      assert.deepEqual((await failure(bridge, "slots")).attributes, { number: 3 });
    }),
  );

  it(
    "is an instance of every builtin class that Python says it is one of",
    rig.test(async ({ bridge }) => {
      const names = await bridge.call("sbtest", "exception_names") as string[];
      assert.ok(names.length > 60);
      for (const name of names) assert.ok(name in errors, `errors.${name} is missing`);
      const error = await failure(bridge, "os");
      for (const name of ["FileNotFoundError", "OSError", "Exception", "BaseException"] as const) {
        assert.ok(error instanceof errors[name], name);
      }
    }),
  );
});

describe("correlationId", () => {
  async function failed(call: PromiseLike<unknown>): Promise<SnakeBridgeError> {
    const error = await Promise.resolve(call).then(() => undefined, (reason) => reason);
    assert.ok(error instanceof SnakeBridgeError, String(error));
    return error;
  }

  it(
    "names the worker and the call, in every form of a call",
    rig.test(async ({ bridge }, { pid }) => {
      const first = await failed(bridge.call("math", "sqrt", [-1]));
      const second = await failed(bridge.call("math", "sqrt", [-1]));
      const third = await failed(bridge.import("math").sqrt(-1));
      const ids = [first, second, third].map(({ correlationId }) => correlationId ?? "");
      for (const id of ids) assert.match(id, new RegExp(`^${pid}-\\d+$`));
      const [a, b, c] = ids.map((id) => Number(id.split("-")[1])) as [number, number, number];
      assert.ok(a < b && b < c, ids.join(" "));
    }),
  );

  it(
    "is there for calls that were given up, and for those never sent",
    rig.test(async ({ bridge }, { pid }) => {
      const late = await failed(bridge.call("time", "sleep", [30], {}, { timeoutMs: 50 }));
      assert.ok(late instanceof CallTimeoutError);
      assert.match(late.correlationId ?? "", new RegExp(`^${pid}-\\d+$`));
      const cancelled = await failed(bridge.call("math", "sqrt", [4], {}, { signal: AbortSignal.abort() }));
      assert.ok(cancelled instanceof CallCancelledError);
      assert.match(cancelled.correlationId ?? "", /^host-\d+$/);
      const refused = await failed(bridge.call("math", "sqrt", [Symbol("x")]));
      assert.ok(refused instanceof ValueEncodeError);
      assert.match(refused.correlationId ?? "", /^host-\d+$/);
      const inChain = await failed(bridge.import("math").sqrt(Symbol("x")));
      assert.match(inChain.correlationId ?? "", /^host-\d+$/);
    }),
  );

  it(
    "is each step's own in a chain, while the failure is the first one's",
    rig.test(async ({ bridge }) => {
      const broken = bridge.import("math").sqrt(-1);
      const [one, two] = await Promise.all([failed(broken), failed(broken.hex())]);
      assert.equal(one.message, two.message);
      assert.notEqual(one.correlationId, two.correlationId);
    }),
  );
});

describe("SnakeBridgeError.toJSON()", () => {
  it(
    "gives a record without secrets that JSON and structuredClone can hold",
    rig.test(async ({ bridge }) => {
      const code = "raise ValueError('cannot log in with password=hunter2') from KeyError('token=abc')";
      const error = await bridge.import("builtins").exec(code, kw({})).then(undefined, (reason: unknown) => reason);
      assert.ok(error instanceof errors.ValueError);
      assert.match(error.message, /hunter2/);
      const record = JSON.parse(JSON.stringify(error));
      assert.doesNotMatch(JSON.stringify(record), /hunter2|abc/);
      assert.equal(record.name, "ValueError");
      assert.equal(record.message, "cannot log in with password=[redacted]");
      assert.equal(record.correlationId, error.correlationId);
      assert.deepEqual([record.code, record.category, record.mayHaveRun], ["python_error", "python", true]);
      assert.equal(record.cause.name, "KeyError");
      assert.match(record.stack, /Traceback/);
      assert.equal("attributes" in record, false);
      assert.deepEqual(structuredClone(error.toJSON()).cause?.name, "KeyError");
    }),
  );
});
