/**
 * Errors: the base class, and the classes somebody would catch. Imports nothing.
 *
 * @module
 */
export { type ErrorCategory, SnakeBridgeError, type SnakeBridgeErrorInit } from "./base.ts";
export * from "./call.ts";
export * from "./environment.ts";
export * from "./pool.ts";
export * from "./python_error.ts";
export * from "./worker.ts";
