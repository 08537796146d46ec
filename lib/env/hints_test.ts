import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pythonInstallHint, pythonNotFound } from "./hints.ts";

describe("pythonNotFound()", () => {
  it("names the places, the system's own command and the variable", () => {
    const error = pythonNotFound(["/opt/python3", "python3 on PATH"]);
    assert.equal(error.code, "python_not_found");
    assert.match(error.message, /looked at \/opt\/python3, python3 on PATH; install it with ".+SNAKEBRIDGE_PYTHON=/);
  });

  it("knows what each system installs Python with", () => {
    const hints = ["linux", "darwin", "win32"].map((platform) => pythonInstallHint(platform).split(" ")[0]);
    assert.deepEqual(hints, [`"sudo`, `"brew`, `"winget`]);
  });
});
