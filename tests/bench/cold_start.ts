import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import type { Measure, Row, Sample } from "./measure.ts";

/** A runtime as it is started on a script. */
export interface Runtime {
  /** `deno` or `bun`. */
  readonly name: string;
  /** Its program. */
  readonly program: string;
  /** What goes before the name of the script. */
  readonly args: readonly string[];
}

const FOLDER = import.meta.dirname ?? ".";
const TARGET = 2.5;

/** From nothing to the first result of `math.sqrt`, beside what nobody can avoid: the starts of runtime and Python. */
export function coldStart(runtime: Runtime, python: string): Measure {
  const script = (name: string): [string, string[]] => [runtime.program, [...runtime.args, join(FOLDER, name)]];
  return {
    name: "cold",
    sides: [
      async () => part(await startAndEnd(python, ["-c", "import math"]), "python"),
      async () => part(await startAndEnd(...script("empty.ts")), "runtime"),
      async () => {
        const { firstMs, wholeMs } = await startAndEnd(...script("first_result.ts"));
        return { first: firstMs, whole: wholeMs };
      },
    ],
    rows: (m): Row[] => {
      const both = m("python") + m("runtime");
      const line = (name: string, bridge: number, ratio: number): Row => ({
        name,
        unit: "ms",
        raw: both,
        bridge,
        ratio,
        target: `<= ${TARGET}x`,
        ok: ratio <= TARGET,
      });
      // "2.5 times the start of Python plus that of the runtime" can be read in two ways; both are shown.
      const lines = (name: string, bridge: number): Row[] => [
        line(`${name}, by both starts`, bridge, bridge / both),
        line(`${name}, less runtime, by Python`, bridge, (bridge - m("runtime")) / m("python")),
      ];
      const watched = { unit: "ms", raw: null, ratio: null, target: null, ok: null };
      return [
        { name: `start of python -c "import math"`, bridge: m("python"), ...watched },
        { name: "start of the runtime, empty script", bridge: m("runtime"), ...watched },
        ...lines("cold start to first result", m("first")),
        ...lines("cold start, whole process", m("whole")),
      ];
    },
  };
}

function part({ wholeMs }: { readonly wholeMs: number }, name: string): Sample {
  return { [name]: wholeMs };
}

/** Runs a program to its end; gives when it wrote its first byte and when it had ended, in milliseconds. */
function startAndEnd(program: string, args: readonly string[]): Promise<{ firstMs: number; wholeMs: number }> {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    let firstMs = NaN;
    const child = spawn(program, [...args], { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env } });
    child.stdout.once("data", () => firstMs = performance.now() - begun);
    child.once("error", reject);
    child.once("exit", (status, signal) => {
      const wholeMs = performance.now() - begun;
      if (status === 0) resolve({ firstMs, wholeMs });
      else reject(new Error(`${program} ${args.join(" ")} ended with ${status ?? signal}`));
    });
  });
}
