import type { PythonError } from "../errors/mod.ts";

/** Where a Python exception came from. */
export interface Origin {
  /** The references of the conversation; identity only. */
  readonly refs: object;
  /** Id of the call that raised it. */
  readonly call: number;
}

const origin: unique symbol = Symbol("snakebridge.origin");

/** Notes which call raised an exception, so that the worker can be asked for the exception itself. */
export function setOrigin(error: PythonError, refs: object, call: number): void {
  Object.defineProperty(error, origin, { value: { refs, call } satisfies Origin, enumerable: false });
}

/** Which call raised an exception. */
export function originOf(error: PythonError): Origin | undefined {
  return (error as PythonError & { readonly [origin]?: Origin })[origin];
}
