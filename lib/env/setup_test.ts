import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { SetupError } from "./errors.ts";
import { runCommand } from "./process.ts";
import { checkEnvironment, setupEnvironment, type SetupOptions } from "./setup.ts";
import { holdLock } from "./setup_lock.ts";
import { readStamp, writeStamp } from "./stamp.ts";
import { venvPython } from "../interpreter/mod.ts";

// Real interpreters, real pip (or uv); the packages are made here, so that no network is needed.
const MAKE_WHEEL = `
import sys, zipfile
folder, version = sys.argv[1:]
info = "tinybox-%s.dist-info/" % version
with zipfile.ZipFile("%s/tinybox-%s-py3-none-any.whl" % (folder, version), "w") as wheel:
    wheel.writestr("tinybox.py", "version = %r\\n" % version)
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: tinybox\\nVersion: %s\\n" % version)
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "tinybox.py,,\\n%sMETADATA,,\\n%sWHEEL,,\\n%sRECORD,,\\n" % (info, info, info))
`;
const REAL = process.env.SNAKEBRIDGE_PYTHON ?? "python3";

describe("setupEnvironment()", { timeout: 180_000 }, () => {
  let project = "";
  let venv = "";
  const saved: Record<string, string | undefined> = {};
  const lockOf = (version: string, hash?: string): string => {
    const wheel = readFileSync(join(project, "wheels", `tinybox-${version}-py3-none-any.whl`));
    const sha = hash ?? createHash("sha256").update(wheel).digest("hex");
    return `tinybox==${version} \\\n    --hash=sha256:${sha}\nabsent==1.0 ; sys_platform == 'nowhere' --hash=sha256:00\n`;
  };
  const setup = async (options: SetupOptions = {}): Promise<{ changed: boolean; steps: string[] }> => {
    const steps: string[] = [];
    const { changed } = await setupEnvironment({ project, onEvent: (event) => steps.push(event.text), ...options });
    return { changed, steps };
  };

  before(async () => {
    project = mkdtempSync(join(tmpdir(), "setup-"));
    venv = join(project, ".venv");
    const wheels = join(project, "wheels");
    mkdirSync(wheels);
    for (const version of ["1.0", "2.0"]) {
      assert.equal((await runCommand(REAL, ["-c", MAKE_WHEEL, wheels, version])).code, 0);
    }
    writeFileSync(join(project, "requirements.lock"), lockOf("1.0"));
    const local = { PIP_FIND_LINKS: wheels, PIP_NO_INDEX: "1", UV_FIND_LINKS: wheels, UV_NO_INDEX: "1" };
    for (const [name, value] of Object.entries({ ...local, SNAKEBRIDGE_PYTHON: undefined, VIRTUAL_ENV: undefined })) {
      saved[name] = process.env[name];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  after(() => {
    for (const [name, value] of Object.entries(saved)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    rmSync(project, { recursive: true, force: true });
  });

  it("is told by checkEnvironment() what is missing, and nothing is made by asking", async () => {
    const { ok, problems } = await checkEnvironment({ project });
    assert.equal(ok, false);
    assert.deepEqual(problems.map(({ code }) => code), ["environment_missing"]);
    assert.match(problems[0]?.message ?? "", /run "deno task setup"/);
    assert.equal(existsSync(venv), false);
    assert.equal(existsSync(join(project, ".snakebridge")), false);
  });

  it("makes the environment once when two run at the same time", async () => {
    const both = await Promise.all([setup(), setup()]);
    assert.deepEqual(both.map(({ changed }) => changed).sort(), [false, true]);
    assert.equal((await checkEnvironment({ project })).ok, true);
    assert.equal(existsSync(join(project, ".snakebridge", "setup.lock")), false);
  });

  it("does nothing the second time", async () => {
    assert.deepEqual(await setup(), { changed: false, steps: [] });
  });

  it("takes another version when the lock changes", async () => {
    writeFileSync(join(project, "requirements.lock"), lockOf("2.0"));
    const { problems } = await checkEnvironment({ project });
    assert.deepEqual(problems.map(({ code }) => code), ["package_version"]);
    assert.match(problems[0]?.message ?? "", /tinybox 2\.0 is installed as 1\.0/);
    assert.equal((await setup()).changed, true);
    const { stdout } = await runCommand(venvPython(venv), ["-c", "import tinybox; print(tinybox.version)"]);
    assert.equal(stdout.trim(), "2.0");
  });

  it("refuses a file whose hash is not the locked one, and recovers", async () => {
    writeFileSync(join(project, "requirements.lock"), lockOf("1.0", "0".repeat(64)));
    await assert.rejects(setup(), (error: unknown) => {
      assert.ok(error instanceof SetupError);
      assert.match(error.message, /run "deno task setup" again/);
      assert.match(error.message, /hash/i);
      return true;
    });
    assert.deepEqual((await checkEnvironment({ project })).problems.map(({ code }) => code), [
      "environment_incomplete",
      "package_version",
    ]);
    writeFileSync(join(project, "requirements.lock"), lockOf("2.0"));
    assert.equal((await setup()).changed, true);
    assert.equal((await checkEnvironment({ project })).ok, true);
  });

  it("makes an environment anew whose setup was interrupted", async () => {
    const stamp = readStamp(venv);
    assert.ok(stamp);
    rmSync(join(venv, "pyvenv.cfg"));
    writeStamp(venv, { ...stamp, state: "installing" });
    const { changed, steps } = await setup();
    assert.equal(changed, true);
    assert.ok(steps.some((text) => text.startsWith("The last setup was interrupted")), steps.join("\n"));
    assert.equal((await checkEnvironment({ project })).ok, true);
  });

  it("makes an environment anew that has lost its Python", async () => {
    rmSync(venvPython(venv));
    symlinkSync(join(project, "gone", "python3"), venvPython(venv));
    assert.deepEqual((await checkEnvironment({ project })).problems.map(({ code }) => code), ["environment_broken"]);
    const { steps } = await setup();
    assert.ok(steps.some((text) => text.startsWith("The environment has lost its Python")), steps.join("\n"));
    assert.equal((await checkEnvironment({ project })).ok, true);
  });

  it("fills an environment that somebody else made without replacing it", async () => {
    rmSync(venv, { recursive: true });
    assert.equal((await runCommand(REAL, ["-m", "venv", venv])).code, 0);
    writeFileSync(join(venv, "theirs.txt"), "");
    assert.equal((await setup()).changed, true);
    assert.ok(existsSync(join(venv, "theirs.txt")));
    assert.equal(readStamp(venv)?.created, false);
    assert.equal((await checkEnvironment({ project })).ok, true);
  });

  it("leaves a .venv alone that is no environment", async () => {
    rmSync(venv, { recursive: true });
    mkdirSync(venv);
    writeFileSync(join(venv, "precious.txt"), "");
    await assert.rejects(setup(), /it is no virtual environment; rename or remove it/);
    assert.ok(existsSync(join(venv, "precious.txt")));
  });

  it("names both places when there is no lock", async () => {
    const empty = join(project, "empty");
    mkdirSync(empty);
    await assert.rejects(setupEnvironment({ project: empty }), /requirements\.lock nor python\/requirements\.lock/);
  });
});

describe("holdLock()", () => {
  it("takes over from a process that is gone and lets go when disposed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lock-"));
    try {
      const file = join(folder, "deep", "setup.lock");
      const gone = await runCommand(REAL, ["-c", "import os; print(os.getpid())"]);
      mkdirSync(join(folder, "deep"));
      writeFileSync(file, `${gone.stdout.trim()} somebody\n`);
      {
        using _lock = await holdLock(file, () => assert.fail("waited for a dead process"));
        assert.ok(lstatSync(file).isFile());
        assert.match(readFileSync(file, "utf8"), new RegExp(`^${process.pid} `));
      }
      assert.equal(existsSync(file), false);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("lets one in at a time, also when many take over the same dead lock", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lock-"));
    try {
      const file = join(folder, "setup.lock");
      const gone = await runCommand(REAL, ["-c", "import os; print(os.getpid())"]);
      writeFileSync(file, `${gone.stdout.trim()} somebody\n`);
      let inside = 0;
      await Promise.all(Array.from({ length: 8 }, async () => {
        using _lock = await holdLock(file, () => {});
        assert.equal(++inside, 1);
        await new Promise((resolve) => setTimeout(resolve, 5));
        inside--;
      }));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
