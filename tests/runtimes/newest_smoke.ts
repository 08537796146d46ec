/**
 * The local carrier in a minute, for runtimes the suite is not pinned to:
 * `npx -y deno@latest run -A tests/runtimes/newest_smoke.ts`, or `bun tests/runtimes/newest_smoke.ts`.
 *
 * Prints one line a check and ends with status 1 when one fails. Node 24 and newer need `--experimental-import-text`
 * for the Python files; an older Node takes a bundle made by `bun build --target=node`.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import { runtimeVersion } from "../../lib/host/mod.ts";
import { call, kw, PythonError, Ref, setDefaultBridge, SnakeBridge, WorkerCrashedError } from "../../mod.ts";
import { PYTHON } from "../support/python.ts";

// Far above what any check takes on a slow machine; a hang must fail, not stall CI.
const CHECK_LIMIT_MS = 30_000;
const END_LIMIT_MS = 5_000;

const bridge = SnakeBridge.lazy({ python: PYTHON, size: 1, timeoutMs: CHECK_LIMIT_MS });
setDefaultBridge(bridge);

const checks: Readonly<Record<string, () => Promise<void>>> = {
  "call": async () => {
    assert.equal(await call("math", "sqrt", [16]), 4);
    assert.equal(await call("math", "factorial", [20]), 2432902008176640000n);
    assert.equal(await call("builtins", "sorted", [[3, 1, 2]], { reverse: true }).then(String), "3,2,1");
  },
  "error with its Python type": async () => {
    await assert.rejects(call("math", "sqrt", ["four"]), (error) => error instanceof PythonError);
  },
  "64 calls in flight": async () => {
    const squares = await Promise.all(Array.from({ length: 64 }, (_, n) => call("operator", "mul", [n, n])));
    assert.deepEqual(squares, Array.from({ length: 64 }, (_, n) => n * n));
  },
  "reference": async () => {
    const counter = await call("collections", "Counter", ["abca"]);
    assert.ok(counter instanceof Ref);
    using ref = counter;
    assert.equal(await ref.call("get", ["a"]), 2);
  },
  "chain": async () => {
    const path = bridge.import("pathlib").PurePosixPath("/tmp/a.txt");
    assert.equal(await path.with_suffix(".csv").name, "a.csv");
    const text = await bridge.import("json").dumps({ b: 1, a: [] }, kw({ sort_keys: true }));
    assert.equal(text, '{"a": [], "b": 1}');
  },
  "iteration": async () => {
    const range = await call("builtins", "range", [10_000], undefined, { returns: "ref" });
    let sum = 0;
    for await (const value of range as AsyncIterable<number>) sum += value;
    assert.equal(sum, 49_995_000);
  },
  "10 MB each way": async () => {
    const bytes = new Uint8Array(10_000_000).fill(7);
    const back = await call("builtins", "bytes", [bytes]);
    assert.ok(back instanceof Uint8Array && back.length === bytes.length && back.every((byte) => byte === 7));
  },
  "crash and respawn": async () => {
    await assert.rejects(
      call("os", "_exit", [3]),
      (error) => error instanceof WorkerCrashedError && error.exitCode === 3,
    );
    assert.equal(await call("math", "sqrt", [25]), 5);
  },
  "close": async () => {
    const other = await SnakeBridge.start({ python: PYTHON, size: 1 });
    assert.equal(await other.call("math", "floor", [2.5]), 2);
    await other.close();
    assert.equal(other.stats().pool.workers, 0);
  },
};

console.log(runtimeVersion());
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok      ${name}`);
  } catch (error) {
    console.error(`FAILED  ${name}`, error);
    process.exitCode = 1;
  }
}

// The bridge is left open: its idle worker must not keep the process alive. This timer does not either.
setTimeout(() => {
  console.error(`FAILED  the script still runs ${END_LIMIT_MS} ms after its last line`);
  process.exit(1);
}, END_LIMIT_MS).unref();
process.once("exit", () => console.log("ok      ends by itself"));
