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
  /** Makes the handle of a remote object that arrived. */
  decodeRef(id: number, type: string, repr: string | null, traits: number): unknown;
}
