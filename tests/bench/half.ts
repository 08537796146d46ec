/**
 * Everything that is measured inside one runtime; `main.ts` starts it once on Deno and once on Bun. Progress goes to
 * standard error, the result to standard output, as one line of JSON.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { parseArgs } from "node:util";
import { locatePython } from "../../lib/interpreter/mod.ts";
import { type Ref, SnakeBridge } from "../../mod.ts";
import { runMeasure } from "./measure.ts";
import { inProcessMeasures } from "./measures.ts";
import { RawEcho } from "./raw_echo.ts";
import type { HalfReport } from "./report.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    scale: { type: "string", default: "1" },
    only: { type: "string", multiple: true },
    "python-core": { type: "string" },
  },
});
const rounds = Number(values.rounds);
const scale = Number(values.scale);

await using bridge = await SnakeBridge.start({ size: 1 });
const python = locatePython().executable;
const codec = await codecOf(bridge);
const raw = RawEcho.start(python, codec, "together");
const rawApart = RawEcho.start(python, codec, "apart");
try {
  const core = values["python-core"];
  if (core !== undefined) { for (const pid of [bridge.stats().workers[0]?.pid, raw.pid, rawApart.pid]) pin(pid, core); }
  const report: HalfReport = { python: await bridge.attr("sys", "version") as string, codec, rows: [], samples: {} };
  for (const measure of inProcessMeasures({ bridge, raw, rawApart, scale })) {
    if (values.only !== undefined && !values.only.includes(measure.name)) continue;
    process.stderr.write(`${measure.name} `);
    const { rows, samples } = await runMeasure(measure, rounds);
    report.rows.push(...rows);
    report.samples[measure.name] = samples;
  }
  console.log(JSON.stringify(report));
} finally {
  raw.close();
  rawApart.close();
}

/** Moves all threads of a process to one core. */
function pin(pid: number | undefined, core: string): void {
  const { status } = spawnSync("taskset", ["-a", "-p", "-c", core, String(pid)], { stdio: "ignore" });
  if (status !== 0) throw new Error(`Cannot pin process ${pid} to core ${core}: taskset ended with ${status}`);
}

/** The codec library that the worker tells the host in its hello, found in the same way. */
async function codecOf(bridge: SnakeBridge): Promise<string> {
  using findSpec = await bridge.attr("importlib.util", "find_spec", { returns: "ref" }) as Ref;
  return await bridge.call("snakebridge._internal.codecs", "best_name", [findSpec]) as string;
}
