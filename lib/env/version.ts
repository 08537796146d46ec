/** The oldest Python this package runs on. */
export const MIN_PYTHON_VERSION = "3.10";

/** The newest Python that setup looks for by name, such as `python3.14`. */
export const NEWEST_PYTHON_MINOR = 14;

/**
 * Compares two dotted versions number by number; missing numbers count as 0 and anything after the numbers
 * (`rc1`, `+local`) is left out.
 *
 * @returns Less than 0, 0 or more than 0, as a sort function wants it.
 *
 * @example Compare
 * ```ts
 * compareVersions("3.9.18", "3.10"); // less than 0
 * ```
 */
export function compareVersions(left: string, right: string): number {
  const numbers = (version: string): number[] => (/^\d+(?:\.\d+)*/.exec(version)?.[0] ?? "0").split(".").map(Number);
  const [a, b] = [numbers(left), numbers(right)];
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether the package runs on this version of Python. */
export function isSupportedPython(version: string): boolean {
  return compareVersions(version, MIN_PYTHON_VERSION) >= 0;
}
