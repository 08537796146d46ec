import { SnakeBridgeError } from "./base.ts";

/** No Python interpreter was found, or the one named does not exist. */
export class PythonNotFoundError extends SnakeBridgeError {
  /** Where the search looked, in order. */
  readonly searched: readonly string[];

  /** Makes the error; `message` names the command that mends it. */
  constructor(message: string, searched: readonly string[], cause?: unknown) {
    super(message, { code: "python_not_found", category: "environment", details: { searched }, cause });
    this.searched = searched;
  }
}

/** The interpreter is older than this package supports. */
export class PythonVersionError extends SnakeBridgeError {
  /** The version found, such as `3.9.18`. */
  readonly found: string;
  /** The oldest version supported, such as `3.10`. */
  readonly wanted: string;

  /** Makes the error; `message` names the command that mends it. */
  constructor(message: string, found: string, wanted: string) {
    super(message, { code: "python_version", category: "environment", details: { found, wanted } });
    this.found = found;
    this.wanted = wanted;
  }
}

/** The runtime refused something because a permission flag is missing. */
export class PermissionRequiredError extends SnakeBridgeError {
  /** The exact flag that grants it, such as `--allow-run=python3`. */
  readonly flag: string;

  /** Makes the error; `message` names the flag. */
  constructor(message: string, flag: string, cause?: unknown) {
    super(message, { code: "permission_required", category: "environment", details: { flag }, cause });
    this.flag = flag;
  }
}
