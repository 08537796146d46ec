import { type ErrorRecord, hide, inspectKey, recordOf, SnakeBridgeError } from "./base.ts";
import type { NumericError } from "./numeric.ts";
import { redact } from "./redact.ts";

/** One frame of a Python traceback. */
export interface PythonFrame {
  /** File name as Python knows it. */
  readonly file: string;
  /** Line number, from 1. */
  readonly line: number;
  /** Name of the function. */
  readonly function: string;
  /** The source line, where Python could find it. */
  readonly text: string | undefined;
}

/** What a {@linkcode PythonError} is made of. */
export interface PythonErrorInit {
  /** Qualified type, such as `builtins.ValueError`. */
  readonly type: string;
  /** Qualified names of the type and its bases, most derived first, without `object`. */
  readonly mro: readonly string[];
  /** `str(exception)`. */
  readonly message: string;
  /** The traceback as Python prints it. */
  readonly traceback: string;
  /** The frames, outermost first. */
  readonly frames: readonly PythonFrame[];
  /** The exception named by `raise ... from`. */
  readonly cause?: PythonError | undefined;
  /** The exception that was being handled. */
  readonly context?: PythonError | undefined;
  /** Whether `raise ... from` hides the context. */
  readonly suppressContext: boolean;
  /** Texts added by `add_note`. */
  readonly notes: readonly string[];
  /** Attributes that have an encoding, `args` among them. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** What a {@linkcode PythonErrorGroup} is made of. */
export interface PythonErrorGroupInit extends PythonErrorInit {
  /** The members that arrived. */
  readonly errors: readonly PythonError[];
  /** How many members did not, because the group is large or deep. */
  readonly omitted: number;
}

// What Python writes between the exceptions of a chain; those inside a group stand behind a bar.
const LINKS =
  /^(?:The above exception was the direct cause of the following exception|During handling of the above exception, another exception occurred):\n\n/gm;

/** The last exception of a traceback, without those that led to it. */
function lastPart(traceback: string): string {
  let start = 0;
  for (const match of traceback.matchAll(LINKS)) start = match.index + match[0].length;
  return traceback.slice(start);
}

/**
 * An exception raised by Python code.
 *
 * `instanceof` works by Python type with the classes of {@linkcode errors}.
 *
 * @example Catch by Python type
 * ```ts
 * import { call, errors, PythonError } from "@snakebridge/snakebridge";
 *
 * try {
 *   await call("math", "sqrt", [-1]);
 * } catch (error) {
 *   if (error instanceof errors.ValueError) console.log(error.message); // math domain error
 *   if (error instanceof PythonError) console.log(error.type); // builtins.ValueError
 * }
 * ```
 */
export class PythonError extends SnakeBridgeError {
  /** Qualified type, such as `builtins.ValueError`. */
  readonly type: string;
  /** Qualified names of the type and its bases, most derived first. */
  readonly mro: readonly string[];
  /** The traceback as Python prints it. */
  readonly traceback: string;
  /** The frames of the traceback, outermost first. */
  readonly frames: readonly PythonFrame[];
  /** The exception that was being handled when this one was raised. */
  readonly context: PythonError | undefined;
  /** Whether `raise ... from` hides the context. */
  readonly suppressContext: boolean;
  /** Texts added by `add_note`. */
  readonly notes: readonly string[];
  /**
   * Attributes of the exception that have an encoding: `args`, the fields of builtin classes (`errno`, `filename`,
   * `lineno`, `name`, ...), slots, and what its code set on it; at most 32. Attributes that have none, or are larger than
   * 64 KiB, are left out.
   */
  readonly attributes: Readonly<Record<string, unknown>>;
  /**
   * What it means, where it comes from a numeric library and `errorMode` is `translated`; see {@linkcode translateError}.
   */
  readonly translated: NumericError | undefined = undefined;

  /** Makes the error. */
  constructor(init: PythonErrorInit) {
    const cause = init.cause ?? (init.suppressContext ? undefined : init.context);
    super(init.message, {
      code: "python_error",
      category: "python",
      mayHaveRun: true,
      details: { type: init.type },
      cause,
    });
    this.name = init.type.startsWith("builtins.") ? init.type.slice("builtins.".length) : init.type;
    this.type = init.type;
    this.mro = init.mro;
    this.traceback = init.traceback;
    this.frames = init.frames;
    this.context = init.context;
    this.suppressContext = init.suppressContext;
    this.notes = init.notes;
    this.attributes = init.attributes;
    hide(this, ["mro", "traceback", "frames", "context", "suppressContext", "notes", "attributes", "translated"]);
    // The stack of the socket callback helps nobody; Python's own traceback does. What led here is in the stack of `cause`,
    // which runtimes print too.
    const own = cause === undefined ? init.traceback : lastPart(init.traceback);
    this.stack = `${this.name}: ${init.message}${behind(this, own)}`;
  }

  /** The record, with the notes. @ignore */
  override recordAt(depth: number): ErrorRecord {
    return { ...super.recordAt(depth), ...(this.notes.length === 0 ? {} : { notes: this.notes.map(redact) }) };
  }
}

/** What stands behind the head and the TypeScript frames of a stack. */
function behind(error: PythonError, traceback: string): string {
  const texts = [traceback.trimEnd(), ...error.notes.filter((note) => !traceback.includes(note))];
  if (error.translated !== undefined) texts.push(error.translated.message);
  const shown = texts.filter((text) => text !== "").join("\n");
  return shown === "" ? "" : `\n\n${shown}`;
}

/** What `console.log` shows: who called in TypeScript, then the whole chain as Python prints it, once. */
export function showPythonError(error: PythonError): string {
  const { name, message, stack = "", traceback } = error;
  const head = `${name}: ${message}`;
  const rest = stack.startsWith(head) ? stack.slice(head.length) : "";
  const frames = rest.includes("\n\n") ? rest.slice(0, rest.indexOf("\n\n")) : rest;
  return `${head}${frames}${behind(error, traceback)}`;
}

Object.defineProperty(PythonError.prototype, inspectKey, {
  value(this: PythonError): string {
    return showPythonError(this);
  },
});

/** Gives an exception its {@linkcode PythonError.translated}, and its stack the advice. */
export function setTranslated(error: PythonError, translated: NumericError): void {
  if (error.translated !== undefined) return;
  Object.defineProperty(error, "translated", { value: translated, enumerable: false });
  error.stack = `${error.stack}\n${translated.message}`;
}

/**
 * A group of Python exceptions: `ExceptionGroup`, `BaseExceptionGroup`, and what derives from them. Like `AggregateError`
 * it has its members in `errors`; a member may be a group itself.
 *
 * @example Look into a group
 * ```ts
 * import { call, PythonErrorGroup } from "@snakebridge/snakebridge";
 *
 * const code = "raise ExceptionGroup('both', [ValueError('one'), TypeError('two')])";
 * try {
 *   await call("builtins", "exec", [code]);
 * } catch (error) {
 *   if (error instanceof PythonErrorGroup) console.log(error.errors.map(({ name }) => name)); // [ "ValueError", "TypeError" ]
 * }
 * ```
 */
export class PythonErrorGroup extends PythonError {
  /** The members, in their order. */
  readonly errors: readonly PythonError[];
  /** How many members are missing, because the group is large or deep. */
  readonly omitted: number;

  /** Makes the error. */
  constructor(init: PythonErrorGroupInit) {
    super(init);
    this.errors = init.errors;
    this.omitted = init.omitted;
    // The traceback shows the members already.
    hide(this, ["errors", "omitted"]);
  }

  /** The members that are no groups, of this group and of those in it, in their order. */
  leaves(): PythonError[] {
    return this.errors.flatMap((error) => error instanceof PythonErrorGroup ? error.leaves() : [error]);
  }

  /** The record, with the members. @ignore */
  override recordAt(depth: number): ErrorRecord {
    return { ...super.recordAt(depth), errors: this.errors.map((error) => recordOf(error, depth + 1)) };
  }
}

/** Key of a member that exists for the type checker alone; see {@linkcode PythonErrorOf}. */
export declare const pythonType: unique symbol;

/**
 * A Python exception known to be of a type. The name exists for the type checker alone: without it all classes would look
 * the same, and after one failed `instanceof` nothing would be left for the next.
 */
export type PythonErrorOf<Name extends string> =
  & (Name extends "ExceptionGroup" | "BaseExceptionGroup" ? PythonErrorGroup : PythonError)
  & {
    /** @ignore */
    readonly [pythonType]: (name: Name) => Name;
  };

/** Class of Python exceptions; for `instanceof`. */
export interface PythonErrorClass<Name extends string = string> {
  /** Its name, such as `ValueError`. */
  readonly name: string;
  /** What its exceptions look like. */
  readonly prototype: PythonErrorOf<Name>;
  /** Whether `value` is an exception of this type, or of one that derives from it. */
  [Symbol.hasInstance](value: unknown): value is PythonErrorOf<Name>;
}

/** Name of a builtin Python exception. */
export type BuiltinErrorName =
  | "ArithmeticError"
  | "AssertionError"
  | "AttributeError"
  | "BaseException"
  | "BaseExceptionGroup"
  | "BlockingIOError"
  | "BrokenPipeError"
  | "BufferError"
  | "BytesWarning"
  | "ChildProcessError"
  | "ConnectionAbortedError"
  | "ConnectionError"
  | "ConnectionRefusedError"
  | "ConnectionResetError"
  | "DeprecationWarning"
  | "EOFError"
  | "EncodingWarning"
  | "Exception"
  | "ExceptionGroup"
  | "FileExistsError"
  | "FileNotFoundError"
  | "FloatingPointError"
  | "FutureWarning"
  | "GeneratorExit"
  | "ImportError"
  | "ImportWarning"
  | "IndentationError"
  | "IndexError"
  | "InterruptedError"
  | "IsADirectoryError"
  | "KeyError"
  | "KeyboardInterrupt"
  | "LookupError"
  | "MemoryError"
  | "ModuleNotFoundError"
  | "NameError"
  | "NotADirectoryError"
  | "NotImplementedError"
  | "OSError"
  | "OverflowError"
  | "PendingDeprecationWarning"
  | "PermissionError"
  | "ProcessLookupError"
  | "PythonFinalizationError"
  | "RecursionError"
  | "ReferenceError"
  | "ResourceWarning"
  | "RuntimeError"
  | "RuntimeWarning"
  | "StopAsyncIteration"
  | "StopIteration"
  | "SyntaxError"
  | "SyntaxWarning"
  | "SystemError"
  | "SystemExit"
  | "TabError"
  | "TimeoutError"
  | "TypeError"
  | "UnboundLocalError"
  | "UnicodeDecodeError"
  | "UnicodeEncodeError"
  | "UnicodeError"
  | "UnicodeTranslateError"
  | "UnicodeWarning"
  | "UserWarning"
  | "ValueError"
  | "Warning"
  | "ZeroDivisionError";

// All that Python 3.10 to 3.14 have. IOError and EnvironmentError are OSError there, too.
const BUILTIN_NAMES: readonly BuiltinErrorName[] = [
  "ArithmeticError",
  "AssertionError",
  "AttributeError",
  "BaseException",
  "BaseExceptionGroup",
  "BlockingIOError",
  "BrokenPipeError",
  "BufferError",
  "BytesWarning",
  "ChildProcessError",
  "ConnectionAbortedError",
  "ConnectionError",
  "ConnectionRefusedError",
  "ConnectionResetError",
  "DeprecationWarning",
  "EOFError",
  "EncodingWarning",
  "Exception",
  "ExceptionGroup",
  "FileExistsError",
  "FileNotFoundError",
  "FloatingPointError",
  "FutureWarning",
  "GeneratorExit",
  "ImportError",
  "ImportWarning",
  "IndentationError",
  "IndexError",
  "InterruptedError",
  "IsADirectoryError",
  "KeyError",
  "KeyboardInterrupt",
  "LookupError",
  "MemoryError",
  "ModuleNotFoundError",
  "NameError",
  "NotADirectoryError",
  "NotImplementedError",
  "OSError",
  "OverflowError",
  "PendingDeprecationWarning",
  "PermissionError",
  "ProcessLookupError",
  "PythonFinalizationError",
  "RecursionError",
  "ReferenceError",
  "ResourceWarning",
  "RuntimeError",
  "RuntimeWarning",
  "StopAsyncIteration",
  "StopIteration",
  "SyntaxError",
  "SyntaxWarning",
  "SystemError",
  "SystemExit",
  "TabError",
  "TimeoutError",
  "TypeError",
  "UnboundLocalError",
  "UnicodeDecodeError",
  "UnicodeEncodeError",
  "UnicodeError",
  "UnicodeTranslateError",
  "UnicodeWarning",
  "UserWarning",
  "ValueError",
  "Warning",
  "ZeroDivisionError",
];

/** Classes of Python exceptions: the builtin ones by name, all others by {@linkcode PythonErrors.of}. */
export type PythonErrors =
  & { readonly [name in BuiltinErrorName]: PythonErrorClass<name> }
  & {
    /**
     * The class of a Python exception by its qualified name; the same class whenever it is asked for.
     *
     * @param name Such as `sklearn.exceptions.NotFittedError`, the module where the class is defined included; a name
     * without a dot is a builtin. Classes of one name in two modules are two classes.
     * @throws {TypeError} If it is no qualified name.
     */
    of<const Name extends string>(name: Name): PythonErrorClass<Name>;
  };

const classes = new Map<string, PythonErrorClass>();

/**
 * Classes to test Python exceptions with `instanceof`.
 *
 * @example A class that no builtin covers
 * ```ts
 * import { errors } from "@snakebridge/snakebridge";
 *
 * const NotFittedError = errors.of("sklearn.exceptions.NotFittedError");
 * console.log(new Error() instanceof NotFittedError); // false
 * ```
 */
export const errors: PythonErrors = Object.freeze({
  ...Object.fromEntries(BUILTIN_NAMES.map((name) => [name, classOf(name)])),
  of: classOf,
}) as unknown as PythonErrors;

function classOf(name: string): PythonErrorClass {
  // `<locals>` stands in the names of classes that functions make.
  if (typeof name !== "string" || !/^[^\s.]+(\.[^\s.]+)*$/.test(name)) {
    throw new TypeError(
      `Cannot name Python exception: got ${
        typeof name === "string" ? `"${name}"` : typeof name
      }, expected a qualified ` +
        `name such as "sklearn.exceptions.NotFittedError"`,
    );
  }
  const qualified = name.includes(".") ? name : `builtins.${name}`;
  let made = classes.get(qualified);
  if (made === undefined) classes.set(qualified, made = instanceTest(qualified));
  return made;
}

/**
 * A class whose only use is `instanceof`. It tests by name, not by prototype, because Python has multiple
 * inheritance, and because a type may be asked for before its first exception told us its bases.
 */
function instanceTest(qualified: string): PythonErrorClass {
  const made = class extends PythonError {
    static override [Symbol.hasInstance](value: unknown): boolean {
      return value instanceof PythonError && value.mro.includes(qualified);
    }
  };
  Object.defineProperty(made, "name", { value: qualified.slice(qualified.lastIndexOf(".") + 1) });
  return made as unknown as PythonErrorClass;
}
