import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { atLeast, atMost, runMeasure } from "./measure.ts";
import type { BenchReport } from "./report.ts";
import { median, quantile } from "./statistics.ts";

const MAIN = join(import.meta.dirname ?? ".", "main.ts");
const RUN = process.versions.deno === undefined ? ["run"] : ["run", "-A"];
const ROWS = 27;

describe("bench", () => {
  it("measures finite numbers on both runtimes with --quick", () => {
    const folder = mkdtempSync(join(tmpdir(), "bench-"));
    try {
      const file = join(folder, "bench.json");
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [...RUN, MAIN, "--quick", "--rounds", "1", "--json", file],
        { encoding: "utf8", timeout: 60_000 },
      );
      assert.equal(status, 0, stderr);
      assert.match(stdout, /64 in flight/);
      const report = JSON.parse(readFileSync(file, "utf8")) as BenchReport;
      assert.deepEqual(Object.keys(report.runtimes), ["deno", "bun"]);
      for (const { rows } of Object.values(report.runtimes)) {
        assert.equal(rows.length, ROWS);
        for (const { name, raw, bridge, ratio } of rows) {
          assert.ok(bridge > 0 && Number.isFinite(bridge), `${name} is ${bridge}`);
          assert.ok(raw === null || (raw > 0 && Number.isFinite(raw)), `raw limit of ${name} is ${raw}`);
          assert.ok(ratio === null || Number.isFinite(ratio), `ratio of ${name} is ${ratio}`);
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("names the choices when asked for a measure there is none of", () => {
    const { status, stderr } = spawnSync(process.execPath, [...RUN, MAIN, "--only", "speed"], { encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, /"speed", expected one of call, /);
  });
});

describe("runMeasure()", () => {
  it("takes medians of all rounds but the first, and lets the sides take turns", async () => {
    const order: string[] = [];
    let next = 100;
    const { rows, samples } = await runMeasure({
      name: "example",
      sides: [
        () => Promise.resolve({ raw: (order.push("raw"), 2) }),
        () => Promise.resolve({ bridge: (order.push("bridge"), next--) }),
      ],
      rows: (m) => [atMost("example", "us", m("raw"), m("bridge"), m("raw"), 50)],
    }, 3);
    assert.deepEqual(samples, { raw: [2, 2, 2], bridge: [99, 98, 97] });
    assert.deepEqual(order, ["raw", "bridge", "bridge", "raw", "raw", "bridge", "bridge", "raw"]);
    assert.deepEqual(rows, [
      { name: "example", unit: "us", raw: 2, bridge: 98, ratio: 49, target: "<= 50x", ok: true },
    ]);
  });
});

describe("atLeast()", () => {
  it("misses below its limit and judges nothing without one", () => {
    assert.equal(atLeast("rate", "1/s", 10, 3.9, 0.4).ok, false);
    assert.equal(atLeast("rate", "1/s", 10, 4, 0.4).ok, true);
    assert.equal(atLeast("rate", "1/s", 10, 4).ok, null);
  });
});

describe("quantile()", () => {
  it("does not depend on the order, and 0.5 of it is the median", () => {
    assert.equal(quantile([5, 1, 4, 2, 3], 0.99), 5);
    assert.equal(median([5, 1, 4, 2, 3]), 3);
    assert.ok(Number.isNaN(median([])));
  });
});
