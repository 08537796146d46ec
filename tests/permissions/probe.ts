/**
 * Calls Python on the lazy default bridge and on a started one and prints how both went, as one line of JSON. Takes the
 * options of the started bridge as JSON; `permissions_test.ts` runs it with different flags.
 *
 * @module
 */
import process from "node:process";
import { call, PermissionRequiredError, setDefaultBridge, SnakeBridge } from "../../mod.ts";
import type { Outcome } from "./outcome.ts";

const options = JSON.parse(process.argv[2] ?? "{}");

async function outcome(run: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await run() };
  } catch (error) {
    if (error instanceof PermissionRequiredError) return { flag: error.flag, message: error.message };
    return { message: String(error) };
  }
}

const lazy = await outcome(async () => {
  if (Object.keys(options).length > 0) setDefaultBridge(SnakeBridge.lazy(options));
  return await call("math", "sqrt", [16]);
});
const started = await outcome(async () => {
  await using bridge = await SnakeBridge.start({ size: 1, ...options });
  return await bridge.call("math", "sqrt", [16]);
});
console.log(JSON.stringify({ lazy, started }));
