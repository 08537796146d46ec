import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LimitExceededError, type NdArray, SnakeBridge, SnakeBridgeError } from "../../mod.ts";
import { TempFolder } from "../support/gate.ts";
import { raises } from "../support/raises.ts";
import { Rig, rigOptions } from "../support/rig.ts";
import { runScript } from "../support/run_script.ts";

const MIB = 1 << 20;

describe("100 MB of output", () => {
  for (const stream of ["stdout", "stderr"] as const) {
    it(`on ${stream} reaches the listener whole, and calls go on`, async () => {
      let bytes = 0;
      const bridge = await SnakeBridge.start(
        rigOptions({ [stream]: (chunk: Uint8Array) => void (bytes += chunk.length) }),
      );
      assert.equal(await bridge.call("sbtest", "shout", [100, stream === "stdout" ? 1 : 2]), 100);
      assert.equal(await bridge.call("math", "sqrt", [4]), 2);
      await bridge.close();
      assert.equal(bytes, 100 * MIB);
    });
  }

  it("goes nowhere when it is ignored", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      assert.equal(await bridge.call("sbtest", "shout", [100, 1]), 100);
      assert.equal(await bridge.call("sbtest", "shout", [100, 2]), 100);
      assert.equal(await bridge.call("math", "sqrt", [4]), 2);
    });
  });

  it("is passed on by default, without a byte lost", async () => {
    using folder = new TempFolder();
    const { stdout, code } = await runScript(
      `await using bridge = await sb.SnakeBridge.start(options);
      await bridge.call("sbtest", "shout", [30]);`,
      { folder },
    );
    assert.equal(code, 0);
    assert.equal(stdout.length, 30 * MIB);
  });
});

describe("results and arguments beyond the limits", () => {
  it("2 GB of bytes and of an array, and more than the limit of text, are typed errors, quickly, and the worker lives on", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      const { pid } = rig;
      for (
        const [module, name, args] of [
          ["builtins", "bytes", [2 ** 31]],
          ["numpy", "zeros", [2 ** 28]],
          ["sbtest", "text", [2 ** 30 + 1]],
        ] as const
      ) {
        const start = performance.now();
        await assert.rejects(bridge.call(module, name, args), (error) => {
          assert.ok(error instanceof LimitExceededError, String(error));
          assert.equal(error.limit, "maxFrameBytes");
          assert.equal(error.max, 2 ** 30);
          return true;
        });
        assert.ok(performance.now() - start < 10_000, name);
      }
      assert.equal(await bridge.call("sbtest", "pid"), pid);
    });
  });

  it("100 MB come whole, and memory is given back", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      for (let i = 0; i < 4; i += 1) {
        const bytes = await bridge.call("builtins", "bytes", [100_000_000]) as Uint8Array;
        assert.equal(bytes.length, 100_000_000);
      }
      const array = await bridge.call("numpy", "ones", [5_000_000]) as NdArray;
      assert.equal(array.data.length, 5_000_000);
      const [python] = await rig.ask();
      assert.ok((python?.rssBytes ?? Infinity) < 400e6, `${python?.rssBytes} bytes in Python`);
    });
  });

  it("limits of one's own hold both ways", async () => {
    await using rig = await Rig.start({ limits: { maxFrameBytes: 100_000, maxDepth: 10, maxElements: 1_000 } });
    await rig.run(async ({ bridge }) => {
      const { pid } = rig;
      const deep = (depth: number): unknown => depth === 0 ? [] : [deep(depth - 1)];
      const refusals: [string, unknown[], string][] = [
        ["same", [new Uint8Array(200_000)], "argument bytes"],
        ["same", ["x".repeat(200_000)], "argument text"],
        ["same", [deep(20)], "argument depth"],
        ["same", [Array.from({ length: 2_000 }, () => 1)], "argument elements"],
        ["text", [200_000], "result text"],
        ["deep", [20], "result depth"],
        ["many", [2_000], "result elements"],
      ];
      for (const [name, args, what] of refusals) {
        await assert.rejects(bridge.call("sbtest", name, args), (error) => {
          assert.ok(error instanceof SnakeBridgeError, `${what}: ${String(error)}`);
          assert.match(error.code, /limit/, what);
          assert.match(error.message, /maxFrameBytes|maxDepth|maxElements/, what);
          return true;
        });
        assert.equal(await bridge.call("sbtest", "pid"), pid, what);
      }
      assert.equal(await bridge.call("sbtest", "text", [50_000]), "t".repeat(50_000));
    });
  });

  it("a value that contains itself is a typed error", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      const value = { returns: "value" } as const;
      await assert.rejects(bridge.call("sbtest", "cyclic", [], {}, value), raises(LimitExceededError, /itself/));
      assert.equal(await bridge.call("math", "sqrt", [4]), 2);
    });
  });

  it("Python out of memory is MemoryError", async () => {
    await using rig = await Rig.start();
    await rig.run(async ({ bridge }) => {
      await assert.rejects(bridge.call("builtins", "bytes", [2 ** 50]), /MemoryError|^$/);
      assert.equal(await bridge.call("math", "sqrt", [4]), 2);
    });
  });
});
