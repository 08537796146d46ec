/**
 * Signatures of a few members that Python leaves without types although everybody chains on them.
 *
 * A fact stands here only when it follows from the documentation of the library, for numeric data where that matters.
 *
 * @module
 */

import type { PySignature, PyType } from "./model.ts";

const TEXT: PyType = { k: "name", n: "str", a: [] };
const TEXTS: PyType = { k: "name", n: "list", a: [TEXT] };
const ANY: PyType = { k: "any" };
const cls = (n: string): PyType => ({ k: "name", n, a: [] });

function item(type: PyType, returns: PyType): PySignature {
  return { parameters: [{ name: "key", kind: "positional", type, default: null }], returns, tier: "docstring" };
}

function grouped(module: string): readonly PySignature[] {
  return [
    item(TEXT, cls(`${module}.SeriesGroupBy`)),
    item(TEXTS, cls(`${module}.DataFrameGroupBy`)),
    item(ANY, ANY),
  ];
}

const FACTS: Readonly<Record<string, readonly PySignature[]>> = {
  // A column, several columns, rows by a boolean mask.
  "pandas.DataFrame.__getitem__": [
    item(TEXT, cls("pandas.Series")),
    item(TEXTS, cls("pandas.DataFrame")),
    item(cls("pandas.Series"), cls("pandas.DataFrame")),
    item(ANY, ANY),
  ],
  // pandas 3 names these classes by where they are exported, pandas 2 by where they are written.
  "pandas.api.typing.DataFrameGroupBy.__getitem__": grouped("pandas.api.typing"),
  "pandas.core.groupby.generic.DataFrameGroupBy.__getitem__": grouped("pandas.core.groupby.generic"),
};

const FLOAT: PyType = { k: "name", n: "float", a: [] };

/** Attributes made by descriptors that say nothing about their type, and the plain statistics of a numeric column. */
const RESULTS: Readonly<Record<string, PyType>> = {
  "pandas.DataFrame.columns": cls("pandas.Index"),
  "pandas.DataFrame.index": cls("pandas.Index"),
  "pandas.Series.index": cls("pandas.Index"),
  "pandas.Series.values": cls("numpy.ndarray"),
  "pandas.Series.mean": FLOAT,
  "pandas.Series.median": FLOAT,
  "pandas.Series.std": FLOAT,
  "pandas.Series.var": FLOAT,
};

/** What a member is known to give, where Python does not say. */
export function knownResult(name: string): PyType | undefined {
  return RESULTS[name];
}

/** Signatures known for a member, by the dotted name under which users know it. */
export function knownSignatures(name: string): readonly PySignature[] | undefined {
  return FACTS[name];
}

// Which class the result of such a signature is: known from the argument, before Python answers.
const GROUPED = 'typeof args[0] === "string" ? SeriesGroupBy : DataFrameGroupBy';
const CHOICES: Readonly<Record<string, string>> = {
  "pandas.DataFrame.__getitem__": 'typeof args[0] === "string" ? Series : DataFrame',
  "pandas.api.typing.DataFrameGroupBy.__getitem__": GROUPED,
  "pandas.core.groupby.generic.DataFrameGroupBy.__getitem__": GROUPED,
};

/** Expression over `args` that gives the class of a result, where the argument decides. */
export function knownChoice(name: string): string | undefined {
  return CHOICES[name];
}
