import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { main } from "./main.ts";

/** Runs a command line and takes what it says. */
async function say(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const { log, error } = console;
  const out: string[] = [];
  const err: string[] = [];
  console.log = (text: unknown) => out.push(String(text));
  console.error = (text: unknown) => err.push(String(text));
  try {
    return { status: await main(args), out: out.join("\n"), err: err.join("\n") };
  } finally {
    Object.assign(console, { log, error });
  }
}

describe("main()", () => {
  it("lists the commands when asked for help or for nothing", async () => {
    for (const args of [[], ["--help"], ["-h"]]) {
      const { status, out } = await say(...args);
      assert.equal(status, 0);
      assert.match(out, /^ {2}setup {5}/m);
    }
  });

  it("gives 2 for a command or an option it does not know", async () => {
    const command = await say("constructor");
    assert.equal(command.status, 2);
    assert.match(command.err, /Unknown command "constructor"/);
    const option = await say("setup", "--colour");
    assert.equal(option.status, 2);
    assert.match(option.err, /--colour[\s\S]*Usage: setup/);
  });
});

describe("setup --check", () => {
  it("gives 1 and says what is missing, as text and as JSON", async () => {
    const project = mkdtempSync(join(tmpdir(), "cli-"));
    try {
      writeFileSync(join(project, "requirements.lock"), `tinybox==1.0 --hash=sha256:${"0".repeat(64)}\n`);
      const text = await say("setup", "--check", "--project", project);
      assert.equal(text.status, 1);
      assert.match(text.err, /\.venv does not exist.*run "deno task setup"/);
      const json = await say("setup", "--check", "--json", "--project", project);
      assert.equal(json.status, 1);
      const report = JSON.parse(json.out) as { ok: boolean; problems: { code: string }[] };
      assert.equal(report.ok, false);
      assert.equal(report.problems[0]?.code, "environment_missing");
    } finally {
      rmSync(project, { recursive: true });
    }
  });

  it("gives 1 with one sentence when there is no lock", async () => {
    const project = mkdtempSync(join(tmpdir(), "cli-"));
    try {
      const { status, err } = await say("setup", "--project", project);
      assert.equal(status, 1);
      assert.match(err, /^Cannot set up /);
    } finally {
      rmSync(project, { recursive: true });
    }
  });
});
