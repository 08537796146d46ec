/**
 * Python signatures to TypeScript parameter lists.
 *
 * Positional parameters stand in Python's order. At every optional place, and after the last, keyword arguments marked
 * with `kw({...})` may stand instead; they name every optional parameter by its Python name. A signature with a required
 * keyword-only parameter takes its optional parameters through `kw` alone, for TypeScript has no required parameter
 * behind an optional one.
 *
 * Overloads are kept where they differ in what they accept; of those that accept the same, the first speaks (numpy has
 * one per element type, and floats come first). At most {@linkcode MAX_OVERLOADS} are kept; the others are merged into
 * one last, wide overload.
 *
 * @module
 */

import type { PyParameter, PySignature, PyType } from "./model.ts";
import { identifier, propertyKey } from "./names.ts";
import { parameterType, resultType, type TypeScope } from "./types.ts";

/** Most overloads of one function. */
export const MAX_OVERLOADS = 5;

/** A signature in TypeScript. */
export interface TypedSignature {
  /** Parameter list without parentheses. */
  readonly parameters: string;
  readonly returns: string;
  /** Class of a remote result, by its name in this file. */
  readonly remote: string | undefined;
  /** TypeScript names of Python parameters that have a place of their own. */
  readonly names: ReadonlyMap<string, string>;
  /** Argument expressions for the body. */
  readonly forwarded: readonly string[];
  /** The Python signature it was made of. */
  readonly source: PySignature;
}

/** What writing signatures needs. */
export interface SignatureContext {
  readonly scope: TypeScope;
  /** Declares a named type for long keyword objects and gives its name. */
  keywords(body: string): string;
}

/** Writes all signatures of one callable. */
export function typedSignatures(
  signatures: readonly PySignature[],
  context: SignatureContext,
): readonly TypedSignature[] {
  const distinct = new Map<string, PySignature>();
  for (const signature of signatures) {
    const key = shape(signature, context.scope);
    if (!distinct.has(key)) distinct.set(key, signature);
  }
  let kept = [...distinct.values()];
  if (kept.length > MAX_OVERLOADS) kept = [...kept.slice(0, MAX_OVERLOADS - 1), merge(kept.slice(MAX_OVERLOADS - 1))];
  return kept.map((signature) => write(signature, context));
}

/** Text that is equal for signatures that accept the same. */
function shape(signature: PySignature, scope: TypeScope): string {
  return signature.parameters.map((item) =>
    `${item.kind} ${item.name}${item.default === null ? "" : "?"}: ${parameterType(item.type, scope)}`
  ).join(", ");
}

function merge(signatures: readonly PySignature[]): PySignature {
  const order: string[] = [];
  const byName = new Map<string, PyParameter[]>();
  const longest = [...signatures].sort((left, right) => right.parameters.length - left.parameters.length);
  for (const signature of longest) {
    for (const item of signature.parameters) {
      const known = byName.get(item.name);
      if (known === undefined) {
        byName.set(item.name, [item]);
        order.push(item.name);
      } else known.push(item);
    }
  }
  const parameters = order.map((name): PyParameter => {
    const variants = byName.get(name)!;
    const required = variants.length === signatures.length && variants.every((item) => item.default === null);
    return {
      ...variants[0]!,
      type: unionOf(variants.map((item) => item.type)),
      default: required ? null : optionalText(variants),
    };
  });
  const rank = (item: PyParameter): number =>
    item.kind === "positional" || item.kind === "any"
      ? (item.default === null ? 0 : 1)
      : ["rest", "keyword", "keywords"].indexOf(item.kind) + 2;
  parameters.sort((left, right) => rank(left) - rank(right));
  return { parameters, returns: unionOf(signatures.map((item) => item.returns)), tier: signatures[0]!.tier };
}

function optionalText(variants: readonly PyParameter[]): string {
  return variants.map((item) => item.default).find((text) => text !== null && text !== "...") ?? "...";
}

function unionOf(types: readonly (PyType | null)[]): PyType | null {
  const members: PyType[] = [];
  const seen = new Set<string>();
  for (const type of types) {
    if (type === null) return null;
    for (const member of type.k === "union" ? type.m : [type]) {
      const key = JSON.stringify(member);
      if (!seen.has(key)) members.push(member);
      seen.add(key);
    }
  }
  return members.length === 1 ? members[0]! : { k: "union", m: members };
}

function write(signature: PySignature, context: SignatureContext): TypedSignature {
  const { scope } = context;
  const names = new Map<string, string>();
  const result = resultType(signature.returns, scope);
  // The body names the class of the result; a parameter must not hide it.
  const used = new Set<string>(result.remote === undefined ? [] : [result.remote]);
  const claim = (name: string): string => {
    let text = identifier(name.replace(/^_+(?=[A-Za-z])/, ""), "parameter");
    while (used.has(text)) text += "_";
    used.add(text);
    names.set(name, text);
    return text;
  };
  const typeOf = (item: PyParameter): string => {
    const text = parameterType(item.type, scope);
    // A sentinel that means "not given" has no value here.
    return text === "never" ? "undefined" : text;
  };
  const positional = signature.parameters.filter((item) => item.kind === "positional" || item.kind === "any");
  const rest = signature.parameters.find((item) => item.kind === "rest");
  const keywordOnly = signature.parameters.filter((item) => item.kind === "keyword");
  const open = signature.parameters.some((item) => item.kind === "keywords");
  // Stubs may put a required parameter behind an optional one; the order of calls stays Python's.
  const lastRequired = positional.findLastIndex((item) => item.default === null);
  const required = positional.slice(0, lastRequired + 1);
  const mustName = keywordOnly.some((item) => item.default === null);
  const optional = positional.slice(lastRequired + 1);
  const places = mustName && rest === undefined ? [] : optional;

  const fields = [...optional.filter((item) => item.kind === "any"), ...keywordOnly].map((item) =>
    `${propertyKey(item.name)}${item.default === null ? "" : "?"}: ${typeOf(item)}`
  );
  if (open) fields.push("[name: string]: unknown");
  let keywords: string | undefined;
  if (fields.length > 0) {
    const body = `{ ${fields.join("; ")} }`;
    const short = body.length < 60 && places.length < 2;
    const restTakesAll = rest !== undefined && !mustName && places.length === 0 && typeOf(rest) === "unknown";
    if (!restTakesAll) keywords = `${scope.wrapper("Kw")}<${short ? body : context.keywords(body)}>`;
  }

  const list: string[] = [];
  const forwarded: string[] = [];
  for (const item of required) {
    const name = claim(item.name);
    list.push(`${name}: ${typeOf(item)}`);
    forwarded.push(name);
  }
  for (const item of places) {
    const name = claim(item.name);
    const type = typeOf(item);
    const withKeywords = keywords === undefined || type === "unknown" ? type : `${type} | ${keywords}`;
    list.push(`${name}?: ${withKeywords}`);
    forwarded.push(name);
  }
  if (rest !== undefined) {
    const name = claim(rest.name);
    const type = typeOf(rest);
    if (keywords !== undefined && mustName) list.push(`...${name}: [...(${type})[], ${keywords}]`);
    else {
      const element = keywords === undefined || type === "unknown" ? type : `${type} | ${keywords}`;
      list.push(`...${name}: ${/[|&]/.test(element) ? `(${element})` : element}[]`);
    }
    forwarded.push(`...${name}`);
  } else if (keywords !== undefined) {
    let name = "kwargs";
    while (used.has(name)) name += "_";
    list.push(`${name}${mustName ? "" : "?"}: ${keywords}`);
    forwarded.push(name);
  }
  return {
    parameters: list.join(", "),
    returns: result.text,
    remote: result.remote,
    names,
    forwarded,
    source: signature,
  };
}
