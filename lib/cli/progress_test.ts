import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createProgress } from "./progress.ts";

function show(isTTY: boolean): string {
  let text = "";
  const progress = createProgress({ isTTY, columns: 60, write: (part) => text += part });
  progress.take({ kind: "step", text: "Installing 2 packages" });
  progress.take({ kind: "package", text: "installed numpy 2.4.6", done: 1, total: 2 });
  progress.end();
  return text;
}

describe("createProgress()", () => {
  it("writes plain lines off a terminal, without colour or redrawing", () => {
    assert.equal(show(false), "Installing 2 packages\n  [ 1/2] installed numpy 2.4.6\n");
  });

  it("draws a bar on a terminal that fits its width, and clears it in the end", () => {
    const text = show(true);
    assert.match(text, /█+░+ 1\/2 installed numpy/);
    assert.ok(text.endsWith("\r\x1b[2K"));
    // deno-lint-ignore no-control-regex
    for (const line of text.split(/\r\x1b\[2K|\n/)) assert.ok(line.replace(/\x1b\[\d+m/g, "").length < 60, line);
  });
});
