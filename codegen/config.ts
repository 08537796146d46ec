/**
 * The configuration of code generation: `snakebridge.config.ts`.
 *
 * @example A configuration
 * ```ts
 * import { type CodegenConfig, defineConfig } from "@snakebridge/snakebridge/config";
 *
 * const config: CodegenConfig = defineConfig({
 *   generatedDir: "py",
 *   libraries: { numpy: "2.*", pandas: { version: "3.*", include: ["read_csv"] }, json: "stdlib" },
 * });
 * export default config;
 * ```
 *
 * @module
 */

/** How one library is wrapped. */
export interface LibraryConfig {
  /** Version wanted, as pip writes it after the name: `"2.*"`, `">=2,<3"`. `"stdlib"` and `"local"` name no package. */
  version?: string;
  /** Name of the package that provides it, when it is not the library's own. */
  package?: string;
  /** Extras of the package. */
  extras?: readonly string[];
  /** Globs of names below the library to wrap, such as `"read_*"` or `"linalg.svd"`. Everything public when empty. */
  include?: readonly string[];
  /** Globs of names below the library to leave out. */
  exclude?: readonly string[];
  /**
   * Submodules to wrap, by their names below the library; `true` for all public ones directly below it.
   *
   * @default {false}
   */
  submodules?: boolean | readonly string[];
  /** Names that also get a variant which streams their results. Read by later versions; kept in the lock. */
  streaming?: readonly string[];
  /**
   * Which names to wrap.
   *
   * @default {"all"}
   */
  symbols?: "all" | "used";
}

/** What {@linkcode defineConfig} takes. Paths are relative to the configuration file. */
export interface CodegenConfig {
  /**
   * Folder of generated files.
   *
   * @default {"py"}
   */
  generatedDir?: string;
  /** Folders put in front of Python's module path; the folder of the configuration file follows them. */
  pythonPaths?: readonly string[];
  /** Python to ask: a program, or the folder of a virtual environment. */
  python?: string;
  /** Folder of typeshed, for stubs of the standard library, when no installed package carries it. */
  typeshed?: string;
  /**
   * Specifier that generated files import.
   *
   * @default {"@snakebridge/snakebridge/wrapper"}
   */
  runtime?: string;
  /**
   * Longest time for importing and describing one module, in milliseconds.
   *
   * @default {60_000}
   */
  moduleTimeoutMs?: number;
  /** Libraries by their import names; a text is the version, `"stdlib"` or `"local"`. */
  libraries: Readonly<Record<string, string | LibraryConfig>>;
}

/** A library's configuration with every default filled in. */
export type ResolvedLibraryConfig = Required<LibraryConfig>;

/** A configuration with every default filled in; paths as given. */
export interface ResolvedCodegenConfig {
  /** Folder that the generated modules go to. */
  readonly generatedDir: string;
  /** Folders put in front of `sys.path`. */
  readonly pythonPaths: readonly string[];
  /** Interpreter to ask; undefined for the one that is found. */
  readonly python: string | undefined;
  /** Folder of typeshed; undefined for the one that is found. */
  readonly typeshed: string | undefined;
  /** Specifier that generated files import. */
  readonly runtime: string;
  /** Longest time for one module, in milliseconds. */
  readonly moduleTimeoutMs: number;
  /** Libraries by their import names. */
  readonly libraries: ReadonlyMap<string, ResolvedLibraryConfig>;
}

/**
 * Checks a configuration and gives it back.
 *
 * @throws {TypeError} If a key is unknown or a value is of the wrong type.
 * @throws {RangeError} If a value is out of range.
 *
 * @example Two libraries
 * ```ts
 * import { type CodegenConfig, defineConfig } from "@snakebridge/snakebridge/config";
 *
 * const config: CodegenConfig = defineConfig({ libraries: { math: "stdlib", numpy: { version: "2.*" } } });
 * console.log(Object.keys(config.libraries));
 * ```
 */
export function defineConfig(config: CodegenConfig): CodegenConfig {
  resolveConfig(config);
  return config;
}

const VERSION = /^(?:\*|\d[\w.+*-]*|(?:[<>=!~]=?=?\s*\d[\w.+*-]*)(?:\s*,\s*[<>=!~]=?=?\s*\d[\w.+*-]*)*)$/;
const DOTTED = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/;

/**
 * Fills in defaults.
 *
 * @throws {TypeError} If a key is unknown or a value is of the wrong type.
 * @throws {RangeError} If a value is out of range.
 */
export function resolveConfig(config: CodegenConfig): ResolvedCodegenConfig {
  const given = record(config, "configuration");
  known(given, [
    "generatedDir",
    "pythonPaths",
    "python",
    "typeshed",
    "runtime",
    "moduleTimeoutMs",
    "libraries",
  ], "configuration");
  const libraries = new Map<string, ResolvedLibraryConfig>();
  for (const [name, value] of Object.entries(record(given.libraries, "libraries"))) {
    if (!DOTTED.test(name)) fail(`libraries[${JSON.stringify(name)}]`, name, "a Python import name");
    libraries.set(name, resolveLibrary(value, `libraries.${name}`));
  }
  if (libraries.size === 0) fail("libraries", given.libraries, "at least one library");
  const generatedDir = optional(given.generatedDir, "generatedDir", text) ?? "py";
  if (
    /^([/\\]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)/.test(generatedDir) || generatedDir.trim() === "" || generatedDir === "."
  ) {
    fail("generatedDir", generatedDir, "a folder below the configuration file");
  }
  const moduleTimeoutMs = given.moduleTimeoutMs ?? 60_000;
  if (typeof moduleTimeoutMs !== "number" || !(moduleTimeoutMs > 0)) {
    throw new RangeError(problem("moduleTimeoutMs", moduleTimeoutMs, "a number of milliseconds above 0"));
  }
  return {
    generatedDir: generatedDir.replace(/[/\\]+$/, ""),
    pythonPaths: optional(given.pythonPaths, "pythonPaths", texts) ?? [],
    python: optional(given.python, "python", text),
    typeshed: optional(given.typeshed, "typeshed", text),
    runtime: optional(given.runtime, "runtime", text) ?? "@snakebridge/snakebridge/wrapper",
    moduleTimeoutMs,
    libraries,
  };
}

function resolveLibrary(value: unknown, key: string): ResolvedLibraryConfig {
  const given = typeof value === "string"
    ? { version: value }
    : record(value, key, 'a version string such as "2.*", or an object');
  known(given, ["version", "package", "extras", "include", "exclude", "submodules", "streaming", "symbols"], key);
  const version = optional(given.version, `${key}.version`, text) ?? "*";
  if (version !== "stdlib" && version !== "local" && !VERSION.test(version)) {
    fail(`${key}.version`, version, 'a version such as "2.*" or ">=2,<3", "stdlib" or "local"');
  }
  const { submodules = false, symbols = "all" } = given;
  if (typeof submodules !== "boolean") {
    for (const name of texts(submodules, `${key}.submodules`)) {
      if (!DOTTED.test(name)) fail(`${key}.submodules`, name, "dotted names below the library");
    }
  }
  if (symbols !== "all" && symbols !== "used") fail(`${key}.symbols`, symbols, '"all" or "used"');
  return {
    version,
    package: optional(given.package, `${key}.package`, text) ?? "",
    extras: optional(given.extras, `${key}.extras`, texts) ?? [],
    include: optional(given.include, `${key}.include`, texts) ?? [],
    exclude: optional(given.exclude, `${key}.exclude`, texts) ?? [],
    submodules: submodules as boolean | readonly string[],
    streaming: optional(given.streaming, `${key}.streaming`, texts) ?? [],
    symbols: symbols as "all" | "used",
  };
}

function problem(key: string, seen: unknown, wanted: string): string {
  let shown: string;
  try {
    shown = JSON.stringify(seen) ?? String(seen);
  } catch {
    shown = typeof seen;
  }
  return `Cannot use configuration: ${key} is ${shown}, expected ${wanted}`;
}

function fail(key: string, seen: unknown, wanted: string): never {
  throw new TypeError(problem(key, seen, wanted));
}

function record(value: unknown, key: string, wanted = "an object"): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(key, value, wanted);
  return value as Record<string, unknown>;
}

function known(value: Record<string, unknown>, keys: readonly string[], where: string): void {
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) {
      fail(where === "configuration" ? key : `${where}.${key}`, value[key], `one of the keys ${keys.join(", ")}`);
    }
  }
}

function optional<T>(value: unknown, key: string, check: (value: unknown, key: string) => T): T | undefined {
  return value === undefined ? undefined : check(value, key);
}

function text(value: unknown, key: string): string {
  if (typeof value !== "string") fail(key, value, "a text");
  return value;
}

function texts(value: unknown, key: string): readonly string[] {
  if (!Array.isArray(value) || value.some((item) => typeof item !== "string")) fail(key, value, "a list of texts");
  return value as string[];
}
