/**
 * A value of a kind that this version does not know. It is kept as it came and goes back as the same bytes, so that a
 * newer worker's values survive a trip through an older host.
 */
export class OpaqueValue {
  /** The extension code (MessagePack) or the tag (tagged JSON). */
  readonly tag: number | string;
  /** The payload: bytes (MessagePack) or the whole tagged object (tagged JSON). */
  readonly payload: Uint8Array | Readonly<Record<string, unknown>>;

  /** Wraps a payload; codecs make these. */
  constructor(tag: number | string, payload: Uint8Array | Readonly<Record<string, unknown>>) {
    this.tag = tag;
    this.payload = payload;
  }
}
