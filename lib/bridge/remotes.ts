import { RefWorkerError } from "../errors/mod.ts";
import { type Behind, behindOf } from "../refs/mod.ts";
import type { Worker } from "../worker/mod.ts";

const PLAIN = Object.prototype;
// Deeper than any message may be (`maxDepth` is at most 1,024): the encoder refuses what lies below.
const DEEPEST = 1_030;

function visitRemotes(value: unknown, visit: (found: Behind) => void): void {
  if (typeof value === "function" || (typeof value === "object" && value !== null)) walk(value, visit, 0, undefined);
}

function walk(value: object, visit: (found: Behind) => void, depth: number, seen: Set<object> | undefined): void {
  const found = behindOf(value);
  if (found !== undefined) return visit(found);
  if (typeof value === "function" || ArrayBuffer.isView(value) || depth > DEEPEST) return;
  let items: Iterable<unknown>;
  if (Array.isArray(value) || value instanceof Set) items = value;
  else if (value instanceof Map) items = [...value.keys(), ...value.values()];
  else {
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== PLAIN && prototype !== null) return;
    items = Object.values(value);
  }
  // Only deep values can be cyclic; shallow ones are not worth the bookkeeping.
  const known = seen ?? (depth >= 8 ? new Set<object>() : undefined);
  if (known !== undefined) {
    if (known.has(value)) return;
    known.add(value);
  }
  for (const item of items) {
    if ((typeof item === "object" && item !== null) || typeof item === "function") walk(item, visit, depth + 1, known);
  }
}

const NONE: readonly Behind[] = [];

/** What stands behind the Python objects in arguments. */
export function remotesOf(
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>> | null,
): readonly Behind[] {
  let found: Behind[] | undefined;
  const visit = (behind: Behind): void => void (found ??= []).push(behind);
  for (const arg of args) visitRemotes(arg, visit);
  if (kwargs !== null) { for (const arg of Object.values(kwargs)) visitRemotes(arg, visit); }
  return found ?? NONE;
}

/**
 * The worker that holds the Python objects, if there are any.
 *
 * @throws {RefWorkerError} If they live in different workers.
 */
export function workerOf(what: string, remotes: readonly Behind[], start?: Worker): Worker | undefined {
  let worker = start;
  for (const { handle } of remotes) {
    // What cannot be used is refused by name when the call is written; here only places matter.
    if (handle === undefined || handle.table.ended !== undefined) continue;
    const owner = handle.table.owner as Worker;
    if (worker !== undefined && worker !== owner) throw new RefWorkerError(what);
    worker = owner;
  }
  return worker;
}
