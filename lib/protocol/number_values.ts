import { showAsText } from "./inspect.ts";
/**
 * A Python complex number.
 *
 * @example The imaginary unit
 * ```ts
 * import { Complex } from "@snakebridge/snakebridge";
 *
 * console.log(String(new Complex(0, 1))); // (0+1j)
 * ```
 */
export class Complex {
  static {
    showAsText(this);
  }

  /** Real part. */
  readonly re: number;
  /** Imaginary part. */
  readonly im: number;

  /** Makes `re + im j`. */
  constructor(re: number, im = 0) {
    this.re = re;
    this.im = im;
  }

  /** The number as Python writes it, such as `(1-2j)`. */
  toString(): string {
    const part = (n: number) => Object.is(n, -0) ? "-0" : Number.isFinite(n) ? String(n) : numberName(n);
    const im = part(this.im);
    return `(${part(this.re)}${im.startsWith("-") ? "" : "+"}${im}j)`;
  }
}

/** How Python spells a float that is not finite. */
function numberName(n: number): string {
  return Number.isNaN(n) ? "nan" : n > 0 ? "inf" : "-inf";
}

const DECIMAL = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|s?nan\d*)$/i;

/** Whether `decimal.Decimal` accepts the text. */
export function isDecimalText(text: string): boolean {
  return DECIMAL.test(text);
}

/**
 * A Python `decimal.Decimal`, kept as exact text.
 *
 * @example Money
 * ```ts
 * import { Decimal } from "@snakebridge/snakebridge";
 *
 * console.log(new Decimal("19.90").value); // 19.90
 * ```
 */
export class Decimal {
  static {
    showAsText(this);
  }

  /** The number as text, with its trailing zeros. */
  readonly value: string;

  /**
   * Makes a decimal of text, or of the shortest text of a number.
   *
   * @throws {SyntaxError} if Python would not read the text as a number.
   */
  constructor(value: string | number | bigint) {
    const text = String(value);
    if (!isDecimalText(text)) {
      throw new SyntaxError(`Cannot make Decimal: ${JSON.stringify(text)} is not a decimal number`);
    }
    this.value = text;
  }

  /** The text. */
  toString(): string {
    return this.value;
  }

  /** The nearest double. */
  toNumber(): number {
    const special = /^([+-]?)(?:inf|s?nan)/i.exec(this.value);
    if (special === null) return Number(this.value);
    return /nan/i.test(this.value) ? NaN : special[1] === "-" ? -Infinity : Infinity;
  }

  /** The text, as it would stand in JSON. */
  toJSON(): string {
    return this.value;
  }
}

/** A number that is sent as a Python float even when it is integral; made by {@linkcode float}. */
export class PyFloat {
  static {
    showAsText(this);
  }

  /** The number. */
  readonly value: number;

  /** Wraps a number. */
  constructor(value: number) {
    this.value = value;
  }

  /** The number. */
  valueOf(): number {
    return this.value;
  }

  /** The number as Python writes it, such as `1.0`. */
  toString(): string {
    return floatText(this.value);
  }
}

/**
 * Marks a number to be sent as a Python float: `1` is sent as int, `float(1)` as `1.0`.
 *
 * @example A function that insists on floats
 * ```ts
 * import { float } from "@snakebridge/snakebridge";
 *
 * console.log(String(float(1))); // 1.0
 * ```
 */
export function float(value: number): PyFloat {
  return new PyFloat(Number(value));
}

/** A float as text that Python reads back as the same float: `1.0`, `1e+21`, `-0.0`, `nan`. */
export function floatText(value: number): string {
  if (!Number.isFinite(value)) return numberName(value);
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
