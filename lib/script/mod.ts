/**
 * Scripts: run, clean up, end.
 *
 * @module
 */
export * from "./run_as_script.ts";
