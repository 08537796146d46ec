import process from "node:process";
import { existingDefaultBridge } from "../bridge/mod.ts";

// Whoever presses Ctrl-C does not want to wait for what runs; Python's exit handlers still get their turn.
const SIGNAL_GRACE_MS = 500;

/** Options of {@linkcode runAsScript}. */
export interface RunAsScriptOptions {
  /**
   * How the process ends: `none` leaves it to the runtime, `auto` and `stop` set the exit status and let it end by
   * itself, `halt` ends it at once.
   *
   * @default {"auto"}
   */
  exitMode?: "none" | "auto" | "stop" | "halt";
  /**
   * Whether the default bridge is closed: always, never, or only when it was started while the script ran.
   *
   * @default {"if_started"}
   */
  stopMode?: "if_started" | "never" | "always";
  /**
   * Longest wait for the bridge to close, in milliseconds.
   *
   * @default {5_000}
   */
  cleanupTimeoutMs?: number;
}

/**
 * Runs a script: its result, then the bridge's end, then the process's, also after an error, Ctrl-C or SIGTERM.
 *
 * @param fn The script.
 * @returns What `fn` gives. An error of `fn` is printed and becomes exit status 1, except in exit mode `none`, where
 * it is thrown.
 *
 * @example A script
 * ```ts
 * import { call, runAsScript } from "@snakebridge/snakebridge";
 *
 * await runAsScript(async () => {
 *   console.log(await call("math", "factorial", [20])); // 2432902008176640000n
 * });
 * ```
 */
export async function runAsScript<T>(
  fn: () => T | Promise<T>,
  options: RunAsScriptOptions = {},
): Promise<T | undefined> {
  const { exitMode = "auto", stopMode = "if_started", cleanupTimeoutMs = 5_000 } = options;
  const before = existingDefaultBridge();
  const cleanUp = async (graceMs: number): Promise<void> => {
    const bridge = existingDefaultBridge();
    const started = bridge !== undefined && bridge !== before;
    if (bridge === undefined || stopMode === "never" || (stopMode === "if_started" && !started)) return;
    await bridge.close({ graceMs });
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    // 128 + the signal's number, as shells count.
    const status = signal === "SIGINT" ? 130 : 143;
    void cleanUp(Math.min(cleanupTimeoutMs, SIGNAL_GRACE_MS)).finally(() => process.exit(status));
  };
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  try {
    const result = await fn();
    await cleanUp(cleanupTimeoutMs);
    if (exitMode === "halt") process.exit(process.exitCode ?? 0);
    return result;
  } catch (error) {
    await cleanUp(cleanupTimeoutMs);
    if (exitMode === "none") throw error;
    console.error(error);
    process.exitCode = 1;
    if (exitMode === "halt") process.exit(1);
    return undefined;
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}
