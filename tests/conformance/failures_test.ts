import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { errors, PythonError, SnakeBridgeError, Tuple } from "../../mod.ts";
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
});
