import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { asPermissionError, childEnvironment } from "../host/mod.ts";

/** How a child process ended and what it said. */
export interface CommandResult {
  /** Exit status; -1 when a signal ended it. */
  readonly code: number;
  /** All of its standard output. */
  readonly stdout: string;
  /** The last lines of both outputs, for error messages. */
  readonly tail: string;
}

/** Options for {@linkcode runCommand}. */
export interface RunCommandOptions {
  /** Gets every line of both outputs as it comes. */
  readonly onLine?: (line: string) => void;
  /**
   * Longest running time, in milliseconds; the child is killed then.
   *
   * @default {Infinity}
   */
  readonly timeoutMs?: number;
}

const TAIL_LINES = 20;

/**
 * Runs a program without a shell and waits for its end. The child's standard input stays open and silent, so that a
 * guarded child (see {@linkcode guarded}) notices when we die.
 *
 * @throws {PermissionRequiredError} When Deno may not run it.
 * @throws {Error} With the system's `code` (`ENOENT`, ...) when the program cannot be started.
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: RunCommandOptions = {},
): Promise<CommandResult> {
  const { onLine, timeoutMs = Infinity } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      // Deno wants every variable granted when `env` is left out, so it is always passed.
      env: childEnvironment(),
      stdio: ["pipe", "pipe", "pipe"],
      windowsHide: true,
    });
    const tail: string[] = [];
    let stdout = "";
    const take = (line: string): void => {
      if (line.trim() !== "") tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
      onLine?.(line);
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => stdout += text);
    createInterface({ input: child.stdout }).on("line", take);
    createInterface({ input: child.stderr }).on("line", take);
    // The child may end before it reads; a broken pipe is no failure of ours.
    child.stdin.on("error", () => {});
    const stop = (): void => {
      child.kill("SIGKILL");
    };
    const timer = timeoutMs === Infinity ? undefined : setTimeout(stop, timeoutMs);
    process.once("exit", stop);
    const settle = (): void => {
      clearTimeout(timer);
      process.off("exit", stop);
    };
    child.once("error", (error) => {
      settle();
      reject(asPermissionError(error, `run ${command}`) ?? error);
    });
    child.once("close", (code) => {
      settle();
      child.stdin.destroy();
      resolve({ code: code ?? -1, stdout, tail: tail.join("\n") });
    });
  });
}

/**
 * Wraps a command in a few lines of Python that kill it as soon as our process is gone. Without it an installer whose
 * host was killed would go on writing into a folder that the next setup is about to replace.
 */
export function guarded(command: string, args: readonly string[]): string[] {
  const guard = [
    "import os, subprocess, sys, threading",
    "child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)",
    "def watch():",
    "    while os.read(0, 1): pass",
    "    child.kill()",
    "    os._exit(1)",
    "threading.Thread(target=watch, daemon=True).start()",
    "sys.exit(child.wait())",
  ].join("\n");
  return ["-I", "-c", guard, command, ...args];
}
