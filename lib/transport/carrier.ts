/** What a carrier tells its user. */
export interface CarrierEvents {
  /** Bytes arrived on the data stream. */
  data(chunk: Uint8Array): void;
  /** Bytes arrived on the control stream. */
  control(chunk: Uint8Array): void;
  /** Nothing will arrive any more. Called once, after the last bytes. */
  closed(): void;
}

/**
 * Two ordered byte streams each way between the host and one worker.
 *
 * A carrier moves bytes and knows nothing of messages; whoever uses it rejects what is pending when `closed` comes.
 */
export interface Carrier {
  /** Hands over the listeners; called once, before anything is sent. */
  listen(events: CarrierEvents): void;
  /** Sends the chunks in order on the data stream. They must not be changed afterwards. */
  send(chunks: readonly Uint8Array[]): void;
  /** Sends the chunks in order on the control stream. */
  sendControl(chunks: readonly Uint8Array[]): void;
  /** Keeps the process alive until {@linkcode Carrier.unref} has been called as often. */
  ref(): void;
  /** Takes back one {@linkcode Carrier.ref}. */
  unref(): void;
  /** Closes both streams at once; bytes not yet sent are lost. */
  close(): void;
}
