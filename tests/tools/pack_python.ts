/**
 * Writes `lib/worker/python_sources.ts`, the worker's Python half as text: `deno task pack`. One TypeScript module costs a
 * start 2 to 4 ms less than the same files as text imports, and every runtime can load it.
 *
 * @module
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import process from "node:process";

const ROOT = resolve(import.meta.dirname ?? ".", "..", "..");
const PACKAGE = join(ROOT, "python", "src", "snakebridge");
const TARGET = join(ROOT, "lib", "worker", "python_sources.ts");
// Not in the bundle but before it: it is what unpacks the bundle.
const BOOT_FILE = join("_internal", "boot.py");
// What only codegen needs travels with codegen.
const LEFT_OUT = /^introspect\b/;

const HEAD =
  `// Written by \`deno task pack\` from python/src/snakebridge; a test holds it in step. Edit the Python files.
//
// The Python half travels inside the package, because a package loaded from a registry has no folder on disk.

/** A Python module of the worker. */
export interface PythonModule {
  /** Dotted name. */
  readonly name: string;
  /** Whether it is a package. */
  readonly isPackage: boolean;
  /** Its source. */
  readonly source: string;
}
`;

/** The text of `lib/worker/python_sources.ts`. */
export function packPython(): string {
  const files = readdirSync(PACKAGE, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".py") && file !== BOOT_FILE && !LEFT_OUT.test(file));
  const modules = files.map((file) => {
    const parts = ["snakebridge", ...file.slice(0, -".py".length).split(sep)];
    const isPackage = parts.at(-1) === "__init__";
    return { name: (isPackage ? parts.slice(0, -1) : parts).join("."), isPackage, source: textOf(file) };
  }).sort((a, b) => a.name < b.name ? -1 : 1);
  return [
    HEAD,
    "/** Source of the boot module. */",
    `export const BOOT_SOURCE: string = ${quoted(textOf(BOOT_FILE))};\n`,
    "/** Every module of the worker; a package stands before its modules. */",
    "export const PYTHON_MODULES: readonly PythonModule[] = [",
    ...modules.map(({ name, isPackage, source }) =>
      `  {\n    name: "${name}",\n    isPackage: ${isPackage},\n    source: ${quoted(source)},\n  },`
    ),
    "];\n",
  ].join("\n");
}

function textOf(file: string): string {
  return readFileSync(join(PACKAGE, file), "utf8");
}

function quoted(text: string): string {
  return "`" + text.replace(/[\\`]|\$(?=\{)/g, "\\$&") + "`";
}

if (import.meta.main) {
  writeFileSync(TARGET, packPython());
  console.log(`Wrote ${TARGET.slice(process.cwd().length + 1)}`);
}
