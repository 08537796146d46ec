import process from "node:process";

/** A JavaScript runtime this package knows. */
export type RuntimeName = "deno" | "bun" | "node";

/** State of a permission in Deno. */
interface DenoPermissions {
  querySync(descriptor: { name: string; variable?: string; command?: string; path?: string }): { state: string };
}

interface DenoGlobal {
  readonly permissions: DenoPermissions;
  readonly version: { readonly deno: string };
}

const deno = (globalThis as { Deno?: DenoGlobal }).Deno;
const bun = (globalThis as { Bun?: { readonly version: string } }).Bun;

/** The runtime this code runs on. */
export function runtimeName(): RuntimeName {
  return bun !== undefined ? "bun" : deno !== undefined ? "deno" : "node";
}

/** Name and version of the runtime, such as `deno 2.9.3`. */
export function runtimeVersion(): string {
  if (bun !== undefined) return `bun ${bun.version}`;
  if (deno !== undefined) return `deno ${deno.version.deno}`;
  return `node ${process.versions.node}`;
}

/** Whether reading the environment variable is allowed without a prompt; always true outside Deno. */
export function mayReadEnv(name?: string): boolean {
  if (deno === undefined) return true;
  const descriptor = name === undefined ? { name: "env" } : { name: "env", variable: name };
  return deno.permissions.querySync(descriptor).state === "granted";
}

/** Whether reading the path is allowed without a prompt; always true outside Deno. */
export function mayReadPath(path: string): boolean {
  return deno === undefined || deno.permissions.querySync({ name: "read", path }).state === "granted";
}

/** Whether running the command, or any when none is given, is allowed without a prompt; always true outside Deno. */
export function mayRun(command?: string): boolean {
  if (deno === undefined) return true;
  const descriptor = command === undefined ? { name: "run" } : { name: "run", command };
  return deno.permissions.querySync(descriptor).state === "granted";
}

/** Reads an environment variable; undefined when it is unset or may not be read. Never prompts, never throws. */
export function readEnv(name: string): string | undefined {
  return mayReadEnv(name) ? process.env[name] : undefined;
}

// What Python, its libraries and the dynamic loader look at. Read one by one when Deno grants only some of them.
const CHILD_ENV_NAMES = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "LANG",
  "LC_ALL",
  "LC_CTYPE",
  "TZ",
  "TMPDIR",
  "TEMP",
  "TMP",
  "SYSTEMROOT",
  "APPDATA",
  "LOCALAPPDATA",
  "USERPROFILE",
  "XDG_CACHE_HOME",
  "XDG_CONFIG_HOME",
  "VIRTUAL_ENV",
  "PYTHONPATH",
  "PYTHONHOME",
  "PYTHONHASHSEED",
  "PYTHONDONTWRITEBYTECODE",
  "LD_LIBRARY_PATH",
  "DYLD_LIBRARY_PATH",
  "CUDA_VISIBLE_DEVICES",
  "OMP_NUM_THREADS",
  "OPENBLAS_NUM_THREADS",
  "MKL_NUM_THREADS",
  "NUMEXPR_NUM_THREADS",
  "MPLBACKEND",
  "MPLCONFIGDIR",
] as const;

// What the dynamic loader obeys. Deno lets a child have it only where every program may be run, because it can make a
// program do anything, and refuses to start the child otherwise.
const LOADER_NAME = /^(?:LD|DYLD)_/i;

/**
 * The environment to hand to a child: all of it when it may be read, else the variables that may. Without the loader's
 * variables (`LD_LIBRARY_PATH`, ...) where Deno grants single programs only.
 */
export function childEnvironment(): Record<string, string> {
  const source = mayReadEnv()
    ? { ...process.env }
    : Object.fromEntries(CHILD_ENV_NAMES.map((name) => [name, readEnv(name)]));
  // Deno's own bookkeeping for inherited descriptors must not reach a grandchild that is a Deno, too.
  delete source.DENO_EXTRA_STDIO_FDS;
  const loaderToo = mayRun();
  return Object.fromEntries(
    Object.entries(source).filter((entry): entry is [string, string] =>
      entry[1] !== undefined && (loaderToo || !LOADER_NAME.test(entry[0]))
    ),
  );
}
