/**
 * Runs the Python half of introspection: one process per library.
 *
 * Events come over descriptor 3, one JSON object per line, so modules may print what they like. A module that crashes
 * the process or takes too long costs itself only: it is reported, and a new process describes the modules behind it.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Readable } from "node:stream";
import type { LibraryModel, PyClassModel, PyEnvironment, PyModuleModel } from "./model.ts";
import { INTROSPECT_SOURCES } from "./python_sources.ts";

/** Options of {@linkcode introspectLibrary}. */
export interface IntrospectOptions {
  /** Python program. */
  readonly python: string;
  readonly library: string;
  readonly submodules: boolean | readonly string[];
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Absolute folders put in front of the module path. */
  readonly pythonPaths: readonly string[];
  /** Absolute folder of typeshed, or null to look for an installed one. */
  readonly typeshed: string | null;
  /** Longest time for one module, in milliseconds. */
  readonly moduleTimeoutMs: number;
  /** Called when a module is begun. */
  readonly onModule?: (name: string) => void;
}

/** Introspection could not run at all. */
export class IntrospectionError extends Error {
  override readonly name: string = "IntrospectionError";
  /** Stable code. */
  readonly code: string = "introspection_failed";
}

interface Attempt {
  readonly modules: PyModuleModel[];
  readonly failures: { module: string; error: string }[];
  reached: PyClassModel[];
  environment: PyEnvironment | undefined;
  distribution: LibraryModel["distribution"];
  /** Module in work when the process ended early. */
  unfinished: string | undefined;
  done: boolean;
}

/**
 * Describes the modules of a library.
 *
 * @throws {IntrospectionError} If Python cannot be started.
 */
export async function introspectLibrary(options: IntrospectOptions): Promise<LibraryModel> {
  const folder = await mkdtemp(join(tmpdir(), "snakebridge-introspect-"));
  try {
    await mkdir(join(folder, "snakebridge_introspect"));
    for (const [name, source] of Object.entries(INTROSPECT_SOURCES)) {
      await writeFile(join(folder, "snakebridge_introspect", name), source);
    }
    const skip: string[] = [];
    const failures: { module: string; error: string }[] = [];
    for (;;) {
      const attempt = await runOnce(options, folder, skip);
      failures.push(...attempt.failures);
      if (attempt.done) return finish(options.library, attempt, failures);
      const culprit = attempt.unfinished;
      if (culprit === undefined || skip.includes(culprit)) {
        throw new IntrospectionError(
          `Cannot introspect ${options.library}: ${failures.at(-1)?.error ?? "Python ended early"}`,
        );
      }
      // What was described before the crash is described again: objects of two processes do not mix.
      skip.push(culprit, ...attempt.failures.map((failure) => failure.module));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function finish(
  library: string,
  attempt: Attempt,
  failures: readonly { module: string; error: string }[],
): LibraryModel {
  return {
    name: library,
    modules: attempt.modules,
    reached: attempt.reached,
    failures,
    distribution: attempt.distribution,
    environment: attempt.environment!,
  };
}

function runOnce(options: IntrospectOptions, folder: string, skip: readonly string[]): Promise<Attempt> {
  return new Promise((resolve, reject) => {
    const code = "import sys; sys.dont_write_bytecode = True; sys.path[0:1] = [sys.argv[1]]; import runpy; " +
      "runpy.run_module('snakebridge_introspect', run_name='__main__', alter_sys=True)";
    const child = spawn(options.python, ["-c", code, folder], {
      stdio: ["pipe", "ignore", "pipe", "pipe"],
      env: { ...process.env, PYTHONHASHSEED: "0" },
    });
    const attempt: Attempt = {
      modules: [],
      failures: [],
      reached: [],
      environment: undefined,
      distribution: null,
      unfinished: undefined,
      done: false,
    };
    let stderr = "";
    let timer: ReturnType<typeof setTimeout> | undefined;
    let timedOut = false;
    const begin = (name: string): void => {
      attempt.unfinished = name;
      options.onModule?.(name);
      clearTimeout(timer);
      timer = setTimeout(() => {
        timedOut = true;
        child.kill("SIGKILL");
      }, options.moduleTimeoutMs);
    };
    begin(options.library);
    const handle = (line: string): void => {
      const event = JSON.parse(line) as Record<string, unknown> & { event: string };
      switch (event.event) {
        case "environment":
          attempt.environment = event as unknown as PyEnvironment;
          break;
        case "start":
          begin(event.module as string);
          break;
        case "failed":
          attempt.failures.push({ module: event.module as string, error: event.error as string });
          break;
        case "module":
          attempt.modules.push(readModule(event.module as RawModule));
          break;
        case "reached":
          attempt.reached = (event.classes as RawClass[]).map(readClass);
          break;
        case "done":
          attempt.distribution = event.distribution as LibraryModel["distribution"];
          attempt.done = true;
      }
    };
    const decoder = new TextDecoder();
    let rest = "";
    // A program that did not start has no streams; "error" tells.
    const events = child.stdio?.[3] as Readable | undefined;
    events?.on("data", (chunk: Uint8Array) => {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) handle(line);
    });
    child.stderr?.on("data", (chunk: Uint8Array) => {
      stderr = (stderr + new TextDecoder().decode(chunk)).slice(-2_000);
    });
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(
        new IntrospectionError(
          `Cannot start Python: ${options.python} did not run; name another with the key python or SNAKEBRIDGE_PYTHON`,
          { cause: error },
        ),
      );
    });
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      if (!attempt.done && attempt.unfinished !== undefined) {
        const how = timedOut
          ? `took longer than ${options.moduleTimeoutMs} ms`
          : `ended Python with ${signal === null ? `status ${status}` : `signal ${signal}`}`;
        const said = stderr.trim().split("\n").at(-1) ?? "";
        attempt.failures.push({ module: attempt.unfinished, error: said === "" ? how : `${how}: ${said}` });
      }
      resolve(attempt);
    });
    child.stdin?.on("error", () => {}); // a Python that ends before it reads is reported by "close"
    child.stdin?.end(JSON.stringify({
      library: options.library,
      submodules: options.submodules,
      include: options.include,
      exclude: options.exclude,
      skip,
      pythonPaths: options.pythonPaths,
      typeshed: options.typeshed,
    }));
  });
}

// `constructor` as a key of a TypeScript interface would clash with Object.prototype's: it is renamed on arrival.
type RawClass = Omit<PyClassModel, "constructor_"> & { readonly constructor: unknown };
type RawModule = Omit<PyModuleModel, "classes"> & { readonly classes: readonly RawClass[] };

function readClass(raw: RawClass): PyClassModel {
  const { constructor: made, ...rest } = raw;
  return { ...rest, constructor_: made as PyClassModel["constructor_"] };
}

function readModule(raw: RawModule): PyModuleModel {
  return { ...raw, classes: raw.classes.map(readClass) };
}
