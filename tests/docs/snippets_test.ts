import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

// Every snippet of the documents and every @example of an exported symbol is run on the runtime that runs this test.

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = join(root, ".snakebridge", `snippets-${process.pid}`);

interface Snippet {
  readonly where: string;
  readonly code: string;
}

/** Fenced TypeScript of a Markdown text; what is marked `ignore` needs files that a reader would have. */
function snippetsOf(file: string, text: string): Snippet[] {
  const found: Snippet[] = [];
  for (const match of text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)) {
    const line = text.slice(0, match.index).split("\n").length;
    found.push({ where: `${relative(root, file)}:${line}`, code: match[1] as string });
  }
  return found;
}

/** The text inside the JSDoc comments of a source file, with its lines in place. */
function commentsOf(text: string): string {
  let inside = false;
  return text.split("\n").map((line) => {
    if (/^\s*\/\*\*/.test(line)) inside = true;
    const kept = inside ? line.replace(/^\s*(\/\*\*|\*(?!\/)) ?/, "") : "";
    if (line.includes("*/")) inside = false;
    return kept;
  }).join("\n");
}

function sources(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const full = join(path, entry.name);
    if (entry.isDirectory()) return sources(full);
    return entry.name.endsWith(".ts") && !entry.name.endsWith("_test.ts") ? [full] : [];
  });
}

/** Runs one snippet in a file of its own. */
function run(name: string, code: string): Promise<{ status: number | null; output: string }> {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, code);
  const args = process.versions.bun === undefined ? ["run", "-A", "--no-check", file] : [file];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output += String(chunk));
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, output }));
  });
}

describe("documents", () => {
  before(() => mkdirSync(folder, { recursive: true }));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const documents = ["README.md", "lib/README.md"].map((name) => join(root, name));
  const snippets = [
    ...documents.flatMap((file) => snippetsOf(file, readFileSync(file, "utf8"))),
    ...[join(root, "mod.ts"), ...sources(join(root, "lib"))].flatMap((file) =>
      snippetsOf(file, commentsOf(readFileSync(file, "utf8")))
    ),
  ].filter(({ code }) => code.includes('from "@snakebridge/snakebridge') && !code.includes("./py/"));

  it("have snippets", () => assert.ok(snippets.length > 12, `found ${snippets.length}`));

  for (const [index, { where, code }] of snippets.entries()) {
    it(`${where} runs`, async () => {
      const { status, output } = await run(`snippet_${index}.ts`, code);
      assert.equal(status, 0, output);
      // A comment behind console.log says what it prints; only whole lines of plain text are held to it.
      for (const [, expected] of code.matchAll(/console\.log\(.*\);? \/\/ ([\w.\-"{}\[\],: ]+)$/gm)) {
        const wanted = (expected as string).split(":")[0] as string;
        if (process.versions.bun === undefined) assert.ok(output.includes(wanted.trim()), `${wanted} in ${output}`);
      }
    });
  }
});
