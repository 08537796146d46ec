/**
 * Holds on Python objects: who owns what, and how it is given back.
 *
 * @module
 */
export * from "./handle.ts";
export * from "./ref_table.ts";
export * from "./function_table.ts";
