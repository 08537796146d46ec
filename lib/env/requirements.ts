import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { markerApplies, type MarkerEnvironment } from "./markers.ts";

/** One locked package. */
export interface Pin {
  /** Distribution name, normalised (`scikit-learn`). */
  readonly name: string;
  /** The one version allowed. */
  readonly version: string;
  /** Environment marker, or an empty text. */
  readonly marker: string;
  /** Identifies name, version, marker and the allowed hashes together. */
  readonly key: string;
}

/** Lower case with single dashes, as package indexes compare names. */
export function normalizePackageName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/**
 * Reads a lock in the format of `uv pip compile --generate-hashes` or `pip-compile --generate-hashes`.
 *
 * @throws {SyntaxError} If a line is not a pinned package with at least one hash.
 */
export function parseLock(text: string, file = "lock"): Pin[] {
  const joined = text.replace(/\r\n/g, "\n").replace(/\\\n/g, " ");
  const pins: Pin[] = [];
  for (const raw of joined.split("\n")) {
    const line = raw.replace(/(^|\s)#.*$/, "").trim();
    if (line === "") continue;
    const match = /^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;]+)\s*(?:;\s*(.*?))?\s*((?:--hash=\S+\s*)+)$/.exec(line);
    if (match === null) {
      const seen = line.length > 80 ? `${line.slice(0, 80)}...` : line;
      throw new SyntaxError(`Cannot read ${file}: "${seen}" is not a pinned package with hashes`);
    }
    const [, name = "", version = "", marker = "", hashes = ""] = match;
    const digest = createHash("sha256").update(hashes.split(/\s+/).filter(Boolean).sort().join(" ")).digest("hex");
    const normal = normalizePackageName(name);
    const key = `${normal}==${version}${marker === "" ? "" : ` ; ${marker}`} #${digest.slice(0, 16)}`;
    pins.push({ name: normal, version, marker, key });
  }
  return pins;
}

/** Reads several lock files as one list without doubles. */
export function readLocks(files: readonly string[]): Pin[] {
  const pins = new Map<string, Pin>();
  for (const file of files) {
    for (const pin of parseLock(readFileSync(file, "utf8"), file)) pins.set(pin.key, pin);
  }
  return [...pins.values()];
}

/** The pins whose marker holds on one interpreter. */
export function applicablePins(pins: readonly Pin[], environment: MarkerEnvironment): Pin[] {
  return pins.filter((pin) => markerApplies(pin.marker, environment));
}
