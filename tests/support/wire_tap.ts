import { Socket } from "node:net";
import { SocketPairCarrier } from "../../lib/transport/mod.ts";

/** Counts what crosses the wire while it is in place: writes of this process on data, chunks and frames sent. */
export class WireTap implements Disposable {
  /** Frames handed to carriers for the data stream. */
  frames = 0;
  /** Writes to sockets: of data and of control. */
  writes = 0;
  readonly #send = SocketPairCarrier.prototype.send;
  readonly #write = Socket.prototype.write;

  constructor() {
    const send = this.#send;
    const write = this.#write;
    const frame = (): void => void (this.frames += 1);
    const written = (): void => void (this.writes += 1);
    SocketPairCarrier.prototype.send = function (this: SocketPairCarrier, chunks): void {
      frame();
      send.call(this, chunks);
    };
    Socket.prototype.write = function (this: Socket, ...args: unknown[]): boolean {
      written();
      return Reflect.apply(write, this, args);
    };
  }

  [Symbol.dispose](): void {
    SocketPairCarrier.prototype.send = this.#send;
    Socket.prototype.write = this.#write;
  }
}
