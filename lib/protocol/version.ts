/** The protocol version this package writes (`proto/PROTOCOL.md`, section 4). */
export const PROTOCOL_VERSION = 1;

/** The oldest protocol version this package still understands. */
export const MIN_PROTOCOL_VERSION = 1;
