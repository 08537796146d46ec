import { readFileSync, realpathSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { venvPython } from "../interpreter/mod.ts";
import type { Pin } from "./requirements.ts";

/** What setup remembers inside the environment it made or filled. */
export interface Stamp {
  /** `installing` until everything is in place: an interrupted setup is recognised by it. */
  readonly state: "installing" | "ready";
  /** Whether setup made the environment, and so may replace it. */
  readonly created: boolean;
  /** Identity of the base interpreter's file: path, size and time of change. */
  readonly interpreter: string;
  /** Its version. */
  readonly version: string;
  /** Keys of the pins that are installed. */
  readonly pins: readonly string[];
}

const STAMP_FILE = "snakebridge.json";

/** Reads the stamp of an environment; undefined when it has none. */
export function readStamp(venv: string): Stamp | undefined {
  let text;
  try {
    text = readFileSync(join(venv, STAMP_FILE), "utf8");
  } catch {
    return undefined;
  }
  try {
    return JSON.parse(text) as Stamp;
  } catch {
    // Only a write that was cut off by a crash of the system leaves half a stamp: treat it as half an environment.
    return { state: "installing", created: true, interpreter: "", version: "", pins: [] };
  }
}

/** Writes the stamp in one step, so that a reader sees the old one or the new one. */
export function writeStamp(venv: string, stamp: Stamp): void {
  const temporary = join(venv, `.${STAMP_FILE}.${process.pid}`);
  writeFileSync(temporary, `${JSON.stringify(stamp, null, 2)}\n`);
  renameSync(temporary, join(venv, STAMP_FILE));
}

/** Identity of the environment's base interpreter without running it; undefined when it has vanished. */
export function interpreterIdentity(venv: string): string | undefined {
  try {
    const path = realpathSync(venvPython(venv));
    const { size, mtimeMs } = statSync(path);
    return `${path} ${size} ${Math.trunc(mtimeMs)}`;
  } catch {
    return undefined;
  }
}

/** Whether the environment is complete for these pins, judged by its stamp alone. */
export function isStampCurrent(venv: string, stamp: Stamp | undefined, pins: readonly Pin[]): boolean {
  if (stamp?.state !== "ready" || stamp.interpreter !== interpreterIdentity(venv)) return false;
  const installed = new Set(stamp.pins);
  return pins.every((pin) => installed.has(pin.key));
}
