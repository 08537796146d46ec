/**
 * Makes references and drops them in every way there is, and looks for what is left: objects, entries, memory on both
 * sides.
 *
 * `deno run -A tests/faults/ref_growth.ts 1000000` or `bun tests/faults/ref_growth.ts 1000000`.
 *
 * @module
 */
import process from "node:process";
import { TempFolder } from "../support/gate.ts";
import { runScript } from "../support/run_script.ts";

/** What is left after the references are gone. */
export interface RefGrowth {
  /** References made. */
  readonly made: number;
  /** Python objects behind them that live. */
  readonly live: number;
  /** Entries in the worker's books, of all kinds together. */
  readonly entries: number;
  /** By how much Python's resident memory grew since a first round, in bytes; 0 where the system does not say. */
  readonly pythonBytes: number;
  /** By how much the host's heap grew since a first round, in bytes. */
  readonly hostBytes: number;
}

// Each way makes ROUND references. What is dropped without a word is collected when the runtime pleases: the cap of
// references bounds it, and gets its share of the work.
const SCRIPT = `
  const ROUND = 1000;
  const gc = globalThis.gc ?? (() => Bun.gc(true));
  const bridge = await sb.SnakeBridge.start({ ...options, maxRefs: 5000 });
  const sbtest = bridge.import("sbtest");
  const many = (make) => Promise.all(Array.from({ length: ROUND }, make));
  const ways = [
    async () => { for (const ref of await many(() => bridge.call("sbtest", "Counted"))) ref.release(); },
    async () => { await many(async () => { using made = await sbtest.Counted(); return made.$.released; }); },
    async () => { await many(() => bridge.call("sbtest", "Counted")); },
    async () => { await Promise.all(Array.from({ length: ROUND / 2 }, () => sbtest.Counted().next())); },
    async () => { await bridge.call("sbtest", "crowd", [ROUND]); },
    async () => {
      await bridge.withSession(async (session) => {
        await Promise.all([session.call("sbtest", "crowd", [ROUND / 2]), session.call("sbtest", "crowd", [ROUND / 2])]);
      });
    },
    async () => { for await (const one of await sbtest.crowd(ROUND, sb.kw({}, { returns: "ref" }))) one.release(); },
  ];
  const run = async (refs) => {
    let made = 0;
    for (let turn = 0; made < refs; turn += 1) {
      await ways[turn % ways.length]();
      made += ROUND;
    }
    return made;
  };
  const entries = async () => Object.values(await bridge.call("sbtest", "ref_table_sizes")).reduce((a, b) => a + b, 0);
  const settle = async () => {
    for (let turn = 0; turn < 500; turn += 1) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
      if (await entries() === 0 && await bridge.call("sbtest", "live") === 0) break;
    }
  };
  const memory = async () => ({
    python: await bridge.call("sbtest", "resident_bytes"),
    host: process.memoryUsage().heapUsed,
  });
  await run(Math.min(50_000, REFS / 2));
  await settle();
  const before = await memory();
  const made = await run(REFS);
  await settle();
  const after = await memory();
  const result = {
    made,
    live: await bridge.call("sbtest", "live"),
    entries: await entries(),
    pythonBytes: after.python - before.python,
    hostBytes: after.host - before.host,
  };
  console.log(JSON.stringify(result));
  await bridge.close();
`;

/** Makes and drops at least so many references, in a process of its own. */
export async function refGrowth(refs: number, limitMs: number): Promise<RefGrowth> {
  using folder = new TempFolder();
  const script = `import process from "node:process";\nconst REFS = ${refs};\n${SCRIPT}`;
  const { code, stdout, stderr } = await runScript(script, { folder, exposeGc: true, limitMs });
  if (code !== 0) throw new Error(`The script that makes references ended with status ${code}: ${stderr}`);
  return JSON.parse(stdout) as RefGrowth;
}

if (import.meta.main) {
  const refs = Number(process.argv[2] ?? 1_000_000);
  const start = performance.now();
  const { made, live, entries, pythonBytes, hostBytes } = await refGrowth(refs, 3_600_000);
  const seconds = ((performance.now() - start) / 1_000).toFixed(0);
  const mib = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;
  console.log(
    `${made} references made and dropped in ${seconds} s; left: ${live} objects, ${entries} entries; ` +
      `growth: Python ${mib(pythonBytes)}, host ${mib(hostBytes)}`,
  );
  process.exitCode = live === 0 && entries === 0 ? 0 : 1;
}
