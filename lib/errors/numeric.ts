// What exceptions of numeric libraries mean, as data. translate.ts reads them out of the messages.
import { inspectKey, SnakeBridgeError } from "./base.ts";
import { type PythonError, showPythonError } from "./python_error.ts";

/** Sizes by dimension; null where the message leaves a size open. */
export type KnownShape = readonly (number | null)[];

/** What every {@linkcode NumericError} is made of. */
export interface NumericErrorInit {
  /** The exception that was read; it becomes `cause`. */
  readonly cause: PythonError;
  /** What was computed, such as `matmul`, where the message says so. */
  readonly operation?: string | undefined;
}

/**
 * A Python exception of numpy, pandas, scikit-learn, PyTorch, JAX or TensorFlow, read into what went wrong: shapes, data
 * types, devices or memory. `cause` is the {@linkcode PythonError} as it came. See {@linkcode translateError}.
 */
export abstract class NumericError extends SnakeBridgeError {
  /** What was computed, such as `matmul`, where the message says so. */
  readonly operation: string | undefined;
  /** What to do. */
  readonly guidance: string;
  /** The exception as it came. */
  declare readonly cause: PythonError;

  /** Used by subclasses. */
  constructor(
    message: string,
    guidance: string,
    code: string,
    { cause, operation }: NumericErrorInit,
    details: Record<string, unknown>,
  ) {
    super(`${message}; ${guidance}`, {
      code,
      category: "python",
      mayHaveRun: true,
      details: { ...details, operation, type: cause.type },
      cause,
    });
    this.operation = operation;
    this.guidance = guidance;
    Object.defineProperty(this, "guidance", { enumerable: false });
    // The frames of the socket callback help nobody.
    this.stack = `${this.name}: ${this.message}`;
  }
}

Object.defineProperty(NumericError.prototype, inspectKey, {
  value(this: NumericError): string {
    return `${this.stack}\n\nCaused by ${showPythonError(this.cause)}`;
  },
});

/** Arrays do not fit together, or not into what they were given to. */
export class ShapeMismatchError extends NumericError {
  /**
   * The shape that would have fitted. Where the message tells of one dimension alone, it holds the size of that one, and
   * {@linkcode ShapeMismatchError.dimension} says which.
   */
  readonly expected: KnownShape;
  /** The shape that was found, told in the same way. */
  readonly actual: KnownShape;
  /** The dimension that does not fit, from 0, where the message says so. */
  readonly dimension: number | undefined;
  /** All shapes that the message names, in its order. */
  readonly shapes: readonly KnownShape[];

  /** Makes the error. */
  constructor(
    init: NumericErrorInit & {
      readonly expected: KnownShape;
      readonly actual: KnownShape;
      readonly dimension?: number | undefined;
      readonly shapes?: readonly KnownShape[] | undefined;
    },
  ) {
    const { expected, actual, dimension, operation } = init;
    const shapes = init.shapes ?? [expected, actual];
    super(
      `Cannot run ${operation ?? "operation"}: ${dimension === undefined ? "shape" : `dimension ${dimension}`} is ` +
        `${showShape(actual)}, expected ${showShape(expected)}`,
      adviceOn(init, shapes),
      "shape_mismatch",
      init,
      { expected, actual, dimension, shapes },
    );
    this.expected = expected;
    this.actual = actual;
    this.dimension = dimension;
    this.shapes = shapes;
  }
}

function showShape(shape: KnownShape): string {
  const sizes = shape.map((size) => size ?? "any");
  return sizes.length === 1 ? `(${sizes[0]},)` : `(${sizes.join(", ")})`;
}

function adviceOn(
  { operation, expected, actual }: { operation?: string | undefined; expected: KnownShape; actual: KnownShape },
  shapes: readonly KnownShape[],
): string {
  const [first, second] = shapes;
  const isProduct = operation === "matmul" || operation === "dot";
  if (isProduct && first?.length === 2 && second?.length === 2 && first[1] === second[1]) {
    return "transpose the second operand: its columns match the columns of the first";
  }
  if (isProduct) return "the last dimension of the first operand must equal the first one of the second";
  if (operation === "reshape") {
    return "the sizes of the new shape must multiply to the number of elements; -1 fills one in";
  }
  if (operation === "broadcast") {
    return "sizes are matched from the last one on and must be equal or 1; add axes with reshape";
  }
  if (expected.length !== actual.length) return `give it ${expected.length} dimension(s), with reshape`;
  return "check the shapes of the arguments";
}

/** There is not enough memory, on the host or on an accelerator. */
export class OutOfMemoryError extends NumericError {
  /** Where: `cpu`, `cuda:0`, `mps`, ...; undefined where the message does not say. */
  readonly device: string | undefined;
  /** How much was asked for, in bytes, as exactly as the message says. */
  readonly requestedBytes: number | undefined;
  /** How much was free, in bytes. */
  readonly availableBytes: number | undefined;
  /** How much there is, in bytes. */
  readonly totalBytes: number | undefined;

  /** Makes the error. */
  constructor(
    init: NumericErrorInit & {
      readonly device?: string | undefined;
      readonly requestedBytes?: number | undefined;
      readonly availableBytes?: number | undefined;
      readonly totalBytes?: number | undefined;
    },
  ) {
    const { device, requestedBytes, availableBytes, totalBytes } = init;
    const where = device === undefined ? "" : ` on ${device}`;
    const wanted = requestedBytes === undefined ? "memory" : `${showBytes(requestedBytes)}`;
    const free = availableBytes === undefined ? "" : `, ${showBytes(availableBytes)} are free`;
    const total = totalBytes === undefined ? "" : ` of ${showBytes(totalBytes)}`;
    super(
      `Cannot allocate ${wanted}${where}${free}${free === "" ? "" : total}`,
      device === undefined || device === "cpu"
        ? "work on smaller parts, use a smaller data type, or release references that are no longer needed"
        : "use smaller batches or a smaller data type, or release references to what lies on the device",
      "out_of_memory",
      init,
      { device, requestedBytes, availableBytes, totalBytes },
    );
    this.device = device;
    this.requestedBytes = requestedBytes;
    this.availableBytes = availableBytes;
    this.totalBytes = totalBytes;
  }
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

function showBytes(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** power).toFixed(2))} ${UNITS[power]}`;
}

/** Data types do not fit together, or would lose something. */
export class DtypeMismatchError extends NumericError {
  /** The type that would have fitted, in numpy's spelling, such as `float32`. */
  readonly expected: string;
  /** The type that was found. */
  readonly actual: string;

  /** Makes the error. */
  constructor(init: NumericErrorInit & { readonly expected: string; readonly actual: string }) {
    const { operation, expected, actual } = init;
    super(
      `Cannot run ${operation ?? "operation"}: data type is ${actual}, expected ${expected}`,
      expected === actual
        ? `it has no meaning for ${actual}: convert the operands with astype() first`
        : `convert explicitly: astype("${expected}") in numpy and pandas, to(torch.${expected}) in PyTorch`,
      "dtype_mismatch",
      init,
      { expected, actual },
    );
    this.expected = expected;
    this.actual = actual;
  }
}

/** Tensors of one operation lie on different devices. */
export class DeviceMismatchError extends NumericError {
  /** Where it should have been, such as `cuda:0`. */
  readonly expected: string;
  /** Where it was. */
  readonly actual: string;

  /** Makes the error. */
  constructor(init: NumericErrorInit & { readonly expected: string; readonly actual: string }) {
    const { operation, expected, actual } = init;
    super(
      `Cannot run ${operation ?? "operation"}: tensor is on ${actual}, expected on ${expected}`,
      `move it with to("${expected}"), the model and its inputs to the same device`,
      "device_mismatch",
      init,
      { expected, actual },
    );
    this.expected = expected;
    this.actual = actual;
  }
}
