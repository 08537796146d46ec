/**
 * One conversation between the host and a worker: calls, answers, cancellation, releases.
 *
 * @module
 */
export * from "./failures.ts";
export * from "./peer.ts";
