import type { Handle } from "../refs/mod.ts";

/** Keys under which Deno, Bun and Node look for how to print an object. */
export const INSPECT_KEYS: readonly symbol[] = [
  Symbol.for("nodejs.util.inspect.custom"),
  Symbol.for("Deno.customInspect"),
  Symbol.for("Deno.privateCustomInspect"),
];

/** What `console.log` shows of a Python object: its representation, as far as it is known here. */
export function showHandle(handle: Handle | undefined, pendingWhat: string): string {
  if (handle === undefined) return `<pending ${pendingWhat}>`;
  const { info, released } = handle;
  const type = info?.type ?? "object";
  if (released) return `<released ${type}>`;
  return info?.repr ?? `<${type} reference ${handle.id}>`;
}
