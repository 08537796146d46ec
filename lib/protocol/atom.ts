import { showAsText } from "./inspect.ts";

/**
 * A name that other systems have a type of their own for, such as `:ok` of Elixir.
 *
 * Python gets it as text, and an atom that arrives is text. Only tagged JSON for a peer that has atoms can say more: there
 * an atom whose name is on the allowlist of the encoder is written as one. The list exists because such peers may keep
 * every atom for ever.
 *
 * @example Text to Python
 * ```ts
 * import { Atom, SnakeBridge } from "@snakebridge/snakebridge";
 *
 * await using bridge = await SnakeBridge.start();
 * console.log(await bridge.call("builtins", "repr", [new Atom("ok")])); // 'ok'
 * ```
 */
export class Atom {
  static {
    showAsText(this);
  }

  /** The name, without a colon in front. */
  readonly name: string;

  /** Makes an atom of a name. */
  constructor(name: string) {
    if (typeof name !== "string") {
      throw new TypeError(`Cannot make Atom: name is of type ${typeof name}, expected text`);
    }
    this.name = name;
  }

  /** The name. */
  toString(): string {
    return this.name;
  }

  /** The name, as it would stand in JSON. */
  toJSON(): string {
    return this.name;
  }
}
