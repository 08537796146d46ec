/**
 * Waiting: promises, time, lines. Imports nothing.
 *
 * @module
 */
export * from "./clock.ts";
export * from "./deadlines.ts";
export * from "./deferred.ts";
export * from "./linked_queue.ts";
