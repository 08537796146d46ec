// Section 6 of proto/PROTOCOL.md.

/** How big one message may be. */
export interface Limits {
  /**
   * Bytes of one frame: body and buffers together.
   *
   * @default {1_073_741_824}
   */
  readonly maxFrameBytes: number;
  /**
   * Containers inside containers, counted on the wire: the message itself is 1, the arguments of a call are 2.
   * At most 1,024, because codecs of both languages use the stack.
   *
   * @default {512}
   */
  readonly maxDepth: number;
  /**
   * Values in one message, containers included; keys of plain objects do not count.
   *
   * @default {10_000_000}
   */
  readonly maxElements: number;
}

/** Limits as a user gives them; what is left out has its default. */
export type LimitOptions = Partial<Limits>;

/** Half of what V8 takes before its own stack, and not our limit, would decide. */
const DEEPEST = 1024;

/**
 * Fills in defaults.
 *
 * @throws {RangeError} if a limit is not a positive integer, or `maxDepth` is above 1,024.
 *
 * @example Refuse frames above one mebibyte
 * ```ts
 *
 * console.log(resolveLimits({ maxFrameBytes: 1_048_576 }).maxDepth); // 512
 * ```
 */
export function resolveLimits(options: LimitOptions = {}): Limits {
  const { maxFrameBytes = 1_073_741_824, maxDepth = 512, maxElements = 10_000_000 } = options;
  for (const [name, value] of Object.entries({ maxFrameBytes, maxDepth, maxElements })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`Cannot use limits: ${name} is ${value}, expected a positive integer`);
    }
  }
  if (maxDepth > DEEPEST) {
    throw new RangeError(`Cannot use limits: maxDepth is ${maxDepth}, expected at most ${DEEPEST}`);
  }
  return { maxFrameBytes, maxDepth, maxElements };
}
