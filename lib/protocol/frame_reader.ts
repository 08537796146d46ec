import { ProtocolError } from "../errors/mod.ts";
import { MAX_BUFFERS } from "./extension.ts";
import type { Limits } from "./limits.ts";
import { limitError } from "./protocol_errors.ts";

/** What the reader is in the middle of. */
type Stage =
  | { readonly kind: "head" } // the two counts, or the lengths after them
  | { readonly kind: "body"; readonly lengths: readonly number[] }
  | { readonly kind: "buffers"; readonly lengths: readonly number[]; readonly body: Uint8Array }
  | { readonly kind: "failed"; readonly error: Error };

const HEAD: Stage = { kind: "head" };
const HEAD_BYTES = 8;

/**
 * Cuts a byte stream into frames (`proto/PROTOCOL.md`, section 2).
 *
 * A frame without buffers that lies in one chunk is handed on without a copy. Everything else is filled into memory of
 * its own, which is made when its first byte is expected and after the limits were checked.
 */
export class FrameReader {
  readonly #limits: Limits;
  readonly #onFrame: (body: Uint8Array, buffers: Uint8Array[]) => void;
  #stage: Stage = HEAD;
  /** The part that is being filled; undefined between frames. */
  #part: Uint8Array | undefined;
  #filled = 0;
  #buffers: Uint8Array[] = [];

  /**
   * Makes a reader. `onFrame` gets the body, which is valid only during the call, and buffers that are the receiver's
   * own. It must not throw.
   */
  constructor(limits: Limits, onFrame: (body: Uint8Array, buffers: Uint8Array[]) => void) {
    this.#limits = limits;
    this.#onFrame = onFrame;
  }

  /** Whether the stream may end here: no frame is half read. */
  get atBoundary(): boolean {
    return this.#stage === HEAD && this.#part === undefined;
  }

  /**
   * Takes the next bytes and calls `onFrame` for each frame that is complete.
   *
   * @throws {LimitExceededError} if a frame is beyond the limits. The reader takes nothing more afterwards.
   * @throws {ProtocolError} if a frame has too many buffers.
   */
  push(chunk: Uint8Array): void {
    if (this.#stage.kind === "failed") throw this.#stage.error;
    let at = 0;
    while (at < chunk.length) {
      if (this.#part === undefined) {
        const next = this.#whole(chunk, at);
        if (next > at) {
          at = next;
          continue;
        }
        this.#part = new Uint8Array(HEAD_BYTES);
        this.#filled = 0;
      }
      at = this.#fill(chunk, at);
    }
  }

  /** Hands on a frame that is complete in the chunk; gives where it ends, or `at` if there is none. */
  #whole(chunk: Uint8Array, at: number): number {
    const body = at + HEAD_BYTES;
    if (body > chunk.length) return at;
    const bodyLength = uint32(chunk, at);
    const end = body + bodyLength;
    if (end > chunk.length || uint32(chunk, at + 4) !== 0) return at;
    this.#check(bodyLength);
    this.#onFrame(chunk.subarray(body, end), []);
    return end;
  }

  /** Copies what the current part still needs; gives where it stopped. */
  #fill(chunk: Uint8Array, at: number): number {
    let part = this.#part!;
    const count = Math.min(part.length - this.#filled, chunk.length - at);
    part.set(count === chunk.length ? chunk : chunk.subarray(at, at + count), this.#filled);
    this.#filled += count;
    // Parts without bytes are complete at once, so one piece of input may finish several.
    while (this.#filled === part.length) {
      const next = this.#advance(part);
      this.#part = next;
      this.#filled = next !== undefined && this.#stage === HEAD ? HEAD_BYTES : 0;
      if (next === undefined) break;
      part = next;
    }
    return at + count;
  }

  /** Takes a complete part and makes the next one; undefined when the frame is complete. */
  #advance(part: Uint8Array): Uint8Array | undefined {
    switch (this.#stage.kind) {
      case "head": {
        const bodyLength = uint32(part, 0);
        const count = uint32(part, 4);
        this.#check(bodyLength);
        if (count > MAX_BUFFERS) {
          throw this.#fail(
            new ProtocolError(`Cannot read frame: it has ${count} buffers, at most ${MAX_BUFFERS} are allowed`),
          );
        }
        const headBytes = HEAD_BYTES + 8 * count;
        if (part.length < headBytes) {
          const head = new Uint8Array(headBytes);
          head.set(part);
          return head;
        }
        const lengths = this.#lengths(part, count);
        this.#check(lengths.reduce((sum, length) => sum + length, bodyLength));
        this.#buffers = [];
        this.#stage = { kind: "body", lengths };
        return new Uint8Array(bodyLength);
      }
      case "body":
        this.#stage = { kind: "buffers", lengths: this.#stage.lengths, body: part };
        break;
      case "buffers":
        this.#buffers.push(part);
        break;
      case "failed":
        throw this.#stage.error;
    }
    const { lengths, body } = this.#stage;
    const next = lengths[this.#buffers.length];
    if (next !== undefined) return new Uint8Array(next);
    this.#stage = HEAD;
    this.#part = undefined;
    this.#onFrame(body, this.#buffers);
    return undefined;
  }

  #lengths(head: Uint8Array, count: number): number[] {
    const lengths: number[] = [];
    for (let i = 0; i < count; i++) {
      const at = HEAD_BYTES + 8 * i;
      // Above 2^53 the sum is no longer exact, but it is far beyond any limit.
      lengths.push(uint32(head, at) + uint32(head, at + 4) * 0x1_0000_0000);
    }
    return lengths;
  }

  #check(frameBytes: number): void {
    const { maxFrameBytes } = this.#limits;
    if (frameBytes > maxFrameBytes) {
      throw this.#fail(limitError("decode", "maxFrameBytes", frameBytes, maxFrameBytes));
    }
  }

  #fail(error: Error): Error {
    this.#stage = { kind: "failed", error };
    this.#part = undefined;
    this.#buffers = [];
    return error;
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24) >>> 0;
}
