/**
 * Sessions: who owns references, and which worker calls stay with.
 *
 * @module
 */
export * from "./session.ts";
