/**
 * How Python names become TypeScript names.
 *
 * 1. A name that is a TypeScript identifier and not taken by the rules below stays as it is: `read_csv`, `DataFrame`.
 * 2. Characters outside `A-Z a-z 0-9 _` become `_`; a leading digit gets `_` in front.
 * 3. Reserved words, and names that mean something to the place they stand in, get `_` behind: `delete_`, `then_`.
 *    Module names: words of the language and the types that generated code mentions (`Map`, `Pending`).
 *    Members: what JavaScript or the base class gives meaning to (`constructor`, `then`, `toString`, `create` if static).
 *    Parameters: words of the language, and `kwargs`, which names the place of keyword arguments.
 * 4. A name that collides with another gets `_2`, `_3`, ...; names that rules 1 to 3 left alone keep theirs.
 * 5. Special methods with a place in a class: see {@linkcode SPECIAL_NAMES}. Theirs yield to real names (rule 4).
 * 6. Calls always carry the Python name, and so do keyword arguments: `kw({ lambda: 1 })` needs no renaming.
 *
 * @module
 */

/** Special methods and what they are called in generated classes. `__init__` and `__new__` become static `create`. */
export const SPECIAL_NAMES: ReadonlyMap<string, string> = new Map([
  ["__len__", "length"],
  ["__getitem__", "getItem"],
  ["__setitem__", "setItem"],
  ["__delitem__", "deleteItem"],
  ["__contains__", "contains"],
  ["__call__", "invoke"],
  ["__enter__", "$enter"],
  ["__aenter__", "$enter"],
]);

const WORDS = new Set(
  ("abstract any arguments as async await boolean break case catch class const continue debugger declare default " +
    "delete do else enum eval export extends false finally for function get if implements import in infer instanceof " +
    "interface is keyof let namespace never new null number object of package private protected public readonly " +
    "require return set static string super switch symbol this throw true try type typeof undefined unique unknown " +
    "using var void while with yield NaN Infinity").split(" "),
);

// Legal as names of functions and parameters although they are words somewhere.
const HARMLESS = new Set(
  "abstract any as async boolean declare get infer is keyof namespace never number object of readonly require set string symbol type unique unknown using"
    .split(" "),
);

const TYPE_WORDS = new Set("any boolean never number object string symbol unknown bigint undefined".split(" "));

const MODULE_TAKEN = new Set(
  ("Array AsyncIterable Map Promise Readonly ReadonlyMap ReadonlySet Record Set Symbol Temporal Uint8Array " +
    "ArrayLike ArrowData Complex DTypeLike Decimal Ellipsis EnterOptions Entered FrozenSet Hashable Kw NdArray PathLike " +
    "Pending PyCallable PyModule PyObject PyPromise Ref Slice Tuple callMethod enterMethod getAttribute setAttribute " +
    "pyModule registerClasses").split(" "),
);

const MEMBER_TAKEN = new Set(
  ("constructor then catch finally toString toLocaleString valueOf hasOwnProperty isPrototypeOf propertyIsEnumerable " +
    "__proto__ toJSON").split(" "),
);

const STATIC_TAKEN = new Set(
  "create name length prototype caller arguments apply bind call pythonName constructor toString then".split(" "),
);

/** Where a name stands. */
export type NamePlace = "module" | "type" | "member" | "static" | "parameter";

/** Applies rules 1 to 3. */
export function identifier(name: string, place: NamePlace): string {
  let text = name.replace(/[^A-Za-z0-9_]/g, "_");
  if (/^[0-9]/.test(text) || text === "") text = `_${text}`;
  return isTaken(text, place) ? `${text}_` : text;
}

function isTaken(text: string, place: NamePlace): boolean {
  switch (place) {
    case "member":
      return MEMBER_TAKEN.has(text);
    case "static":
      return STATIC_TAKEN.has(text);
    case "parameter":
      return text === "kwargs" || (WORDS.has(text) && !HARMLESS.has(text));
    case "type":
      return MODULE_TAKEN.has(text) || WORDS.has(text) || TYPE_WORDS.has(text);
    case "module":
      return MODULE_TAKEN.has(text) || (WORDS.has(text) && !HARMLESS.has(text));
  }
}

/** Gives out names of one scope so that no two are the same (rule 4). */
export class NameScope {
  readonly #taken: Set<string>;

  /** Starts with names that are taken already. */
  constructor(taken: Iterable<string> = []) {
    this.#taken = new Set(taken);
  }

  /** Names for Python names that are distinct among themselves, in the order given. */
  assign(names: readonly string[], placeOf: (name: string) => NamePlace): Map<string, string> {
    const assigned = new Map<string, string>();
    const later: string[] = [];
    for (const name of names) {
      if (!SPECIAL_NAMES.has(name) && identifier(name, placeOf(name)) === name && !this.#taken.has(name)) {
        this.#taken.add(name);
        assigned.set(name, name);
      } else later.push(name);
    }
    for (const name of later) {
      assigned.set(name, this.claim(SPECIAL_NAMES.get(name) ?? identifier(name, placeOf(name))));
    }
    return assigned;
  }

  /** Takes a name, or the first numbered variant that is free. */
  claim(wanted: string): string {
    let text = wanted;
    for (let number = 2; this.#taken.has(text); number++) text = `${wanted}_${number}`;
    this.#taken.add(text);
    return text;
  }
}

/** A key of an object type: quoted where it is no identifier. */
export function propertyKey(name: string): string {
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) ? name : JSON.stringify(name);
}
