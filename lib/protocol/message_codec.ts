import type { Limits } from "./limits.ts";
import { MessageDecoder } from "./message_decoder.ts";
import { MessageEncoder } from "./message_encoder.ts";
import type { RefPort } from "./ref_port.ts";

/**
 * Messages to frames and back (`proto/PROTOCOL.md`, sections 2, 3 and 5). One per conversation; keeps its memory from
 * message to message.
 *
 * @example There and back
 * ```ts
 *
 * const limits = resolveLimits();
 * const codec = new MessageCodec(limits, { encodeRef: () => undefined, decodeRef: () => null });
 * const reader = new FrameReader(limits, (body, buffers) => console.log(codec.decodeMessage(body, buffers)));
 * for (const chunk of codec.encodeFrame([16, 1, "hello"])) reader.push(chunk); // [ 16, 1, "hello" ]
 * ```
 */
export class MessageCodec {
  readonly #encoder: MessageEncoder;
  readonly #decoder: MessageDecoder;

  /** Makes a codec that keeps to `limits` and asks `refs` about remote objects. */
  constructor(limits: Limits, refs: RefPort) {
    this.#encoder = new MessageEncoder(limits, refs);
    this.#decoder = new MessageDecoder(limits, refs);
  }

  /**
   * Encodes one message to a frame: chunks to be written in order. The first chunk is the caller's own; further ones are
   * large buffers of the values themselves, which must not change until they are written.
   *
   * @throws {ValueEncodeError} if a value has no encoding.
   * @throws {LimitExceededError} if the message is beyond a limit, or a value contains itself.
   */
  encodeFrame(message: readonly unknown[]): Uint8Array[] {
    return this.#encoder.encodeFrame(message);
  }

  /**
   * Decodes the body of one frame. Bytes in the body are copied; `buffers` become part of the values.
   *
   * @throws {MessageDecodeError} if it is malformed or beyond a limit; its `callId` says whether only one call is lost.
   */
  decodeMessage(body: Uint8Array, buffers: Uint8Array[]): unknown[] {
    return this.#decoder.decodeMessage(body, buffers);
  }
}
