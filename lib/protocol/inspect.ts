/**
 * Makes consoles show instances of the class as their `toString` does. Node, Bun and `node:util` look for the first
 * symbol, Deno's own console for the second.
 *
 * Set from outside, because a method under a computed symbol cannot stand in a declaration that is inferred file by file.
 */
export function showAsText(type: { readonly prototype: object }): void {
  for (const name of ["nodejs.util.inspect.custom", "Deno.customInspect"]) {
    Object.defineProperty(type.prototype, Symbol.for(name), {
      value(this: object): string {
        return this.toString();
      },
    });
  }
}
