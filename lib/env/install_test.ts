import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InstallWatch, type SetupEvent } from "./install.ts";
import type { Pin } from "./requirements.ts";

const pin = (name: string, version: string): Pin => ({ name, version, marker: "", key: `${name}==${version}` });

/** What the output of a tool is turned into. */
function watch(lines: readonly string[], folders: readonly string[] = []): string[] {
  const events: SetupEvent[] = [];
  const watching = new InstallWatch(
    [pin("numpy", "2.4.6"), pin("scikit-learn", "1.9.1")],
    (event) => events.push(event),
  );
  for (const line of lines) watching.line(line);
  watching.appeared(folders);
  return events.map((event) => event.kind === "step" ? event.text : `${event.done}/${event.total} ${event.text}`);
}

describe("InstallWatch", () => {
  it("reads the output of pip, and what appears on disk while pip is silent", () => {
    const lines = [
      "Collecting numpy==2.4.6 (from -r requirements.lock (line 1))",
      "  Downloading numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (6.6 kB)",
      "Collecting scikit_learn==1.9.1",
      "  Downloading scikit_learn-1.9.1-cp311-cp311-manylinux_2_28_x86_64.whl (9.3 MB)",
      "Installing collected packages: numpy, scikit-learn",
    ];
    assert.deepEqual(watch(lines, ["numpy-2.4.6.dist-info", "setuptools-65.5.0.dist-info"]), [
      "2/2 download scikit_learn 1.9.1 (9.3 MB)",
      "Unpacking packages",
      "1/2 installed numpy 2.4.6",
    ]);
  });

  it("reads the output of uv", () => {
    const lines = [
      "Downloading numpy (15.8MiB)",
      "Prepared 2 packages in 1.1s",
      " + numpy==2.4.6",
      " + scikit-learn==1.9.1",
    ];
    assert.deepEqual(watch(lines), [
      "0/2 download numpy (15.8MiB)",
      "Unpacking packages",
      "1/2 installed numpy 2.4.6",
      "2/2 installed scikit-learn 1.9.1",
    ]);
  });

  it("counts what was there already without a word, and nothing twice", () => {
    const lines = ["Requirement already satisfied: numpy==2.4.6 in /env", " + scikit-learn==1.9.1"];
    assert.deepEqual(watch(lines, ["scikit_learn-1.9.1.dist-info"]), ["2/2 installed scikit-learn 1.9.1"]);
  });
});
