/**
 * One conversation between the host and a worker: calls, answers, cancellation, releases.
 *
 * @module
 */
export * from "./failures.ts";
export * from "./host_errors.ts";
export * from "./origins.ts";
export * from "./peer.ts";
