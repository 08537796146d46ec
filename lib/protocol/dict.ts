/**
 * Makes a `Map`, which Python sees as a `dict`, whatever its keys.
 *
 * A plain object is a `dict`, too, with text for keys. This says so in the code, keeps the order of keys such as `"1"`,
 * and takes pairs whose keys are numbers, tuples or whatever else Python can hash.
 *
 * @param entries Keys and values: pairs, a `Map`, or a plain object.
 *
 * @example Keys that are no text
 * ```ts
 * import { call, dict, tuple } from "@snakebridge/snakebridge";
 *
 * console.log(await call("builtins", "repr", [dict([[tuple(0, 1), "a"], [2, "b"]])])); // {(0, 1): 'a', 2: 'b'}
 * ```
 */
export function dict<P extends readonly [unknown, unknown]>(entries: Iterable<P>): Map<P[0], P[1]>;
/** Makes a `Map` of the properties of a plain object. */
export function dict<V>(entries: { readonly [key: string]: V }): Map<string, V>;
/** Makes an empty `Map`. */
export function dict(): Map<unknown, unknown>;
export function dict(entries: Iterable<readonly [unknown, unknown]> | object = []): Map<unknown, unknown> {
  if (typeof entries !== "object" || entries === null) {
    throw new TypeError(`Cannot make a dict: got ${String(entries)}, expected pairs or an object`);
  }
  if (!(Symbol.iterator in entries)) return new Map(Object.entries(entries));
  const pairs: (readonly [unknown, unknown])[] = [];
  for (const pair of entries as Iterable<unknown>) {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new TypeError(`Cannot make a dict: item ${pairs.length} is ${String(pair)}, expected a pair [key, value]`);
    }
    pairs.push(pair as [unknown, unknown]);
  }
  return new Map(pairs);
}
