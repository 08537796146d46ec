/** Whether two types are one and the same; `any` equals nothing but itself. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

/** A value whose type is in question. */
export interface TypeCheck<Actual> {
  /** Compiles only when the type is exactly this one. */
  is<Expected>(...differ: Equal<Actual, Expected> extends true ? [] : [actual: Actual, expected: Expected]): void;
}

/** Takes a value for its type; {@linkcode TypeCheck.is} says what that should be. */
export function expectType<Actual>(_value: Actual): TypeCheck<Actual> {
  return { is: () => {} };
}
