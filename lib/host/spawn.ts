import { Buffer } from "node:buffer";
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { fstatSync } from "node:fs";
import { Socket } from "node:net";
import process from "node:process";
import { asPermissionError } from "./permission.ts";
import { runtimeName } from "./runtime.ts";

/** Where the output of a worker goes. */
export type OutputMode = "inherit" | "ignore" | ((chunk: Uint8Array) => void);

/** What to start. */
export interface SpawnOptions {
  /** Program to run: a path, or a name to find on `PATH`. */
  readonly executable: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Its working directory; that of this process when not given. */
  readonly cwd?: string | undefined;
  /** Where its standard output goes. */
  readonly stdout: OutputMode;
  /** Where its standard error goes; its last part is kept in any case. */
  readonly stderr: OutputMode;
}

/** How a child ended. */
export interface ChildExit {
  /** Exit status, or null when a signal ended it. */
  readonly exitCode: number | null;
  /** Name of the signal that ended it, or null. */
  readonly signal: string | null;
  /** Why it could not be started, when that is how it ended. */
  readonly error: Error | undefined;
}

/**
 * Whether writes to the standard output that a child would inherit can fail because its reader is slow. Bun makes it
 * non-blocking; the worker opens pipes and terminals anew for that, but a socket cannot be opened.
 */
function hasBusyOutput(): boolean {
  if (runtimeName() !== "bun") return false;
  try {
    return fstatSync(1).isSocket();
  } catch {
    return false;
  }
}

const STDERR_TAIL_BYTES = 8192;
const LAST_WORDS_MS = 100;

/**
 * A child process with three socket pairs: descriptors 3 (data), 4 (control) and 5 (lifeline).
 *
 * Nothing of it keeps this process alive until {@linkcode Child.ref} is called.
 */
export class Child {
  /** The stream on descriptor 3. */
  readonly data: Socket;
  /** The stream on descriptor 4. */
  readonly control: Socket;
  /** Settles once the child has ended; never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly #outputEnded: Promise<unknown>;
  readonly #process: ChildProcess;
  #tail: Uint8Array[] = [];
  #tailBytes = 0;
  #exit: ChildExit | undefined;
  #refs = 0;

  private constructor(child: ChildProcess, sockets: readonly Socket[], options: SpawnOptions) {
    this.#process = child;
    this.data = sockets[0] as Socket;
    this.control = sockets[1] as Socket;
    this.exited = new Promise((resolve) => {
      const end = (exit: ChildExit): void => {
        this.#exit ??= exit;
        resolve(this.#exit);
      };
      child.once("exit", (exitCode, signal) => end({ exitCode, signal, error: undefined }));
      child.once("error", (error) => end({ exitCode: null, signal: null, error }));
    });
    for (const socket of sockets) {
      // A peer that dies in the middle of a write gives EPIPE or ECONNRESET; the end of the stream tells all we need.
      socket.on("error", () => {});
      socket.unref();
    }
    this.#forward(child.stdout as Socket | null, options.stdout, process.stdout, false);
    this.#forward(child.stderr as Socket | null, options.stderr, process.stderr, true);
    this.#outputEnded = Promise.all([child.stdout, child.stderr].map((stream) =>
      new Promise<unknown>((resolve) => {
        if (stream === null || stream === undefined) return resolve(undefined);
        stream.once("end", resolve);
        stream.once("close", resolve);
      })
    ));
    // Deno throws when there is no process to let go of.
    if (child.pid !== undefined) child.unref();
  }

  /**
   * Starts a program.
   *
   * @throws {PermissionRequiredError} If Deno refuses at once; a refusal may also arrive as `exited` with `error`.
   */
  static start(options: SpawnOptions): Child {
    const stdio: StdioOptions = [
      "ignore",
      typeof options.stdout === "function" || (options.stdout === "inherit" && hasBusyOutput())
        ? "pipe"
        : options.stdout,
      "pipe",
      "pipe",
      "pipe",
      "pipe",
    ];
    let child: ChildProcess;
    try {
      child = spawn(options.executable, [...options.args], {
        stdio,
        env: { ...options.env },
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        windowsHide: true,
      });
    } catch (error) {
      throw asPermissionError(error, "start Python") ?? error;
    }
    // Absent when the program could not be started; the reason then arrives as an event.
    const sockets = (child.stdio as readonly unknown[]).slice(3).filter((socket) => socket instanceof Socket);
    return new Child(child, sockets.length === 3 ? sockets : [], options);
  }

  /** Whether the streams exist; false when the program could not be started, which `exited` explains. */
  get started(): boolean {
    return this.data !== undefined && this.control !== undefined;
  }

  /** Process id; undefined when it never started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** How it ended; undefined while it runs. */
  get exit(): ChildExit | undefined {
    return this.#exit;
  }

  /** The last part of what it wrote to standard error. */
  get stderrTail(): string {
    return Buffer.concat(this.#tail).subarray(-STDERR_TAIL_BYTES).toString("utf8");
  }

  /** Keeps this process alive until {@linkcode Child.unref} has been called as often. */
  ref(): void {
    this.#refs += 1;
    if (this.#refs === 1) this.data.ref();
  }

  /** Takes back one {@linkcode Child.ref}. */
  unref(): void {
    this.#refs -= 1;
    if (this.#refs === 0) this.data.unref();
  }

  /** Waits for the end, and a moment for its last words; keeps this process alive meanwhile. */
  async waitExit(): Promise<ChildExit> {
    this.#process.ref();
    try {
      const exit = await this.exited;
      // A grandchild may hold the streams open for ever.
      let timer: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([
        this.#outputEnded,
        new Promise((resolve) => timer = setTimeout(resolve, LAST_WORDS_MS)),
      ]);
      clearTimeout(timer);
      return exit;
    } finally {
      this.#process.unref();
    }
  }

  /** Sends a signal; harmless when the child has ended. */
  kill(signal: "SIGTERM" | "SIGKILL"): void {
    if (this.#exit !== undefined) return;
    try {
      this.#process.kill(signal);
    } catch {
      // It ended between the look and the signal.
    }
  }

  #forward(
    stream: Socket | null,
    mode: OutputMode,
    own: { write(chunk: Uint8Array): boolean; once(event: "drain", listener: () => void): unknown },
    keepTail: boolean,
  ): void {
    if (stream === null || stream === undefined) return;
    stream.on("error", () => {});
    stream.on("data", (chunk: Uint8Array) => {
      if (keepTail) this.#remember(chunk);
      if (typeof mode === "function") mode(chunk);
      else if (mode === "inherit" && !own.write(chunk)) {
        // Our own output is stuck: let Python wait, as it would on a terminal, instead of growing without bound.
        stream.pause();
        own.once("drain", () => stream.resume());
      }
    });
    stream.unref?.();
  }

  #remember(chunk: Uint8Array): void {
    this.#tail.push(chunk.length > STDERR_TAIL_BYTES ? chunk.slice(-STDERR_TAIL_BYTES) : chunk);
    this.#tailBytes += chunk.length;
    if (this.#tail.length > 64 || this.#tailBytes > 4 * STDERR_TAIL_BYTES) {
      const kept = Buffer.concat(this.#tail).subarray(-STDERR_TAIL_BYTES);
      this.#tail = [kept];
      this.#tailBytes = kept.length;
    }
  }
}
