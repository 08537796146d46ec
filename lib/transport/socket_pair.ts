import type { Child } from "../host/mod.ts";
import type { Carrier, CarrierEvents } from "./carrier.ts";
import { StreamWriter } from "./stream_writer.ts";

/** The carrier over the socket pairs that a child inherited (proto/PROTOCOL.md 1.1). */
export class SocketPairCarrier implements Carrier {
  readonly #child: Child;
  readonly #data: StreamWriter;
  readonly #control: StreamWriter;
  #closed = false;

  /** Makes the carrier for a child that has started. */
  constructor(child: Child) {
    this.#child = child;
    this.#data = new StreamWriter(child.data);
    this.#control = new StreamWriter(child.control);
  }

  /** @inheritdoc */
  listen(events: CarrierEvents): void {
    const closed = (): void => {
      if (this.#closed) return;
      this.#closed = true;
      this.#data.close();
      this.#control.close();
      events.closed();
    };
    // Only the data stream's end counts: what the worker sent before it died must be read first.
    this.#child.data.on("data", (chunk: Uint8Array) => events.data(chunk));
    this.#child.data.once("end", closed);
    this.#child.data.once("close", closed);
    this.#child.control.on("data", (chunk: Uint8Array) => events.control(chunk));
    // A listener resumes the stream, and that takes it back into the loop of Bun.
    this.#child.data.unref();
    this.#child.control.unref();
  }

  /** @inheritdoc */
  send(chunks: readonly Uint8Array[]): void {
    this.#data.write(chunks);
  }

  /** @inheritdoc */
  sendControl(chunks: readonly Uint8Array[]): void {
    this.#control.write(chunks);
  }

  /** @inheritdoc */
  ref(): void {
    this.#child.ref();
  }

  /** @inheritdoc */
  unref(): void {
    this.#child.unref();
  }

  /** @inheritdoc */
  close(): void {
    this.#data.close();
    this.#control.close();
    this.#child.data.destroy();
    this.#child.control.destroy();
  }
}
