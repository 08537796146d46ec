import process from "node:process";
import { parseArgs } from "node:util";
import { checkEnvironment, setupEnvironment, type SetupOptions } from "../env/mod.ts";
import { SnakeBridgeError } from "../errors/mod.ts";
import { createProgress } from "./progress.ts";

const HELP = `Usage: setup [--check [--json]] [--python PATH] [--lock FILE]...

Makes the project's .venv and installs the packages of its lock, each checked by hash.
Uses uv when it is on PATH, else venv and pip. Does nothing when all is in place.

  --check          say what is missing and exit with 1; change nothing
  --json           with --check: print the report as JSON
  --python PATH    make the environment from this interpreter
  --lock FILE      lock file to install; may be given several times
  --project DIR    the project's folder (default: the current one)
  --quiet          say nothing when all is in place
  --help           this text`;

/** The `setup` command. */
export async function setup(args: string[]): Promise<number> {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        check: { type: "boolean" },
        json: { type: "boolean" },
        python: { type: "string" },
        lock: { type: "string", multiple: true },
        project: { type: "string" },
        quiet: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const options: SetupOptions = { python: values.python, locks: values.lock, project: values.project };
  try {
    return values.check ? await check(options, values.json === true) : await make(options, values.quiet === true);
  } catch (error) {
    if (!(error instanceof SnakeBridgeError)) throw error;
    console.error(error.message);
    return 1;
  }
}

async function check(options: SetupOptions, json: boolean): Promise<number> {
  const report = await checkEnvironment(options);
  if (json) console.log(JSON.stringify(report, null, 2));
  else if (report.ok) console.log(`${report.venv} is complete (Python ${report.version})`);
  else for (const { message } of report.problems) console.error(message);
  return report.ok ? 0 : 1;
}

async function make(options: SetupOptions, quiet: boolean): Promise<number> {
  const startMs = performance.now();
  // Standard output stays free for what runs after the setup.
  const progress = createProgress(process.stderr);
  let result;
  try {
    result = await setupEnvironment({ ...options, onEvent: progress.take });
  } finally {
    progress.end();
  }
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
  if (result.changed) console.error(`${result.venv} is ready (Python ${result.version}, ${seconds} s)`);
  else if (!quiet) console.error(`${result.venv} is ready (Python ${result.version})`);
  return 0;
}
