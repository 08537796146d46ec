/**
 * Python signatures to TypeScript parameter lists.
 *
 * Positional parameters stand in Python's order. At every optional place, and after the last, keyword arguments marked
 * with `kw({...})` may stand instead; they name every optional parameter by its Python name. A signature with a required
 * keyword-only parameter takes its optional parameters through `kw` alone, for TypeScript has no required parameter
 * behind an optional one.
 *
 * Overloads are kept where they differ in what they accept; of those that accept the same, the first speaks (numpy has
 * one per element type, and floats come first). Neighbours with the same result are joined. At most {@linkcode MAX_OVERLOADS} are kept; the others are merged into
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
  let kept = fold([...distinct.values()], context.scope);
  if (kept.length > MAX_OVERLOADS) kept = [...kept.slice(0, MAX_OVERLOADS - 1), merge(kept.slice(MAX_OVERLOADS - 1))];
  return kept.map((signature) => write(signature, context));
}

/**
 * Joins neighbours with the same result, where the call with the fewest arguments was possible before: numpy has one
 * overload per place at which `dtype` may stand.
 */
function fold(signatures: readonly PySignature[], scope: TypeScope): PySignature[] {
  const kept: PySignature[] = [];
  for (const signature of signatures) {
    const last = kept.at(-1);
    const same = last !== undefined && last.returns !== null && signature.returns !== null &&
      resultType(last.returns, scope).text === resultType(signature.returns, scope).text;
    if (same && areNested(last, signature) && agree(last, signature)) kept[kept.length - 1] = merge([last, signature]);
    else kept.push(signature);
  }
  return kept;
}

/** Whether one signature requires all that the other requires. */
function areNested(left: PySignature, right: PySignature): boolean {
  const [few, many] = [requiredNames(left), requiredNames(right)].sort((a, b) => a.size - b.size) as [
    Set<string>,
    Set<string>,
  ];
  return [...few].every((name) => many.has(name));
}

function requiredNames(signature: PySignature): Set<string> {
  return new Set(
    signature.parameters.filter((item) => item.default === null && item.kind !== "rest" && item.kind !== "keywords")
      .map((item) => item.name),
  );
}

/** Whether both have the same names at the places that both have. */
function agree(left: PySignature, right: PySignature): boolean {
  const [a, b] = [places(left), places(right)];
  const hasRest = [left, right].some((signature) => signature.parameters.some((item) => item.kind === "rest"));
  return !hasRest && a.slice(0, b.length).every((name, index) => name === b[index]);
}

/** Text that is equal for signatures that accept the same. */
function shape(signature: PySignature, scope: TypeScope): string {
  return signature.parameters.map((item) =>
    `${item.kind} ${item.name}${item.default === null ? "" : "?"}: ${parameterType(item.type, scope)}`
  ).join(", ");
}

/** One signature that takes what any of several take; a parameter has a place only where all agree on it. */
function merge(signatures: readonly PySignature[]): PySignature {
  const byName = new Map<string, PyParameter[]>();
  for (const item of signatures.flatMap((signature) => signature.parameters)) {
    byName.set(item.name, [...byName.get(item.name) ?? [], item]);
  }
  const lists = signatures.map(places).sort((left, right) => right.length - left.length);
  const agreed: string[] = [];
  for (const [index, name] of lists[0]!.entries()) {
    if (lists.some((list) => list.length > index && list[index] !== name)) break;
    agreed.push(name);
  }
  const others = [...byName.keys()].filter((name) => !agreed.includes(name));
  const parameters: PyParameter[] = [];
  let optionalSeen = false;
  for (const name of [...agreed, ...others]) {
    const variants = byName.get(name)!;
    const first = variants[0]!;
    const placed = agreed.includes(name);
    const spread = first.kind === "rest" || first.kind === "keywords";
    const needed = !spread && variants.length === signatures.length && variants.every((item) => item.default === null);
    const named = variants.some((item) => item.kind === "any" || item.kind === "keyword");
    // A required parameter behind an optional place is given by name; without a name it counts as optional.
    const byKeyword = !spread && named && (!placed || (needed && optionalSeen));
    const required = needed && (byKeyword || (placed && !optionalSeen));
    if (placed && !required && !byKeyword) optionalSeen = true;
    const kind = spread ? first.kind : byKeyword ? "keyword" : named ? "any" : "positional";
    const type = unionOf(variants.map((item) => item.type));
    parameters.push({ name, kind, type, default: required || spread ? null : optionalText(variants) });
  }
  const order = ["positional", "any", "rest", "keyword", "keywords"];
  const rank = (item: PyParameter): number => Math.max(1, order.indexOf(item.kind));
  parameters.sort((left, right) => rank(left) - rank(right));
  return { parameters, returns: unionOf(signatures.map((item) => item.returns)), tier: signatures[0]!.tier };
}

/** Names of the parameters that have a place, in order. */
function places(signature: PySignature): string[] {
  return signature.parameters.filter((item) => item.kind === "positional" || item.kind === "any").map((item) =>
    item.name
  );
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
