/** A function of this process on the wire (proto/PROTOCOL.md 5.6). */
export interface FunctionRecord {
  /** Its number in the conversation. */
  readonly number: number;
  /** Its name, for Python's `__name__`. */
  readonly name: string;
  /** 1 where Python sees a coroutine function, else 0. */
  readonly flags: number;
  /** Session it belongs to. */
  readonly session: string;
}

/**
 * What codecs need from the keeper of remote objects; satisfied above this folder.
 *
 * `encodeRef` is asked about functions and about objects that are neither arrays nor plain: a proxy's target must be
 * a function or an instance of a class.
 */
export interface RefPort {
  /**
   * The id of a remote object on this conversation, or undefined if the value is no remote object at all.
   *
   * @throws if it is one, but cannot be used here.
   */
  encodeRef(value: object): number | undefined;
  /**
   * What a function of this process is sent as.
   *
   * @throws if it cannot be called by Python.
   */
  encodeFunction?(value: (...args: never[]) => unknown): FunctionRecord;
  /** The function of this process that was sent under `number`; undefined where Python may not call it any more. */
  decodeFunction?(number: number): unknown;
  /** Makes the handle of a remote object that arrived. */
  decodeRef(id: number, type: string, repr: string | null, traits: number): unknown;
}
