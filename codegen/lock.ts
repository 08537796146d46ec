/**
 * The lock: what the generated files were made of, beside the configuration as `snakebridge.lock`.
 *
 * It lets `--check` do the right thing anywhere. With the same Python minor and the same package versions everything
 * is generated again and compared. Elsewhere that comparison would blame the machine; there the files are compared with
 * the hashes of the lock, so edits and missing files are still found, and the difference of the environment is named.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { ResolvedCodegenConfig } from "./config.ts";
import type { LibraryModel } from "./model.ts";

/** Raised whenever the same Python would give other files. */
export const GENERATOR_VERSION = "1";

/** The lock as written. */
export interface Lock {
  readonly schema: 1;
  readonly generator: string;
  readonly environment: {
    /** Python minor, such as `3.11`; stubs of the standard library differ between minors. */
    readonly python: string;
    readonly implementation: string;
    /** Package and version that the stubs of the standard library came with; null when there were none. */
    readonly typeshed: string | null;
    /** `sys.platform`; a few modules differ between systems. */
    readonly platform: string;
  };
  /** Hash of the configuration as resolved. */
  readonly config: string;
  readonly libraries: Readonly<Record<string, LockedLibrary>>;
  /** SHA-256 of every generated file, by path below the generated folder. */
  readonly files: Readonly<Record<string, string>>;
}

/** One library in the lock. */
export interface LockedLibrary {
  readonly requested: string;
  /** Name and version of the installed package; null for the standard library and local modules. */
  readonly package: string | null;
  readonly resolved: string | null;
}

/** SHA-256 of a text, in hexadecimal. */
export function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/** Hash of what the configuration asks for; the interpreter's place is not part of it. */
export function configHash(config: ResolvedCodegenConfig): string {
  const { python: _, typeshed: __, moduleTimeoutMs: ___, libraries, ...rest } = config;
  return sha256(JSON.stringify({ ...rest, libraries: [...libraries] }));
}

/** Builds the lock of what was generated. */
export function buildLock(
  config: ResolvedCodegenConfig,
  libraries: readonly LibraryModel[],
  files: ReadonlyMap<string, string>,
): Lock {
  const { python, implementation, typeshed, platform } = libraries[0]!.environment;
  return {
    schema: 1,
    generator: GENERATOR_VERSION,
    environment: { python: `${python[0]}.${python[1]}`, implementation, typeshed, platform },
    config: configHash(config),
    libraries: Object.fromEntries(libraries.map((library) => [library.name, {
      requested: config.libraries.get(library.name)!.version,
      package: library.distribution?.name ?? null,
      resolved: library.distribution?.version ?? null,
    }])),
    files: Object.fromEntries([...files].map(([path, text]) => [path, sha256(text)])),
  };
}

/** Writes the lock. */
export function lockText(lock: Lock): string {
  return `${JSON.stringify(lock, null, 2)}\n`;
}

/** Reads a lock; undefined when the text is none. */
export function parseLock(text: string): Lock | undefined {
  try {
    const value = JSON.parse(text) as Lock;
    return value.schema === 1 && typeof value.files === "object" && typeof value.environment === "object"
      ? value
      : undefined;
  } catch {
    return undefined;
  }
}

/** How this environment differs from the one of a lock, in words; empty when generated files must be equal. */
export function environmentDifferences(locked: Lock, here: Lock): readonly string[] {
  const found: string[] = [];
  for (const key of ["python", "implementation", "platform", "typeshed"] as const) {
    if (locked.environment[key] !== here.environment[key]) {
      found.push(
        `${key} is ${here.environment[key] ?? "absent"} here, ${locked.environment[key] ?? "absent"} in the lock`,
      );
    }
  }
  for (const [name, library] of Object.entries(here.libraries)) {
    const old = locked.libraries[name];
    if (old !== undefined && old.resolved !== library.resolved) {
      found.push(
        `${library.package ?? name} is ${library.resolved ?? "absent"} here, ${old.resolved ?? "absent"} in the lock`,
      );
    }
  }
  return found;
}
