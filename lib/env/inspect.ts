import { SnakeBridgeError } from "../errors/mod.ts";
import { interpreterOf } from "../interpreter/mod.ts";
import { pythonNotFound, pythonTooOld } from "./hints.ts";
import type { MarkerEnvironment } from "./markers.ts";
import { runCommand } from "./process.ts";
import { normalizePackageName } from "./requirements.ts";
import { isSupportedPython } from "./version.ts";

/** What an interpreter says of itself. */
export interface PythonInfo {
  /** `sys.executable`: the real program, never a shim. */
  readonly executable: string;
  /** The interpreter that a virtual environment was made from; the same as `executable` outside of one. */
  readonly baseExecutable: string;
  /** Version, such as `3.11.7`. */
  readonly version: string;
  /** `sys.prefix`. */
  readonly prefix: string;
  /** Whether it belongs to a virtual environment. */
  readonly isVirtual: boolean;
  /** Whether it can make a virtual environment that has `pip`; some Linux systems pack that apart. */
  readonly canMakeVenv: boolean;
  /** Version of its `pip`, if it has one. */
  readonly pipVersion: string | undefined;
  /** Folder that its packages are installed into. */
  readonly sitePackages: string;
  /** Installed packages by normalised name, with their versions. */
  readonly packages: Readonly<Record<string, string>>;
  /** What PEP 508 markers are judged by. */
  readonly markers: MarkerEnvironment;
}

// Runs on every Python that knows `-I`. Only what the version promises is used, so an old one can still say how old.
const SCRIPT = `
import json, sys
info = {"version": "%d.%d.%d" % tuple(sys.version_info[:3]), "executable": sys.executable, "prefix": sys.prefix}
if sys.version_info >= (3, 10):
    import importlib.metadata as metadata, importlib.util as util, os, platform, sysconfig
    info["baseExecutable"] = os.path.realpath(sys._base_executable or sys.executable)
    info["isVirtual"] = sys.prefix != sys.base_prefix
    specs = [util.find_spec(name) for name in ("ensurepip", "venv")]
    info["canMakeVenv"] = all(spec is not None and spec.origin is not None for spec in specs)
    info["sitePackages"] = sysconfig.get_path("purelib")
    packages = {}
    for found in metadata.distributions():
        name = found.metadata["Name"]
        if name:
            packages.setdefault(name, found.version)
    info["packages"] = packages
    info["markers"] = {
        "implementation_name": sys.implementation.name,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": "%d.%d" % sys.version_info[:2],
        "sys_platform": sys.platform,
        "extra": "",
    }
print("snakebridge:" + json.dumps(info))
`;

const INSPECT_TIMEOUT_MS = 60_000;

/**
 * Runs an interpreter once and asks what it is and what it has installed.
 *
 * @param python An interpreter's path, a name on `PATH`, or a virtual environment's folder.
 * @throws {PythonNotFoundError} If it does not exist or is no Python.
 * @throws {PythonVersionError} If it is older than 3.10.
 * @throws {PermissionRequiredError} If Deno may not run it.
 */
export async function inspectPython(python: string): Promise<PythonInfo> {
  const executable = interpreterOf(python);
  let result;
  try {
    result = await runCommand(executable, ["-I", "-c", SCRIPT], { timeoutMs: INSPECT_TIMEOUT_MS });
  } catch (error) {
    if (error instanceof SnakeBridgeError) throw error;
    throw pythonNotFound([executable], error);
  }
  const line = result.stdout.split(/\r?\n/).find((text) => text.startsWith("snakebridge:"));
  if (line === undefined) {
    // Python 2 knows no -I; its --version goes to standard error.
    const { tail } = await runCommand(executable, ["--version"], { timeoutMs: INSPECT_TIMEOUT_MS });
    const version = /Python (\d+\.\d+(?:\.\d+)?)/.exec(tail)?.[1];
    if (version !== undefined && !isSupportedPython(version)) throw pythonTooOld(version, executable, [executable]);
    throw pythonNotFound([executable], new Error(`It ended with status ${result.code}: ${result.tail}`));
  }
  const said = JSON.parse(line.slice("snakebridge:".length)) as Omit<PythonInfo, "pipVersion">;
  if (!isSupportedPython(said.version)) throw pythonTooOld(said.version, said.executable || executable, [executable]);
  const packages: Record<string, string> = {};
  for (const [name, version] of Object.entries(said.packages)) packages[normalizePackageName(name)] ??= version;
  return { ...said, packages, pipVersion: packages.pip };
}
