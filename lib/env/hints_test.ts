import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { packageMissing, pythonInstallHint, pythonNotFound } from "./hints.ts";

describe("packageMissing()", () => {
  it("names the command with the distribution, not with the module", () => {
    const error = packageMissing("sklearn.linear_model", "/env/bin/python");
    assert.deepEqual(error.packages, ["scikit-learn"]);
    assert.match(
      error.message,
      /^Cannot import sklearn\.linear_model: .*"\/env\/bin\/python -m pip install scikit-learn"/,
    );
    assert.match(error.message, /"deno task setup"/);
  });

  it("takes the module's first name where the two are the same", () => {
    assert.deepEqual(packageMissing("polars.exceptions", "python3").packages, ["polars"]);
  });
});

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
