/**
 * The command line: `main` for a whole command line, the parts of it for tools that show the same progress.
 *
 * @module
 */
export * from "./main.ts";
export * from "./progress.ts";
