/**
 * introspect -> plan -> emit -> format -> manifest and lock; then write, or compare.
 *
 * @module
 */

import { emitModule } from "./emit_module.ts";
import type { ResolvedCodegenConfig } from "./config.ts";
import { formatFiles } from "./format.ts";
import { introspectLibrary } from "./introspect.ts";
import { buildLock, type Lock } from "./lock.ts";
import { buildManifest, type Manifest, MANIFEST_NAME, manifestText } from "./manifest.ts";
import type { LibraryModel } from "./model.ts";
import { planLibraries } from "./plan.ts";
import { isValueClass } from "./types.ts";

/** What introspection needs; every path is absolute. */
export interface IntrospectAllOptions {
  readonly config: ResolvedCodegenConfig;
  readonly python: string;
  readonly pythonPaths: readonly string[];
  readonly typeshed: string | null;
  /** Called with a line of progress. */
  readonly report?: (line: string) => void;
}

/** Everything generated, in memory. */
export interface Generated {
  /** Texts by path below the generated folder, the manifest included. */
  readonly files: ReadonlyMap<string, string>;
  readonly manifest: Manifest;
  readonly lock: Lock;
  readonly libraries: readonly LibraryModel[];
}

// Two at a time: imports are bound by the processor, and the second hides the waits of the first.
const PARALLEL = 2;

/** Writes TypeScript for what was introspected, without touching the disk. */
export async function emitLibraries(
  libraries: readonly LibraryModel[],
  config: ResolvedCodegenConfig,
): Promise<Generated> {
  const planned = planLibraries(libraries);
  const remote = planned.flatMap((module) => module.classes)
    .filter((cls) => !isValueClass(cls.model.id, cls.model.bases));
  const references = new Map([
    // Names by which users know a class, for facts; the canonical names of others win.
    ...remote.filter((cls) => cls.model.public).map((cls) =>
      [`${cls.module}.${cls.model.path}`, cls.reference] as const
    ),
    ...remote.map((cls) => [cls.model.id, cls.reference] as const),
  ]);
  const emitted = planned.map((module) =>
    emitModule({
      path: module.path,
      module: module.model,
      classes: module.classes,
      runtime: config.runtime,
      taken: module.classes.map((cls) => cls.reference.name),
      find: (id) => references.get(id),
    })
  );
  const files = await formatFiles(new Map(emitted.map((file) => [file.path, file.text])));
  const manifest = buildManifest(libraries, emitted);
  files.set(MANIFEST_NAME, manifestText(manifest));
  return { files, manifest, lock: buildLock(config, libraries, files), libraries };
}

/** Describes every library of the configuration; one that cannot be imported has no modules. */
export async function introspectAll(options: IntrospectAllOptions): Promise<LibraryModel[]> {
  const { config } = options;
  const names = [...config.libraries.keys()];
  const found = new Map<string, LibraryModel>();
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < names.length) {
      const name = names[next++]!;
      const library = config.libraries.get(name)!;
      const started = performance.now();
      const model = await introspectLibrary({
        python: options.python,
        library: name,
        submodules: library.submodules,
        include: library.include,
        exclude: library.exclude,
        pythonPaths: options.pythonPaths,
        typeshed: options.typeshed,
        moduleTimeoutMs: config.moduleTimeoutMs,
      });
      found.set(name, model);
      const version = model.distribution === null ? "" : ` ${model.distribution.version}`;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      options.report?.(
        `  ${name}${version}: ${model.modules.length} modules, ${countNames(model)} names in ${seconds} s`,
      );
      for (const failure of model.failures) options.report?.(`  ${failure.module}: not wrapped, ${failure.error}`);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return names.map((name) => found.get(name)!);
}

function countNames(model: LibraryModel): number {
  return model.modules.reduce(
    (sum, module) => sum + module.functions.length + module.classes.length + module.attributes.length,
    model.reached.length,
  );
}
