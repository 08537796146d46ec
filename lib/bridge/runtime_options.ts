import { ambient, runWithAmbient } from "../session/mod.ts";
import { type CallOptions, checkCallOptions } from "./options.ts";

// While nobody has used it, a call does not even look.
let isUsed = false;

/**
 * Sets options for every call made in `fn`, across awaits: on any bridge, by proxies, references and generated wrappers.
 *
 * It nests, and what the inner one does not say stays as the outer one said. What a call says itself wins. A
 * `timeoutProfile` takes the place of both time limits of the outer one.
 *
 * @param defaults The options; undefined ones count as not given.
 * @throws {TypeError} If there is no option of a given name, or a value has the wrong type.
 *
 * @example One time limit for several calls
 * ```ts
 * import { call, withRuntime } from "@snakebridge/snakebridge";
 *
 * await withRuntime({ timeoutProfile: "ml_inference" }, async () => {
 *   console.log(await call("math", "sqrt", [16])); // 4
 * });
 * ```
 */
export function withRuntime<T>(defaults: CallOptions, fn: () => T): T {
  checkCallOptions(defaults, "Cannot set call options");
  isUsed = true;
  const around = ambient();
  const options = mergeOptions(around?.options as CallOptions | undefined, defaults);
  return runWithAmbient({ bridge: around?.bridge, scope: around?.scope, callback: around?.callback, options }, fn);
}

/** What a call says, with what the flow around it says filled in. Asks the flow, so it must run where the call is made. */
export function withAmbientOptions(options: CallOptions | undefined): CallOptions | undefined {
  return isUsed ? mergeOptions(ambient()?.options as CallOptions | undefined, options) : options;
}

/** Options of a nearer layer over those of a farther one. */
export function mergeOptions(outer: CallOptions | undefined, inner: CallOptions | undefined): CallOptions | undefined {
  if (outer === undefined) return inner;
  if (inner === undefined) return outer;
  const merged: Record<string, unknown> = { ...outer };
  if (inner.timeoutProfile !== undefined) {
    delete merged.timeoutMs;
    delete merged.streamTimeoutMs;
  }
  for (const [name, value] of Object.entries(inner)) if (value !== undefined) merged[name] = value;
  return merged;
}
