/**
 * Errors: the base class, and the classes somebody would catch. Imports nothing.
 *
 * @module
 */
export { type ErrorCategory, type ErrorRecord, SnakeBridgeError, type SnakeBridgeErrorInit } from "./base.ts";
export * from "./call.ts";
export * from "./environment.ts";
export {
  DeviceMismatchError,
  DtypeMismatchError,
  type KnownShape,
  NumericError,
  type NumericErrorInit,
  OutOfMemoryError,
  ShapeMismatchError,
} from "./numeric.ts";
export * from "./pool.ts";
export {
  type BuiltinErrorName,
  errors,
  PythonError,
  type PythonErrorClass,
  PythonErrorGroup,
  type PythonErrorGroupInit,
  type PythonErrorInit,
  type PythonErrorOf,
  type PythonErrors,
  type PythonFrame,
  type pythonType,
} from "./python_error.ts";
export { redact, redactData } from "./redact.ts";
export { type ErrorMode, inErrorMode, translateError } from "./translate.ts";
export * from "./worker.ts";
