/**
 * Python environments: which interpreter to use, what it has, and the project's own virtual environment.
 *
 * @example Find an interpreter and say which
 * ```ts
 * const python = await findPython();
 * console.log(python.executable, python.version, python.source);
 * ```
 *
 * @module
 */
export * from "./errors.ts";
export * from "./find.ts";
export * from "./hints.ts";
export * from "./inspect.ts";
export { type SetupEvent, type SetupListener } from "./install.ts";
export * from "./markers.ts";
export * from "./setup.ts";
export * from "./version.ts";
