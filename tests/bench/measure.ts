import { median } from "./statistics.ts";

/** One line of the table. */
export interface Row {
  /** What was measured. */
  readonly name: string;
  /** Unit of `raw` and `bridge`. */
  readonly unit: string;
  /** The raw limit; null where there is none. */
  readonly raw: number | null;
  /** What SnakeBridge did. */
  readonly bridge: number;
  /** `bridge` by what it is compared with: the raw limit, unless the name says something else. */
  readonly ratio: number | null;
  /** What must be reached, in words; null for a number that is only watched. */
  readonly target: string | null;
  /** Whether it was reached. */
  readonly ok: boolean | null;
}

/** A number by name, such as `raw p50`. */
export type Sample = Readonly<Record<string, number>>;

/** Something to measure, in rounds. */
export interface Measure {
  /** Its name on the command line. */
  readonly name: string;
  /** What one round consists of; raw and bridge take turns, so that noise hits both. */
  readonly sides: readonly (() => Promise<Sample>)[];
  /** Makes the lines of the table out of the medians of all rounds. */
  rows(median: (name: string) => number): Row[];
}

/** What {@linkcode runMeasure} gives. */
export interface Measured {
  /** Lines of the table. */
  readonly rows: Row[];
  /** Every sample taken, by name. */
  readonly samples: Readonly<Record<string, readonly number[]>>;
}

/** Runs all rounds of a measure; the first one only warms up and does not count. */
export async function runMeasure(measure: Measure, rounds: number): Promise<Measured> {
  const samples: Record<string, number[]> = {};
  for (let round = 0; round <= rounds; round++) {
    // Whoever goes second finds warmer caches: they take turns at that, too.
    const sides = round % 2 === 0 ? measure.sides : [...measure.sides].reverse();
    for (const side of sides) {
      const sample = await side();
      if (round === 0) continue;
      for (const [name, value] of Object.entries(sample)) (samples[name] ??= []).push(value);
    }
  }
  const rows = measure.rows((name) => median(samples[name] ?? []));
  return { rows, samples };
}

/** A line whose ratio must not be more than `limit`; `by` is what `bridge` is divided by. */
export function atMost(
  name: string,
  unit: string,
  raw: number | null,
  bridge: number,
  by: number,
  limit?: number,
): Row {
  const ratio = bridge / by;
  const target = limit === undefined ? null : `<= ${limit}x`;
  return { name, unit, raw, bridge, ratio, target, ok: limit === undefined ? null : ratio <= limit };
}

/** A line whose share of the raw limit must be at least `limit`. */
export function atLeast(name: string, unit: string, raw: number, bridge: number, limit?: number): Row {
  const ratio = bridge / raw;
  const target = limit === undefined ? null : `>= ${limit}x`;
  return { name, unit, raw, bridge, ratio, target, ok: limit === undefined ? null : ratio >= limit };
}
