import { readdirSync } from "node:fs";
import process from "node:process";
import { SnakeBridgeError } from "../errors/mod.ts";
import { SetupError } from "./errors.ts";
import { inspectPython, type PythonInfo } from "./inspect.ts";
import { venvPython } from "../interpreter/mod.ts";
import { guarded, runCommand } from "./process.ts";
import { normalizePackageName, type Pin } from "./requirements.ts";
import { compareVersions } from "./version.ts";

/** What setup tells while it works. */
export type SetupEvent =
  | { readonly kind: "step"; readonly text: string }
  | { readonly kind: "package"; readonly text: string; readonly done: number; readonly total: number };

/** Gets the events of a setup. */
export type SetupListener = (event: SetupEvent) => void;

/** The tool that installs packages. */
export interface Installer {
  /** Which one. */
  readonly kind: "uv" | "pip";
  /** Its version. */
  readonly version: string;
}

// `pip --python` came with this version; older ones cannot install into an environment that has no pip itself.
const PIP_WITH_PYTHON_OPTION = "22.3";
const INSTALL_POLL_MS = 250;

/** Finds `uv` on `PATH`; undefined when there is none. */
export async function findUv(): Promise<Installer | undefined> {
  try {
    const { code, stdout } = await runCommand("uv", ["--version"], { timeoutMs: 10_000 });
    const version = /^uv (\S+)/.exec(stdout)?.[1];
    return code === 0 && version !== undefined ? { kind: "uv", version } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether this interpreter can make an environment and fill it. */
export function canMakeEnvironment(base: PythonInfo, uv: Installer | undefined): boolean {
  return base.canMakeVenv || uv !== undefined || hasPipWithPythonOption(base);
}

function hasPipWithPythonOption(base: PythonInfo): boolean {
  return base.pipVersion !== undefined && compareVersions(base.pipVersion, PIP_WITH_PYTHON_OPTION) >= 0;
}

/** Makes a virtual environment in `venv`, which may exist already and hold nothing but our stamp. */
export async function createEnvironment(venv: string, base: PythonInfo, uv: Installer | undefined): Promise<void> {
  const python = base.baseExecutable;
  const run = async (command: string, args: readonly string[]): Promise<void> => {
    const { code, tail } = await runCommand(python, guarded(command, args));
    if (code !== 0) {
      throw new SetupError(`Cannot make ${venv}: "${command} ${args.join(" ")}" ended with ${code}`, tail);
    }
  };
  // venv brings pip along without a network; uv would have to load it.
  if (base.canMakeVenv) await run(python, ["-I", "-m", "venv", venv]);
  else if (uv !== undefined) {
    await run("uv", ["venv", "--quiet", "--seed", "--allow-existing", "--python", python, venv]);
  } else await run(python, ["-I", "-m", "venv", "--without-pip", venv]);
}

/** What {@linkcode installLock} works with. */
export interface InstallLockOptions {
  /** Folder of the environment. */
  readonly venv: string;
  /** The interpreter that the environment was made from. */
  readonly base: PythonInfo;
  /** `uv` where there is one. */
  readonly uv: Installer | undefined;
  /** Lock files. */
  readonly locks: readonly string[];
  /** The pins of these locks that apply here. */
  readonly pins: readonly Pin[];
  /** Whether to write packages anew that look installed, because an earlier run was cut off. */
  readonly reinstall: boolean;
  /** Gets progress. */
  readonly onEvent: SetupListener;
}

/**
 * Installs locked packages: every file's hash must match, nothing is built from source, nothing is resolved.
 *
 * @throws {SetupError} With the last output of the tool.
 */
export async function installLock(options: InstallLockOptions): Promise<void> {
  const { venv, base, uv, locks } = options;
  const files = locks.flatMap((file) => ["-r", file]);
  const strict = ["--require-hashes", "--only-binary", ":all:", "--no-deps"];
  if (uv !== undefined) {
    const again = options.reinstall ? ["--reinstall"] : [];
    const args = ["pip", "install", "--python", venvPython(venv), "--no-progress", ...strict, ...again, ...files];
    return await install("uv", args, options);
  }
  const again = options.reinstall ? ["--force-reinstall"] : [];
  const quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"];
  const pip = ["install", ...quiet, ...strict, ...again, ...files];
  const inside = await inspectPython(venvPython(venv));
  if (inside.pipVersion !== undefined) return await install(venvPython(venv), ["-m", "pip", ...pip], options);
  if (!hasPipWithPythonOption(base)) {
    throw new SetupError(
      `Cannot install into ${venv}: it has no pip; run "${venvPython(venv)} -m ensurepip", or remove the folder and ` +
        `run "deno task setup" again`,
    );
  }
  await install(base.baseExecutable, ["-m", "pip", "--python", venvPython(venv), ...pip], options);
}

async function install(command: string, args: readonly string[], options: InstallLockOptions): Promise<void> {
  const { base, onEvent, pins } = options;
  const total = pins.length;
  const watch = new InstallWatch(pins, onEvent);
  const site = (await inspectPython(venvPython(options.venv))).sitePackages;
  const before = new Set(distributions(site));
  // pip says nothing while it unpacks, which is the longest part on a fast network: look at what has appeared.
  const timer = setInterval(() => {
    watch.appeared(distributions(site).filter((name) => !before.has(name)));
  }, INSTALL_POLL_MS);
  let result;
  try {
    result = await runCommand(base.baseExecutable, guarded(command, args), { onLine: (line) => watch.line(line) });
  } catch (error) {
    if (error instanceof SnakeBridgeError) throw error;
    throw new SetupError(`Cannot install packages: ${command} did not start`, undefined, error);
  } finally {
    clearInterval(timer);
  }
  if (result.code !== 0) {
    throw new SetupError(
      `Cannot install ${total} packages: "${command} ${args.slice(0, 3).join(" ")} ..." ended with status ` +
        `${result.code}; see the reason below, mend it (network, proxy, disk space) and run "deno task setup" again`,
      result.tail,
    );
  }
}

function distributions(site: string): string[] {
  try {
    return readdirSync(site).filter((name) => name.endsWith(".dist-info"));
  } catch {
    return [];
  }
}

/** Turns the output of pip and uv into progress. */
export class InstallWatch {
  readonly #onEvent: SetupListener;
  readonly #pins: ReadonlyMap<string, string>;
  readonly #collected = new Set<string>();
  readonly #installed = new Set<string>();

  /** Watches the installation of `pins`. */
  constructor(pins: readonly Pin[], onEvent: SetupListener) {
    this.#pins = new Map(pins.map((pin) => [pin.name, pin.version]));
    this.#onEvent = onEvent;
  }

  /** Takes one line of output. */
  line(line: string): void {
    const collecting = /^Collecting ([^\s=<>;]+)==(\S+)/.exec(line);
    const present = /^Requirement already satisfied: ([^\s=<>;]+)==(\S+)/.exec(line);
    const loading = /^\s*Downloading (\S+?)-(\d\S*?)-\S*\.whl \((.+?)\)/.exec(line);
    const uvLoading = /^\s*Downloading (\S+) \((.+)\)/.exec(line);
    const uvInstalled = /^\s*\+ ([^\s=]+)==(\S+)/.exec(line);
    if (collecting !== null) this.#collected.add(normalizePackageName(collecting[1] ?? ""));
    else if (present !== null) this.#installed.add(normalizePackageName(present[1] ?? ""));
    else if (loading !== null) this.#report(this.#collected, `download ${loading[1]} ${loading[2]} (${loading[3]})`);
    else if (/\.metadata \(/.test(line)) return;
    else if (uvLoading !== null) this.#report(this.#collected, `download ${uvLoading[1]} (${uvLoading[2]})`);
    else if (uvInstalled !== null) this.#installedNow(uvInstalled[1] ?? "");
    else if (/^(Installing collected packages|Prepared \d+ package)/.test(line)) {
      this.#onEvent({ kind: "step", text: "Unpacking packages" });
    }
  }

  /** Takes the names of the `.dist-info` folders that are new. */
  appeared(folders: readonly string[]): void {
    for (const folder of folders) this.#installedNow(folder.split("-")[0] ?? "");
  }

  #installedNow(name: string): void {
    const normal = normalizePackageName(name);
    const version = this.#pins.get(normal);
    if (version === undefined || this.#installed.has(normal)) return;
    this.#installed.add(normal);
    this.#report(this.#installed, `installed ${normal} ${version}`);
  }

  #report(counted: ReadonlySet<string>, text: string): void {
    this.#onEvent({ kind: "package", text, done: counted.size, total: this.#pins.size });
  }
}

/** Pins that an interpreter lacks or has in another version. */
export function missingPins(pins: readonly Pin[], info: PythonInfo): Pin[] {
  return pins.filter((pin) => info.packages[pin.name] !== pin.version);
}

/** The command that makes virtual environments possible where the system packs that part apart. */
export function venvInstallHint(base: PythonInfo, platform: string = process.platform): string {
  const minor = base.version.split(".").slice(0, 2).join(".");
  return platform === "linux"
    ? `"sudo apt install python${minor}-venv" (or your system's equivalent)`
    : `"${base.executable} -m ensurepip --user"`;
}
