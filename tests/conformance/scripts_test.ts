import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { TempFolder, until } from "../support/gate.ts";
import { isAlive } from "../support/processes.ts";
import { runScript, startScript } from "../support/run_script.ts";

/** Runs a script and checks that its Python is gone with it; scripts print the process id of their worker. */
async function run(source: string, limitMs = 20_000): Promise<{ code: number | null; stdout: string; stderr: string }> {
  using folder = new TempFolder();
  const result = await runScript(source, { folder, limitMs });
  assert.equal(result.signal, null, `it did not end by itself\n${result.stderr}`);
  const pid = Number(/pid (\d+)/.exec(result.stdout)?.[1]);
  assert.ok(pid > 0, `${result.stdout}\n${result.stderr}`);
  await until("its worker is gone", () => !isAlive(pid), 5_000);
  return result;
}

const START = `const bridge = await sb.SnakeBridge.start(options);
console.log("pid", await bridge.call("os", "getpid"));`;

describe("a script", () => {
  it("ends by itself, with no call of close()", async () => {
    const start = performance.now();
    assert.equal((await run(START)).code, 0);
    assert.ok(performance.now() - start < 10_000);
  });

  it("ends by itself on the default bridge", async () => {
    const { code, stdout } = await run(`
      console.log("pid", await sb.call("os", "getpid"));
      console.log(await sb.call("math", "sqrt", [16]), await sb.pyImport("math").pi);
    `);
    assert.equal(code, 0);
    assert.match(stdout, /4 3\.14/);
  });

  it("ends by itself with references alive", async () => {
    const { code, stdout } = await run(`${START}
      globalThis.kept = [await bridge.call("builtins", "object"), await bridge.import("pathlib").Path("/")];
      console.log("kept", globalThis.kept.length);`);
    assert.equal(code, 0);
    assert.match(stdout, /kept 2/);
  });

  it("ends by itself with an iteration left open, and one begun", async () => {
    const { code } = await run(`${START}
      const items = bridge.import("itertools").count()[Symbol.asyncIterator]();
      console.log(await items.next());`);
    assert.equal(code, 0);
  });

  it("runs a step that nobody awaits before it ends", async () => {
    const { code, stdout } = await run(`${START}
      void bridge.import("os").write(1, new TextEncoder().encode("it ran\\n"));`);
    assert.equal(code, 0);
    assert.match(stdout, /it ran/);
  });

  it("ends by itself after calls that failed", async () => {
    const { code, stdout } = await run(`${START}
      await bridge.call("math", "sqrt", [-1]).catch((error) => console.log(error.message));
      await bridge.call("os", "_exit", [3]).catch((error) => console.log(error.code));
      await bridge.call("time", "sleep", [60], {}, { timeoutMs: 20 }).catch((error) => console.log(error.code));`);
    assert.equal(code, 0);
    assert.match(stdout, /expected a nonnegative input|math domain error/);
    assert.match(stdout, /worker_crashed\ncall_timeout/);
  });

  it("ends by itself while a replacement starts", async () => {
    const { code } = await run(`${START}
      await bridge.call("os", "_exit", [3]).catch(() => {});`);
    assert.equal(code, 0);
  });

  it("that throws ends with the runtime's status", async () => {
    const { code, stderr } = await run(`${START}
      throw new Error("as asked");`);
    assert.equal(code, 1);
    assert.match(stderr, /as asked/);
  });

  it("that leaves a call running waits for it, as for any promise", async () => {
    const { code, stdout } = await run(`${START}
      bridge.call("time", "sleep", [0.3]).then(() => console.log("slept"));`);
    assert.equal(code, 0);
    assert.match(stdout, /slept/);
  });

  it("lets Python run its exit handlers", async () => {
    const { stdout } = await run(`${START}
      await bridge.call("sbtest", "at_exit", ["flushed\\n"]);`);
    assert.match(stdout, /flushed/);
  });
});

describe("runAsScript()", () => {
  const PID = `console.log("pid", await sb.call("os", "getpid"));`;

  it("gives what the script gives, closes the bridge and ends with 0", async () => {
    const { code, stdout } = await run(`
      const result = await sb.runAsScript(async () => { ${PID} return 5; });
      console.log("result", result, "closed", sb.defaultBridge === undefined);
    `);
    assert.equal(code, 0);
    assert.match(stdout, /result 5/);
  });

  it("prints an error and ends with 1", async () => {
    const { code, stderr } = await run(`
      await sb.runAsScript(async () => { ${PID} await sb.call("math", "sqrt", [-1]); });
    `);
    assert.equal(code, 1);
    assert.match(stderr, /ValueError/);
  });

  it("throws the error in exit mode none", async () => {
    const { code, stdout } = await run(`
      await sb.runAsScript(async () => { ${PID} throw new Error("mine"); }, { exitMode: "none" })
        .catch((error) => console.log("caught", error.message));
    `);
    assert.equal(code, 0);
    assert.match(stdout, /caught mine/);
  });

  it("ends at once in exit mode halt, whatever else runs", async () => {
    const { code } = await run(`
      await sb.runAsScript(async () => { ${PID} setInterval(() => {}, 1000); }, { exitMode: "halt" });
    `);
    assert.equal(code, 0);
  });

  for (const [signal, status] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
    it(`on ${signal} closes the bridge and ends with ${status}`, async () => {
      using folder = new TempFolder();
      const script = startScript(
        `await sb.runAsScript(async () => {
          ${PID}
          sb.setDefaultBridge(sb.SnakeBridge.lazy(options));
          await sb.call("sbtest", "at_exit", ["flushed\\n"]);
          console.log("ready");
          await new Promise(() => setInterval(() => {}, 1000));
        });`,
        { folder },
      );
      await until("the script stands", () => /ready/.test(script.printed()));
      // Not `child.kill`, after which Deno reports the signal whatever the status is.
      process.kill(script.child.pid as number, signal);
      const result = await script.ended;
      assert.equal(result.code, status, result.stderr);
      assert.match(result.stdout, /flushed/);
      const pid = Number(/pid (\d+)/.exec(result.stdout)?.[1]);
      await until("its worker is gone", () => !isAlive(pid), 5_000);
    });
  }
});
