/**
 * A Python tuple: an `Array` that is sent as `tuple`, not as `list`.
 *
 * Methods that make a new array (`map`, `slice`, ...) give a plain `Array`.
 *
 * @example Pass a shape
 * ```ts
 * import { Tuple } from "@snakebridge/snakebridge";
 *
 * const shape = new Tuple([2, 3]);
 * console.log(shape.length, Array.isArray(shape)); // 2 true
 * ```
 */
export class Tuple<T = unknown> extends Array<T> {
  /** Makes a tuple of the items; `new Tuple([3])` has one item, unlike `new Array(3)`. */
  constructor(items: Iterable<T> = []) {
    super();
    for (const item of items) this.push(item);
  }

  /** Derived arrays are plain ones: they call the constructor with a length. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** Makes a tuple of the arguments. */
  static override of<T>(...items: T[]): Tuple<T> {
    return new Tuple(items);
  }
}

/** A {@linkcode Tuple} whose places have types of their own. */
export type TupleOf<T extends readonly unknown[]> = Tuple<T[number]> & T;

/**
 * Makes a {@linkcode Tuple} of the arguments and keeps the type of each.
 *
 * @example A pair
 * ```ts
 * import { tuple } from "@snakebridge/snakebridge";
 *
 * const [name, age] = tuple("Ada", 36);
 * console.log(name.length + age); // 39
 * ```
 */
export function tuple<T extends unknown[]>(...items: T): TupleOf<T> {
  return new Tuple(items) as unknown as TupleOf<T>;
}

/**
 * A Python frozenset: a `Set` that cannot be changed.
 *
 * @example Membership
 * ```ts
 * import { FrozenSet } from "@snakebridge/snakebridge";
 *
 * console.log(new FrozenSet(["a", "b"]).has("a")); // true
 * ```
 */
export class FrozenSet<T = unknown> extends Set<T> {
  /** Makes a frozenset of the items. */
  constructor(items: Iterable<T> = []) {
    super();
    for (const item of items) super.add(item);
  }

  /** Refuses: a frozenset cannot be changed. @throws {TypeError} always. */
  override add(_value: T): this {
    throw new TypeError("Cannot add to a FrozenSet: it does not change; make a Set of it first");
  }

  /** Refuses: a frozenset cannot be changed. @throws {TypeError} always. */
  override delete(_value: T): boolean {
    throw new TypeError("Cannot delete from a FrozenSet: it does not change; make a Set of it first");
  }

  /** Refuses: a frozenset cannot be changed. @throws {TypeError} always. */
  override clear(): void {
    throw new TypeError("Cannot clear a FrozenSet: it does not change; make a Set of it first");
  }
}
