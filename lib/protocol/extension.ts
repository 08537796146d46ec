// Section 5.2 of proto/PROTOCOL.md.

/** Extension codes of MessagePack. */
export const Extension = {
  int: 1,
  float: 2,
  tuple: 3,
  set: 4,
  frozenset: 5,
  dict: 6,
  complex: 7,
  datetime: 8,
  date: 9,
  time: 10,
  timedelta: 11,
  decimal: 12,
  buffer: 13,
  ndarray: 14,
  ref: 15,
  callback: 16,
  slice: 17,
  ellipsis: 18,
  arrow: 19,
} as const;

/** Bytes from here on travel beside the message, not in it. */
export const OUT_OF_BAND_BYTES = 4096;

/** Most buffers of one frame. */
export const MAX_BUFFERS = 65_536;

/** Whether a key would change its place in a plain object, or is no ordinary key at all. */
export function isAwkwardKey(key: string): boolean {
  const first = key.charCodeAt(0);
  if (first === 95) return key === "__proto__";
  if (!(first >= 48 && first <= 57) || key.length > 10) return false;
  // Array indices: canonical decimals below 2^32 - 1.
  const index = Number(key);
  return Number.isInteger(index) && index < 4_294_967_295 && String(index) === key;
}
