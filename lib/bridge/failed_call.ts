import { type ErrorMode, inErrorMode, SnakeBridgeError } from "../errors/mod.ts";
import type { Worker } from "../worker/mod.ts";
import type { Core } from "./core.ts";
import type { CallOptions } from "./options.ts";

const MODES: readonly ErrorMode[] = ["raw", "translated", "raise_translated"];

/** Checks an error mode; `doing` says for what it was given. */
export function checkErrorMode(mode: ErrorMode, doing: string): ErrorMode {
  if (MODES.includes(mode)) return mode;
  throw new TypeError(
    `Cannot ${doing}: errorMode is "${String(mode)}", expected "raw", "translated" or "raise_translated"`,
  );
}

/** The error mode of a call, checked. */
export function errorModeOf(core: Core, options: CallOptions | undefined): ErrorMode {
  const mode = options?.errorMode;
  return mode === undefined ? core.errorMode : checkErrorMode(mode, "call");
}

let neverSent = 0;

/**
 * What a failed call rejects with: its error, in the words asked for, with the name of the call. Nothing of it costs a call
 * that succeeds anything.
 *
 * @param worker Where the call ran, when it was sent.
 * @param id Its number there.
 */
export function failedCall(error: unknown, mode: ErrorMode, worker: Worker | undefined, id: number): unknown {
  const told = inErrorMode(error, mode);
  if (!(told instanceof SnakeBridgeError)) return told;
  const origin = error as SnakeBridgeError;
  // Others may fail with the same error: it keeps the name of the first.
  const correlationId = told.correlationId ?? origin.correlationId ??
    (worker === undefined || id === 0 ? `host-${++neverSent}` : `${worker.pid ?? "worker"}-${id}`);
  name(told, correlationId);
  name(origin, correlationId);
  return told;
}

function name(error: SnakeBridgeError, correlationId: string): void {
  (error as { correlationId: string | undefined }).correlationId ??= correlationId;
}
