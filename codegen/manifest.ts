/**
 * The manifest: which TypeScript name stands for which Python name, and how much is known about it.
 *
 * It stands in the generated folder as `manifest.json`, one line per name so that a change reads well in a diff.
 *
 * @module
 */

import { compare, type EmittedFile, type SymbolRecord } from "./emit_module.ts";
import { type LibraryModel, type Tier, TIERS } from "./model.ts";

/** Name of the manifest in the generated folder. */
export const MANIFEST_NAME = "manifest.json";

/** The manifest as written. */
export interface Manifest {
  readonly generator: "snakebridge";
  readonly schema: 1;
  /** Signatures per tier, by library. */
  readonly tiers: Readonly<Record<string, Readonly<Record<Tier, number>>>>;
  /** Names that could not be wrapped, with the reason. */
  readonly skipped: readonly { readonly python: string; readonly reason: string }[];
  /** Every name that was wrapped. */
  readonly symbols: readonly (SymbolRecord & { readonly file: string })[];
}

/** Collects the manifest of everything generated. */
export function buildManifest(libraries: readonly LibraryModel[], files: readonly EmittedFile[]): Manifest {
  const skipped: { python: string; reason: string }[] = [];
  for (const library of libraries) {
    for (const failure of library.failures) skipped.push({ python: failure.module, reason: failure.error });
    for (const module of library.modules) {
      for (const item of module.skipped) skipped.push({ python: `${module.name}.${item.name}`, reason: item.reason });
    }
  }
  return {
    generator: "snakebridge",
    schema: 1,
    tiers: Object.fromEntries(libraries.map((library) => [library.name, countTiers(library)])),
    skipped: skipped.sort((left, right) => compare(left.python, right.python)),
    symbols: files.flatMap((file) => file.symbols.map((item) => ({ ...item, file: file.path }))),
  };
}

/** Counts the signatures of a library by tier. */
export function countTiers(library: LibraryModel): Record<Tier, number> {
  const counts = Object.fromEntries(TIERS.map((tier) => [tier, 0])) as Record<Tier, number>;
  for (const module of library.modules) {
    for (const item of module.functions) {
      if (item.ufunc !== null) counts.live++;
      else for (const signature of item.signatures) counts[signature.tier]++;
    }
  }
  for (const cls of [...library.modules.flatMap((module) => module.classes), ...library.reached]) {
    for (const signature of cls.constructor_) counts[signature.tier]++;
    for (const item of cls.methods) for (const signature of item.signatures) counts[signature.tier]++;
  }
  return counts;
}

/** Writes the manifest, one symbol per line. */
export function manifestText(manifest: Manifest): string {
  const { symbols, ...head } = manifest;
  const lines = symbols.map((item) => `    ${JSON.stringify(item)}`);
  const start = JSON.stringify(head, null, 2).slice(0, -2);
  return `${start},\n  "symbols": [\n${lines.join(",\n")}\n  ]\n}\n`;
}
