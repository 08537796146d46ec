/**
 * Carriers: how bytes travel between the host and a worker.
 *
 * @module
 */
export * from "./carrier.ts";
export * from "./socket_pair.ts";
export * from "./stream_writer.ts";
