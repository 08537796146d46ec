/**
 * One Python process and the conversation with it.
 *
 * @module
 */
export * from "./job.ts";
export * from "./options.ts";
export * from "./worker.ts";
export * from "./defaults.ts";
