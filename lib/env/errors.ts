import { SnakeBridgeError } from "../errors/mod.ts";

/** The project's Python environment could not be made. */
export class SetupError extends SnakeBridgeError {
  /** Makes the error; `message` names the command that mends it, `output` is what the failed tool said last. */
  constructor(message: string, output?: string, cause?: unknown) {
    super(output === undefined || output === "" ? message : `${message}\n\n${output}`, {
      code: "setup_failed",
      category: "environment",
      details: { output: output ?? "" },
      cause,
    });
  }
}
