import { showAsText } from "./inspect.ts";
/** A Python slice; made by {@linkcode slice}. */
export class Slice {
  static {
    showAsText(this);
  }

  /** First index; null for the beginning. */
  readonly start: unknown;
  /** Index after the last; null for the end. */
  readonly stop: unknown;
  /** Step; null for 1. */
  readonly step: unknown;

  /** Makes `start:stop:step`. */
  constructor(start: unknown, stop: unknown, step: unknown = null) {
    this.start = start ?? null;
    this.stop = stop ?? null;
    this.step = step ?? null;
  }

  /** The slice as Python writes it. */
  toString(): string {
    return `slice(${
      [this.start, this.stop, this.step].map((part) => part === null ? "None" : String(part)).join(", ")
    })`;
  }
}

/**
 * Makes a Python slice, with the arguments of Python's own `slice`: `(stop)`, `(start, stop)` or `(start, stop, step)`.
 * A bound may be anything Python takes; for pandas that is often a label.
 *
 * @example Every second item of the first ten
 * ```ts
 * import { slice } from "@snakebridge/snakebridge";
 *
 * console.log(String(slice(0, 10, 2))); // slice(0, 10, 2)
 * console.log(String(slice(5))); // slice(None, 5, None)
 * ```
 */
export function slice(...bounds: [stop: unknown] | [start: unknown, stop: unknown, step?: unknown]): Slice {
  return bounds.length === 1 ? new Slice(null, bounds[0]) : new Slice(bounds[0], bounds[1], bounds[2]);
}

/** The class of {@linkcode Ellipsis}. */
export class EllipsisType {
  static {
    showAsText(this);
  }

  /** As Python writes it. */
  toString(): string {
    return "Ellipsis";
  }
}

/** Python's `...`, for indexing. */
export const Ellipsis: EllipsisType = Object.freeze(new EllipsisType());

/** The type of {@linkcode Ellipsis}, under the name people look for. */
export type Ellipsis = EllipsisType;
