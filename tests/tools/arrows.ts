/**
 * Holds the order of folders: arrows point down only, a folder is entered through its `mod.ts`, generated code imports
 * the wrapper alone, nothing imports tests or examples, and only `lib/host` knows the runtime.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import process from "node:process";

/** Folders from the top to the bottom; those of one row do not import each other. */
export const ROWS: readonly (readonly string[])[] = [
  ["mod.ts", "codegen"],
  ["lib/admin", "lib/arrow", "lib/cli", "lib/script", "lib/wrapper"],
  ["lib/bridge"],
  ["lib/session"],
  ["lib/pool"],
  ["lib/worker"],
  ["lib/rpc", "lib/env"],
  ["lib/transport", "lib/refs", "lib/interpreter"],
  ["lib/protocol", "lib/host", "lib/telemetry"],
  ["lib/errors", "lib/async"],
];

// Arrows within a row or to a place outside the rows, each with its reason.
const ALSO_ALLOWED: readonly (readonly [from: string, to: string])[] = [
  // The table of contents lists the generator's options; the command line hands over to the generator when told to.
  ["mod.ts", "codegen"],
  ["lib/cli", "codegen"],
];

/** Files that users and generated code import by name, beside each folder's `mod.ts`. */
const OTHER_DOORS: readonly string[] = ["codegen/config.ts", "codegen/cli.ts"];

/** One import that breaks the order. */
export interface Violation {
  /** File and line, relative to the root. */
  readonly where: string;
  /** What is wrong, and what would be right. */
  readonly why: string;
}

/** Looks at every TypeScript file below `root` and returns what breaks the order, in the order of the files. */
export function findViolations(root: string): Violation[] {
  const violations: Violation[] = [];
  for (const file of typescriptFiles(root)) {
    const text = readFileSync(join(root, file), "utf8");
    const isTest = /_test\.ts$/.test(file) || file.startsWith("tests/");
    const code = blankComments(text);
    for (const { specifier, line } of imports(code)) {
      const why = judge(root, file, specifier, isTest);
      if (why !== undefined) violations.push({ where: `${file}:${line}`, why });
    }
    if (file.startsWith("lib/") && !file.startsWith("lib/host/") && !isTest) {
      for (const match of code.matchAll(/(?<![\w$."'`])(Deno|Bun)\s*[.?[]/g)) {
        const where = `${file}:${lineOf(code, match.index)}`;
        violations.push({ where, why: `mentions ${match[1]}; only lib/host knows the runtime` });
      }
    }
  }
  return violations;
}

function judge(root: string, file: string, specifier: string, isTest: boolean): string | undefined {
  if (/^(npm|jsr|https?):/.test(specifier)) {
    return `imports "${specifier}"; name it bare and map it in deno.json and package.json`;
  }
  const from = folderOf(file);
  if (!specifier.startsWith(".")) {
    if (specifier === "hono" && from !== "lib/admin" && !isTest) return `imports hono; only lib/admin knows it`;
    return undefined;
  }
  const target = relative(root, resolve(root, dirname(file), specifier)).split(sep).join("/");
  const to = folderOf(target);
  if (from === to) {
    if (/(^|\/)_/.test(target) && dirname(target) !== dirname(file)) return `imports ${target}, which is private`;
    return undefined;
  }
  if (isGenerated(file)) {
    return to === "lib/wrapper" ? door(target) : `generated code imports ${target}; it may import lib/wrapper alone`;
  }
  if (/^(tests|examples)(\/|$)/.test(target) && !isTest && !file.startsWith("examples/")) {
    return `imports ${target}; nothing imports tests or examples`;
  }
  if (!isSource(from)) return undefined;
  if (target.endsWith(".py")) return from === "lib/worker" || from === "codegen" ? undefined : `imports ${target}`;
  if (isTest) return undefined;
  const [fromRow, toRow] = [rowOf(from), rowOf(to)];
  if (fromRow === -1) return `${from} has no place in the order; add it to tests/tools/arrows.ts`;
  if (toRow === -1) return `imports ${target}, which has no place in the order`;
  const allowed = ALSO_ALLOWED.some(([a, b]) => a === from && b === to);
  if (toRow <= fromRow && !allowed) return `imports ${target}, but ${to} is not below ${from}`;
  return door(target);
}

function door(target: string): string | undefined {
  if (target === "mod.ts" || /\/mod\.ts$/.test(target) || OTHER_DOORS.includes(target)) return undefined;
  return `imports ${target}; enter ${folderOf(target)} through its mod.ts`;
}

/** The unit that the order speaks of: `lib/pool`, `codegen`, `mod.ts`, `tests`, ... */
function folderOf(path: string): string {
  const parts = path.split("/");
  return parts[0] === "lib" ? parts.slice(0, 2).join("/") : parts[0] ?? path;
}

function isSource(folder: string): boolean {
  return folder.startsWith("lib/") || folder === "codegen" || folder === "mod.ts";
}

/** Generated wrappers live in folders named `py`. */
function isGenerated(file: string): boolean {
  return /(^|\/)py\//.test(file);
}

function rowOf(folder: string): number {
  return ROWS.findIndex((row) => row.includes(folder));
}

function typescriptFiles(root: string): string[] {
  const places = ["lib", "codegen", "examples", "tests"].filter((place) => existsSync(join(root, place)));
  const files = places.flatMap((place) =>
    readdirSync(join(root, place), { recursive: true, encoding: "utf8" })
      .map((name) => `${place}/${name.split(sep).join("/")}`)
      .filter((name) => name.endsWith(".ts") && !/(^|\/)(node_modules|testdata)\//.test(name))
  );
  return [...files, ...(existsSync(join(root, "mod.ts")) ? ["mod.ts"] : [])].sort();
}

/** Replaces comments by blanks, so that examples in documentation do not count and lines keep their numbers. */
function blankComments(text: string): string {
  // Strings are matched too, so that a comment's sign inside one is left alone.
  return text.replace(
    /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (part) => /^(\/\/|\/\*)/.test(part) ? part.replace(/[^\n]/g, " ") : part,
  );
}

function* imports(code: string): Generator<{ specifier: string; line: number }> {
  const pattern =
    /(?:^|[;\n])\s*(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']|(?:^|[;\n])\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g;
  for (const match of code.matchAll(pattern)) {
    const specifier = match[1] ?? match[2] ?? match[3] ?? "";
    yield { specifier, line: lineOf(code, match.index + match[0].length) };
  }
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

if (import.meta.main) {
  const violations = findViolations(resolve("."));
  for (const { where, why } of violations) console.error(`${where}: ${why}`);
  console.log(violations.length === 0 ? "Every arrow points down" : `${violations.length} arrows do not point down`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
