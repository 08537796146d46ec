// The host's half of the raw limit: what one runtime can do over a socket pair with a bare codec library, without
// promises, queues, time limits or references. `raw_echo.py` is the other half.
import { Decoder, Encoder } from "@msgpack/msgpack";
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { join } from "node:path";
import process from "node:process";

const SLICE_BYTES = 1 << 20;
const SLAB_BYTES = 65_536;
const HEAD_BYTES = 4;
const ECHO = 0, ITEMS = 1, BYTES_IN = 2, BYTES_OUT = 3;

/** A Python process that echoes. */
export class RawEcho {
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #encoder = new Encoder();
  readonly #decoder = new Decoder();
  readonly #slab = new Uint8Array(SLAB_BYTES);
  readonly #view = new DataView(this.#slab.buffer);
  #slabUsed = 0;
  #lastId = 0;
  /** A frame that came in several chunks. */
  #frame: Uint8Array | undefined;
  #filled = 0;
  #sink: ((chunk: Uint8Array) => void) | undefined;
  #onReply: (value: unknown) => void = () => {};
  #fail: (error: Error) => void = () => {};

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#socket = child.stdio[3] as Socket;
    this.#socket.on("data", (chunk: Uint8Array) => this.#sink === undefined ? this.#read(chunk) : this.#sink(chunk));
    this.#socket.on("close", () => this.#fail(new Error("The raw echo has ended before it answered")));
  }

  /**
   * Starts it.
   *
   * @param python Interpreter.
   * @param codec Name of the codec library that the worker uses.
   * @param replies Whether the replies to what was read at once are written at once.
   */
  static start(python: string, codec: string, replies: "together" | "apart"): RawEcho {
    const script = join(import.meta.dirname ?? ".", "raw_echo.py");
    const stdio = ["ignore", "inherit", "inherit", "pipe"] as const;
    return new RawEcho(spawn(python, [script, codec, replies], { stdio: [...stdio], env: { ...process.env } }));
  }

  /** Process id. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Round trips one after the other; gives the time of each, in milliseconds. */
  sequential(value: unknown, count: number): Promise<Float64Array> {
    const times = new Float64Array(count);
    return this.#run((resolve) => {
      let done = 0;
      let begun = performance.now();
      this.#onReply = () => {
        const now = performance.now();
        times[done++] = now - begun;
        if (done === count) return resolve(times);
        begun = performance.now();
        this.#queue(ECHO, [value]);
      };
      this.#queue(ECHO, [value]);
    });
  }

  /** Round trips, so many at a time; gives how many were made per second. */
  concurrent(value: unknown, depth: number, count: number): Promise<number> {
    return this.#run((resolve) => {
      const begun = performance.now();
      let sent = Math.min(depth, count);
      let done = 0;
      this.#onReply = () => {
        done += 1;
        if (done === count) resolve(count / (performance.now() - begun) * 1000);
        else if (sent < count) {
          sent += 1;
          this.#queue(ECHO, [value]);
        }
      };
      for (let i = 0; i < sent; i++) this.#queue(ECHO, [value]);
    });
  }

  /** Takes ints in batches; gives how many came per second. */
  iterate(count: number, batch: number): Promise<number> {
    return this.#run((resolve) => {
      const begun = performance.now();
      let seen = 0;
      this.#onReply = (value) => {
        for (const item of value as number[]) if (item === seen) seen += 1;
        if (seen === count) resolve(count / (performance.now() - begun) * 1000);
        else this.#queue(ITEMS, [0, batch]);
      };
      this.#queue(ITEMS, [count, batch]);
    });
  }

  /** Sends bytes to Python, in slices and waiting for room; gives bytes per second. */
  send(bytes: Uint8Array): Promise<number> {
    return this.#run((resolve) => {
      const begun = performance.now();
      this.#onReply = () => resolve(bytes.length / (performance.now() - begun) * 1000);
      this.#queue(BYTES_IN, [bytes.length]);
      this.#flush();
      let at = 0;
      const write = (): void => {
        while (at < bytes.length) {
          const slice = bytes.subarray(at, at + SLICE_BYTES);
          at += slice.length;
          if (!this.#socket.write(slice)) {
            this.#socket.once("drain", write);
            return;
          }
        }
      };
      write();
    });
  }

  /** Reads as many bytes as `into` holds from Python; gives bytes per second. */
  receive(into: Uint8Array): Promise<number> {
    return this.#run((resolve) => {
      const begun = performance.now();
      let filled = 0;
      this.#sink = (chunk) => {
        into.set(chunk, filled);
        filled += chunk.length;
        if (filled < into.length) return;
        this.#sink = undefined;
        resolve(into.length / (performance.now() - begun) * 1000);
      };
      this.#queue(BYTES_OUT, [into.length]);
    });
  }

  /** Ends it. */
  close(): void {
    this.#fail = () => {};
    this.#socket.destroy();
    this.#child.kill("SIGKILL");
  }

  #run<T>(begin: (resolve: (value: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      begin(resolve);
      this.#flush();
    });
  }

  /** Encodes a request of the shape of a call; it leaves with the next flush. */
  #queue(kind: number, args: readonly unknown[]): void {
    this.#lastId += 1;
    const body = this.#encoder.encodeSharedRef([1, 1, this.#lastId, "default", kind, "math", "sqrt", args, null, 0]);
    const bytes = HEAD_BYTES + body.length;
    if (this.#slabUsed + bytes > SLAB_BYTES) this.#flush();
    if (bytes > SLAB_BYTES) {
      const frame = new Uint8Array(bytes);
      new DataView(frame.buffer).setUint32(0, body.length, true);
      frame.set(body, HEAD_BYTES);
      this.#socket.write(frame);
      return;
    }
    this.#view.setUint32(this.#slabUsed, body.length, true);
    this.#slab.set(body, this.#slabUsed + HEAD_BYTES);
    this.#slabUsed += bytes;
  }

  #flush(): void {
    if (this.#slabUsed === 0) return;
    // A copy, because the socket may keep it for a while.
    this.#socket.write(this.#slab.slice(0, this.#slabUsed));
    this.#slabUsed = 0;
  }

  #read(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#frame !== undefined) at = this.#fill(this.#frame, chunk, at);
      else if (chunk.length - at < HEAD_BYTES) at = this.#begin(HEAD_BYTES, chunk, at);
      else {
        const end = at + HEAD_BYTES + lengthAt(chunk, at);
        if (end > chunk.length) at = this.#begin(end - at, chunk, at);
        else {
          this.#reply(chunk.subarray(at + HEAD_BYTES, end));
          at = end;
        }
      }
    }
    this.#flush();
  }

  #begin(bytes: number, chunk: Uint8Array, at: number): number {
    this.#frame = new Uint8Array(bytes);
    this.#filled = 0;
    return this.#fill(this.#frame, chunk, at);
  }

  #fill(frame: Uint8Array, chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + frame.length - this.#filled);
    frame.set(chunk.subarray(at, end), this.#filled);
    this.#filled += end - at;
    if (this.#filled < frame.length) return end;
    const bytes = HEAD_BYTES + lengthAt(frame, 0);
    if (frame.length === bytes) {
      this.#frame = undefined;
      this.#reply(frame.subarray(HEAD_BYTES));
    } else {
      // Only the length was there.
      this.#frame = new Uint8Array(bytes);
      this.#frame.set(frame);
    }
    return end;
  }

  #reply(body: Uint8Array): void {
    this.#onReply((this.#decoder.decode(body) as unknown[])[2]);
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24) >>> 0;
}
