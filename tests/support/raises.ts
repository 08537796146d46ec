import assert from "node:assert/strict";

/**
 * A check for `assert.rejects`: the error is an instance of `kind`, and its message matches.
 *
 * Deno's own check looks at prototypes and passes by `Symbol.hasInstance`, on which classes of Python exceptions rest.
 */
export function raises(kind: { readonly name: string }, message?: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof (kind as unknown as new () => Error), `expected ${kind.name}, got ${String(error)}`);
    if (message !== undefined) assert.match((error as Error).message, message);
    return true;
  };
}
