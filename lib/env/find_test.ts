import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, it } from "node:test";
import { PythonNotFoundError, PythonVersionError } from "../errors/mod.ts";
import { findPython, pythonNames } from "./find.ts";
import { inspectPython } from "./inspect.ts";
import { isSupportedPython } from "./version.ts";

const REAL = process.env.SNAKEBRIDGE_PYTHON ?? "python3";

describe("findPython()", () => {
  const names = ["SNAKEBRIDGE_PYTHON", "VIRTUAL_ENV", "PATH"] as const;
  const saved = names.map((name) => process.env[name]);
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "find-"));
    delete process.env.SNAKEBRIDGE_PYTHON;
    delete process.env.VIRTUAL_ENV;
  });
  afterEach(() => {
    names.forEach((name, index) => {
      const value = saved[index];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    });
    rmSync(folder, { recursive: true });
  });
  /** A program that answers as an old interpreter would. */
  const makeOld = (name: string, version: string): string => {
    const path = join(folder, name);
    const old = `{"version": "${version}", "executable": "${path}", "prefix": "/usr"}`;
    writeFileSync(path, `#!/bin/sh\necho 'snakebridge:${old}'\n`);
    chmodSync(path, 0o755);
    return path;
  };
  const makePython2 = (name: string): string => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && echo "Python 2.7.18" >&2 && exit 0\nexit 2\n`);
    chmodSync(path, 0o755);
    return path;
  };

  it("finds a real interpreter and its version", async () => {
    const python = await findPython({ python: REAL });
    assert.equal(python.source, "option");
    assert.ok(isSupportedPython(python.version));
    assert.equal(python.executable, python.info.executable);
  });

  it("rejects a named interpreter that does not exist, with the command that installs one", async () => {
    const missing = join(folder, "python3");
    await assert.rejects(findPython({ python: missing }), (error: unknown) => {
      assert.ok(error instanceof PythonNotFoundError);
      assert.deepEqual(error.searched, [missing]);
      assert.match(error.message, /install it with "/);
      assert.match(error.message, /SNAKEBRIDGE_PYTHON=/);
      return true;
    });
  });

  it("rejects a named program that is no Python", async () => {
    const path = join(folder, "python3");
    writeFileSync(path, "#!/bin/sh\necho hello\n");
    chmodSync(path, 0o755);
    await assert.rejects(findPython({ python: path }), PythonNotFoundError);
  });

  it("rejects a named interpreter that is too old, with its version and path", async () => {
    process.env.SNAKEBRIDGE_PYTHON = makeOld("python3", "3.9.18");
    await assert.rejects(findPython(), (error: unknown) => {
      assert.ok(error instanceof PythonVersionError);
      assert.equal(error.found, "3.9.18");
      assert.equal(error.wanted, "3.10");
      assert.ok(error.message.includes(join(folder, "python3")));
      return true;
    });
  });

  it("knows Python 2, which does not understand the question", async () => {
    await assert.rejects(findPython({ python: makePython2("python") }), (error: unknown) => {
      assert.ok(error instanceof PythonVersionError);
      assert.equal(error.found, "2.7.18");
      return true;
    });
  });

  it("goes on to another name when python3 is too old", async () => {
    const real = await inspectPython(REAL);
    makeOld("python3", "3.9.18");
    const minor = real.version.split(".").slice(0, 2).join(".");
    symlinkSync(real.baseExecutable, join(folder, `python${minor}`));
    process.env.PATH = folder;
    const found = await findPython({ project: folder });
    assert.equal(found.version, real.version);
    assert.equal(found.source, "PATH");
  });

  it("says how old the one it found is and where else it looked", async () => {
    makeOld("python3", "3.8.18");
    makePython2("python");
    // The script's own shell is named by its full path, so that nothing else is on PATH.
    process.env.PATH = folder;
    await assert.rejects(findPython({ project: folder }), (error: unknown) => {
      assert.ok(error instanceof PythonVersionError);
      assert.equal(error.found, "3.8.18");
      for (const name of pythonNames()) assert.ok(error.message.includes(`${name} on PATH`), error.message);
      return true;
    });
  });

  it("says where it looked when there is none at all", async () => {
    process.env.PATH = folder;
    await assert.rejects(findPython({ project: folder }), (error: unknown) => {
      assert.ok(error instanceof PythonNotFoundError);
      assert.equal(error.searched.length, pythonNames().length);
      return true;
    });
  });
});
