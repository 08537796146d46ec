import { hide, SnakeBridgeError } from "./base.ts";

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
  /** Attributes of the exception that have an encoding, `args` among them. */
  readonly attributes: Readonly<Record<string, unknown>>;

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
    hide(this, ["mro", "traceback", "frames", "context", "suppressContext", "notes", "attributes"]);
    // The stack of the socket callback helps nobody; Python's own traceback does.
    const python = [init.traceback.trimEnd(), ...init.notes.filter((note) => !init.traceback.includes(note))]
      .filter((text) => text !== "").join("\n");
    this.stack = `${this.name}: ${init.message}${python === "" ? "" : `\n\n${python}`}`;
  }
}

/** Key of a member that exists for the type checker alone; see {@linkcode PythonErrorOf}. */
export declare const pythonType: unique symbol;

/**
 * A Python exception known to be of a type. The name exists for the type checker alone: without it all classes would look
 * the same, and after one failed `instanceof` nothing would be left for the next.
 */
export type PythonErrorOf<Name extends string> = PythonError & {
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
  | "ChildProcessError"
  | "ConnectionAbortedError"
  | "ConnectionError"
  | "ConnectionRefusedError"
  | "ConnectionResetError"
  | "EOFError"
  | "Exception"
  | "ExceptionGroup"
  | "FileExistsError"
  | "FileNotFoundError"
  | "FloatingPointError"
  | "GeneratorExit"
  | "ImportError"
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
  | "PermissionError"
  | "ProcessLookupError"
  | "RecursionError"
  | "ReferenceError"
  | "RuntimeError"
  | "StopAsyncIteration"
  | "StopIteration"
  | "SyntaxError"
  | "SystemError"
  | "SystemExit"
  | "TimeoutError"
  | "TypeError"
  | "UnicodeDecodeError"
  | "UnicodeEncodeError"
  | "UnicodeError"
  | "ValueError"
  | "Warning"
  | "ZeroDivisionError";

const BUILTIN_NAMES: readonly BuiltinErrorName[] = [
  "ArithmeticError",
  "AssertionError",
  "AttributeError",
  "BaseException",
  "BaseExceptionGroup",
  "BlockingIOError",
  "BrokenPipeError",
  "BufferError",
  "ChildProcessError",
  "ConnectionAbortedError",
  "ConnectionError",
  "ConnectionRefusedError",
  "ConnectionResetError",
  "EOFError",
  "Exception",
  "ExceptionGroup",
  "FileExistsError",
  "FileNotFoundError",
  "FloatingPointError",
  "GeneratorExit",
  "ImportError",
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
  "PermissionError",
  "ProcessLookupError",
  "RecursionError",
  "ReferenceError",
  "RuntimeError",
  "StopAsyncIteration",
  "StopIteration",
  "SyntaxError",
  "SystemError",
  "SystemExit",
  "TimeoutError",
  "TypeError",
  "UnicodeDecodeError",
  "UnicodeEncodeError",
  "UnicodeError",
  "ValueError",
  "Warning",
  "ZeroDivisionError",
];

/** Classes of Python exceptions: the builtin ones by name, all others by {@linkcode PythonErrors.of}. */
export type PythonErrors =
  & { readonly [name in BuiltinErrorName]: PythonErrorClass<name> }
  & {
    /**
     * The class of a Python exception by its qualified name.
     *
     * @param name Such as `sklearn.exceptions.NotFittedError`; a name without a dot is a builtin.
     */
    of<const Name extends string>(name: Name): PythonErrorClass<Name>;
  };

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
  ...Object.fromEntries(BUILTIN_NAMES.map((name) => [name, instanceTest(`builtins.${name}`)])),
  of: (name: string): PythonErrorClass => instanceTest(name.includes(".") ? name : `builtins.${name}`),
}) as unknown as PythonErrors;

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
