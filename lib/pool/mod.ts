/**
 * Workers, and the line of calls before them.
 *
 * @module
 */
export * from "./pool.ts";
