import type { Row } from "./measure.ts";

/** What one runtime measured inside its own process. */
export interface HalfReport {
  /** Version of the Python it ran. */
  readonly python: string;
  /** Codec library of the worker and of the raw limit. */
  readonly codec: string;
  /** Lines of the table. */
  readonly rows: Row[];
  /** Every sample, by measure and name. */
  readonly samples: Record<string, Readonly<Record<string, readonly number[]>>>;
}

/** What is written to disk. */
export interface BenchReport {
  /** When it began, as ISO 8601. */
  readonly date: string;
  /** Whether fewer and shorter rounds were run than the targets are meant for. */
  readonly quick: boolean;
  /** How many cores the processes were pinned to; null when the system chose. */
  readonly pinnedCores: number | null;
  /** Rounds that counted. */
  readonly rounds: number;
  /** Where it ran. */
  readonly machine: { readonly cpu: string; readonly cores: number; readonly platform: string };
  /** By runtime. */
  readonly runtimes: Record<string, HalfReport>;
}

/** Draws the table of one runtime. */
export function drawTable(title: string, rows: readonly Row[]): string {
  const lines = [
    ["", "raw", "bridge", "unit", "ratio", "target", ""],
    ...rows.map(({ name, unit, raw, bridge, ratio, target, ok }) => [
      name,
      raw === null ? "" : show(raw),
      show(bridge),
      unit,
      ratio === null ? "" : ratio.toFixed(2),
      target ?? "",
      ok === null ? "" : ok ? "ok" : "miss",
    ]),
  ];
  const left = [0, 3, 5, 6];
  const widths = [0, 1, 2, 3, 4, 5, 6].map((column) => Math.max(...lines.map((line) => line[column]!.length)));
  const draw = (line: readonly string[]): string =>
    line.map((cell, column) => left.includes(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))
      .join("  ").trimEnd();
  return [title, ...lines.map(draw)].join("\n");
}

function show(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}
