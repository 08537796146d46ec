/**
 * What we ask of a runtime: its name, its permissions, environment variables, child processes. The only folder that
 * knows Deno from Bun from Node.
 *
 * @module
 */
export * from "./permission.ts";
export * from "./runtime.ts";
export * from "./spawn.ts";
