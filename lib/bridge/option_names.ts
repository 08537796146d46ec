/**
 * Refuses options that nobody knows: a misspelt one would be ignored in silence.
 *
 * @param what Start of the message, such as `Cannot call`.
 * @param known Object whose keys are the names.
 * @throws {TypeError} That names the nearest one.
 */
export function checkNames(what: string, options: object, known: Readonly<Record<string, true>>): void {
  for (const name in options) {
    if (!Object.hasOwn(known, name)) {
      throw new TypeError(
        `${what}: there is no option "${name}", the nearest is "${nearest(name, Object.keys(known))}"`,
      );
    }
  }
}

/** The name among `names` that takes the fewest edits to become `wanted`; names that begin alike go first. */
export function nearest(wanted: string, names: readonly string[]): string {
  const lower = wanted.toLowerCase();
  const cost = (name: string): number => {
    const other = name.toLowerCase();
    const isStart = lower.length > 1 && (other.startsWith(lower) || lower.startsWith(other));
    return distance(lower, other) - (isStart ? Math.max(lower.length, other.length) : 0);
  };
  return [...names].sort((a, b) => cost(a) - cost(b))[0] ?? "";
}

/** How many letters must be put in, taken out or changed to make one text of the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
