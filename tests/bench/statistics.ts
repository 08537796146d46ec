/** The value below which `share` of the sorted values lie; the middle one for 0.5. */
export function quantile(values: Iterable<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** The middle value. */
export function median(values: Iterable<number>): number {
  return quantile(values, 0.5);
}
