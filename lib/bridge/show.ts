import type { Handle } from "../refs/mod.ts";

/** Keys under which Deno, Bun and Node look for how to print an object. */
export const INSPECT_KEYS: readonly symbol[] = [
  Symbol.for("nodejs.util.inspect.custom"),
  Symbol.for("Deno.customInspect"),
  Symbol.for("Deno.privateCustomInspect"),
];

/** Makes consoles show instances of a class by `show`. On the prototype: objects are made by the thousand. */
export function showWith<T extends object>(type: { readonly prototype: T }, show: (object: T) => string): void {
  for (const key of INSPECT_KEYS) {
    Object.defineProperty(type.prototype, key, {
      value(this: T): string {
        return show(this);
      },
    });
  }
}

/** What `console.log` shows of a Python object: its representation, as far as it is known here. */
export function showHandle(handle: Handle | undefined, pendingWhat: string): string {
  if (handle === undefined) return `<pending ${pendingWhat}>`;
  const { info, released, fate, table, scope } = handle;
  const type = info?.type ?? "object";
  if (released) return `<released ${type}>`;
  if (fate !== undefined) return `<${fate} ${type}>`;
  if (table.ended !== undefined) return `<lost ${type}: ${table.ended}>`;
  if (scope?.released !== false) return `<released ${type}: session "${handle.session}" has ended>`;
  return info?.repr ?? `<${type} reference ${handle.id}>`;
}
