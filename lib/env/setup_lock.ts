import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

const HEARTBEAT_MS = 1_000;
// Long enough that a machine under load is not taken for a dead process.
const STALE_MS = 30_000;
const POLL_MS = 100;
const SETTLE_MS = 20;

/** Holds a lock file until disposed. */
export interface HeldLock {
  /** Lets the next one in. */
  [Symbol.dispose](): void;
}

/**
 * Takes a lock file, waiting while a living process holds it. A lock whose process is gone, or that was not touched for
 * half a minute (its process id may belong to someone else by now), is taken over.
 *
 * @param file Path of the lock file; its folder is made.
 * @param onWait Called once when there is somebody to wait for, with their process id.
 */
export async function holdLock(file: string, onWait: (pid: number) => void): Promise<HeldLock> {
  mkdirSync(dirname(file), { recursive: true });
  const mine = `${process.pid} ${crypto.randomUUID()}\n`;
  let waited = false;
  while (true) {
    if (tryCreate(file, mine)) {
      // Another one that judged our predecessor stale a moment ago may still move our file away: see that it stayed.
      await sleep(SETTLE_MS);
      if (readHolder(file)?.text === mine) break;
      continue;
    }
    const holder = readHolder(file);
    if (holder === undefined) continue;
    if (isStale(holder)) {
      takeAway(file, holder.text);
      continue;
    }
    if (!waited) onWait(holder.pid);
    waited = true;
    await sleep(POLL_MS);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(file, now, now);
    } catch {
      // Somebody removed it by hand; there is nothing left to keep fresh.
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    [Symbol.dispose](): void {
      clearInterval(heartbeat);
      if (readHolder(file)?.text === mine) rmSync(file, { force: true });
    },
  };
}

interface Holder {
  readonly text: string;
  readonly pid: number;
  readonly touchedMs: number;
}

function tryCreate(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "EEXIST") return false;
    throw error;
  }
}

function readHolder(file: string): Holder | undefined {
  try {
    const text = readFileSync(file, "utf8");
    return { text, pid: Number.parseInt(text, 10), touchedMs: statSync(file).mtimeMs };
  } catch {
    return undefined;
  }
}

function isStale(holder: Holder): boolean {
  const ageMs = Date.now() - holder.touchedMs;
  // A holder creates the file and writes it in two steps of the system; an empty one is given time.
  if (Number.isNaN(holder.pid)) return ageMs > POLL_MS * 10;
  return ageMs > STALE_MS || !isAlive(holder.pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

/** Removes a stale lock; of several that try, only the one whose rename met the stale text goes on with it. */
function takeAway(file: string, stale: string): void {
  const aside = `${file}.${crypto.randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  if (readHolder(aside)?.text !== stale) {
    // A faster one had already replaced it with a living lock: put that back.
    renameSync(aside, file);
    return;
  }
  rmSync(aside, { force: true });
}
