/**
 * The model in the middle: what introspection found, before anything is TypeScript.
 *
 * Python writes this shape (`python/src/snakebridge/introspect/_model.py`), generation reads it; neither side knows the
 * other's words. The meaning of each field stands in the Python file.
 *
 * @module
 */

/** A Python type. */
export type PyType =
  | { readonly k: "any" | "none" | "self" | "callable" }
  | { readonly k: "name"; readonly n: string; readonly a: readonly PyType[] }
  | { readonly k: "union"; readonly m: readonly PyType[] }
  | { readonly k: "literal"; readonly v: readonly (string | number | boolean)[] }
  | { readonly k: "tuple"; readonly m: readonly PyType[]; readonly rest: boolean };

/** Where a signature or type comes from, best first. */
export type Tier = "stub" | "annotation" | "live" | "docstring" | "variadic";

/** All tiers, in the order that reports show them. */
export const TIERS: readonly Tier[] = ["stub", "annotation", "docstring", "live", "variadic"];

/** One parameter. */
export interface PyParameter {
  readonly name: string;
  /** `positional` only, `any` (positional or keyword), `rest` (*args), `keyword` only, `keywords` (**kwargs). */
  readonly kind: "positional" | "any" | "rest" | "keyword" | "keywords";
  readonly type: PyType | null;
  /** Python source of the default; null when required. */
  readonly default: string | null;
}

/** One way to call something. */
export interface PySignature {
  readonly parameters: readonly PyParameter[];
  readonly returns: PyType | null;
  readonly tier: Tier;
}

/** Facts of a numpy universal function. */
export interface UfuncFacts {
  readonly nin: number;
  readonly nout: number;
  /** Every output is boolean. */
  readonly boolean: boolean;
  /** Works on whole vectors or matrices (a generalized ufunc). */
  readonly core: boolean;
}

/** A function or method. */
export interface PyFunction {
  readonly name: string;
  readonly binding: "function" | "instance" | "class" | "static";
  readonly signatures: readonly PySignature[];
  readonly doc: string;
  readonly ufunc: UfuncFacts | null;
}

/** A constant of a plain type, as exact text. */
export interface PyConstant {
  readonly type: "int" | "float" | "bool" | "str";
  readonly text: string;
}

/** A property, field, class attribute or module attribute. */
export interface PyAttribute {
  readonly name: string;
  readonly type: PyType | null;
  readonly tier: Tier;
  readonly doc: string;
  readonly writable: boolean;
  readonly static: boolean;
  readonly value: PyConstant | null;
}

/** A class with inherited members folded in. */
export interface PyClassModel {
  readonly name: string;
  readonly id: string;
  readonly bases: readonly string[];
  readonly public: boolean;
  readonly kind: "class" | "enum" | "exception" | "typed_dict";
  readonly path: string;
  readonly doc: string;
  readonly constructor_: readonly PySignature[];
  readonly methods: readonly PyFunction[];
  readonly attributes: readonly PyAttribute[];
}

/** One Python module. */
export interface PyModuleModel {
  readonly name: string;
  readonly doc: string;
  readonly functions: readonly PyFunction[];
  readonly classes: readonly PyClassModel[];
  readonly attributes: readonly PyAttribute[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/** One library: its modules, and classes that only results mention. */
export interface LibraryModel {
  readonly name: string;
  readonly modules: readonly PyModuleModel[];
  readonly reached: readonly PyClassModel[];
  readonly failures: readonly { readonly module: string; readonly error: string }[];
  readonly distribution: { readonly name: string; readonly version: string } | null;
  readonly environment: PyEnvironment;
}

/** The interpreter that was asked. */
export interface PyEnvironment {
  readonly python: readonly [number, number, number];
  readonly implementation: string;
  readonly platform: string;
  readonly machine: string;
  /** Package and version that the stubs of the standard library came with; null when there are none. */
  readonly typeshed: string | null;
}
