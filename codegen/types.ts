/**
 * Python types to TypeScript types, one way for what goes in and one for what comes out.
 *
 * **In**: wide. A parameter takes what Python takes: `Sequence` is any array, `float` any number, a path is a string, a
 * URL or a `Path` object, a callable is a function or a remote object, a class is its generated class (pending results
 * included). What has no type is `unknown`.
 *
 * **Out**: what the value is at run time. What has an encoding is a value (`PyPromise<number>`), an object of a generated
 * class goes on without waiting (`Pending<DataFrame>`), an array does both (`Pending<ndarray, NdArray>`). `X | Any` means
 * X, as the typing documentation says of it. An `int` is `number`; beyond 2^53 it arrives as `bigint` all the same.
 *
 * @module
 */

import type { PyType } from "./model.ts";

/** A generated class, as seen from the file that mentions it. */
export interface ClassReference {
  readonly id: string;
  /** File below the generated folder. */
  readonly file: string;
  readonly name: string;
  /** A dictionary with known keys: a value, never a remote object. */
  readonly plain: boolean;
}

/** What a type needs to know about the file it is written in. */
export interface TypeScope {
  /** Whether numpy's ways of spelling array types apply. */
  readonly arrays: boolean;
  /** Class that `Self` means; undefined outside of classes. */
  readonly self: ClassReference | undefined;
  /** Generated class of a canonical Python name. */
  find(id: string): ClassReference | undefined;
  /** Name of a generated class in this file; imports it when needed. */
  reference(cls: ClassReference): string;
  /** Notes that a name of the wrapper is used and gives it back. */
  wrapper(name: string): string;
}

/** A result: its written type, and the class a remote one is made of. */
export interface ResultType {
  readonly text: string;
  /** What awaiting gives. */
  readonly awaited: string;
  /** Name of the class, when there is exactly one. */
  readonly remote: string | undefined;
}

const NUMBERS = new Set(
  ("float numpy.number numpy.integer numpy.signedinteger numpy.unsignedinteger numpy.inexact numpy.floating " +
    "numpy.int8 numpy.int16 numpy.int32 numpy.int64 numpy.intp numpy.intc numpy.long numpy.longlong numpy.short " +
    "numpy.byte numpy.uint8 numpy.uint16 numpy.uint32 numpy.uint64 numpy.uintp numpy.uintc numpy.ulong numpy.ulonglong " +
    "numpy.ushort numpy.ubyte numpy.float16 numpy.float32 numpy.float64 numpy.longdouble numpy.half numpy.single " +
    "numpy.double int typing.SupportsIndex typing.SupportsInt typing.SupportsFloat").split(" "),
);
const COMPLEX = new Set(
  ("complex numpy.complexfloating numpy.complex64 numpy.complex128 numpy.clongdouble numpy.cdouble numpy.csingle " +
    "typing.SupportsComplex").split(" "),
);
const PATHS = new Set(
  ("os.PathLike _typeshed.StrPath _typeshed.StrOrBytesPath _typeshed.FileDescriptorOrPath _typeshed.GenericPath " +
    "_typeshed.BytesPath").split(" "),
);
const BYTES = new Set(
  ("bytes bytearray memoryview numpy.bytes_ typing.ByteString typing.Buffer _typeshed.ReadableBuffer " +
    "_typeshed.WriteableBuffer").split(" "),
);
const SEQUENCES = new Set(
  ("list typing.Sequence typing.MutableSequence typing.Collection typing.Reversible typing.Container " +
    "collections.deque numpy._typing._nested_sequence._NestedSequence").split(" "),
);
const ITERABLES = new Set("typing.Iterable _typeshed.SupportsIter".split(" "));
const ITERATORS = new Set(
  ("typing.Iterator typing.Generator typing.AsyncIterator typing.AsyncGenerator typing.AsyncIterable enumerate zip map " +
    "filter reversed").split(" "),
);
const SETS = new Set("set typing.AbstractSet typing.MutableSet typing.Set typing.KeysView".split(" "));
const MAPPINGS = new Set(
  ("dict typing.Mapping typing.MutableMapping typing.DefaultDict typing.OrderedDict collections.OrderedDict " +
    "collections.defaultdict types.MappingProxyType").split(" "),
);
const DATETIME = "Temporal.PlainDateTime | Temporal.ZonedDateTime";
const DATES: ReadonlyMap<string, string> = new Map([
  ["datetime.datetime", DATETIME],
  ["datetime.date", "Temporal.PlainDate"],
  ["datetime.time", "Temporal.PlainTime"],
  ["datetime.timedelta", "Temporal.Duration"],
]);

// pandas 3 and pandas 2. One without nanoseconds arrives as a date and time, others as objects.
const TIMESTAMPS = new Set(["pandas.Timestamp", "pandas._libs.tslibs.timestamps.Timestamp"]);

/** What the awaited object of a generated class is, where it is not the object itself. */
const AWAITED: ReadonlyMap<string, string> = new Map([["numpy.ndarray", "NdArray"]]);

/** Whether instances of a class arrive as plain values, so that generating its members would be pointless. */
export function isValueClass(id: string, bases: readonly string[]): boolean {
  return bases.includes("numpy.generic") || id === "numpy.generic";
}

/** Writes a parameter type. */
export function parameterType(type: PyType | null, scope: TypeScope): string {
  if (type === null) return "unknown";
  const parts = new Set<string>();
  if (type.k !== "union") {
    const text = single(type, scope);
    return scope.arrays && /^readonly (\(readonly|.*\bComplex\b)/.test(text) ? scope.wrapper("ArrayLike") : text;
  }
  let vague = false;
  for (const member of type.m) {
    const text = single(member, scope);
    if (text === "unknown") vague = true;
    else if (text !== "never") { for (const part of splitUnion(text)) parts.add(part); }
  }
  if (parts.size === 0) return "unknown";
  if (vague) parts.add(scope.wrapper("PyObject"));
  if (parts.has("string")) { for (const part of [...parts]) if (part.startsWith('"')) parts.delete(part); }
  if (parts.has("number")) { for (const part of [...parts]) if (/^-?\d/.test(part)) parts.delete(part); }
  if (parts.has("boolean")) {
    parts.delete("true");
    parts.delete("false");
  }
  if (parts.has("DTypeLike")) { for (const part of ["string", "null"]) parts.delete(part); }
  if (parts.has("PathLike")) { for (const part of ["string", "URL"]) parts.delete(part); }
  if (
    scope.arrays &&
    [...parts].some((part) => part.startsWith("readonly (readonly") || /^readonly.*\bComplex\b/.test(part))
  ) {
    // numpy spells out nested sequences of numbers where it does not say ArrayLike.
    parts.add(scope.wrapper("ArrayLike"));
  }
  if (parts.has("ArrayLike")) {
    for (const part of parts) if (/^(number|bigint|boolean|string|Complex)$|^readonly /.test(part)) parts.delete(part);
  }
  return [...parts].sort(nullLast).join(" | ");
}

function nullLast(left: string, right: string): number {
  return Number(left === "null") - Number(right === "null");
}

/** Splits a union written by this file; only top-level bars separate. */
function splitUnion(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    const char = text[index]!;
    if (quoted) {
      if (char === "\\") index++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if ("<([{".includes(char)) depth++;
    else if (">)]}".includes(char) && text[index - 1] !== "=") depth--;
    else if (char === "|" && depth === 0) {
      parts.push(text.slice(start, index).trim());
      start = index + 1;
    }
  }
  parts.push(text.slice(start).trim());
  return parts;
}

function arrayOf(element: string, mutable = false): string {
  const plain = /^[\w.]+$/.test(element) || /^[\w.]+<[^|]*>$/.test(element);
  return `${mutable ? "" : "readonly "}${plain ? element : `(${element})`}[]`;
}

function single(type: PyType, scope: TypeScope): string {
  switch (type.k) {
    case "any":
      return "unknown";
    case "none":
      return "null";
    case "self":
      return scope.self === undefined ? "unknown" : scope.reference(scope.self);
    case "callable":
      return scope.wrapper("PyCallable");
    case "literal":
      return type.v.map((value) => JSON.stringify(value)).join(" | ");
    case "union":
      return parameterType(type, scope);
    case "tuple": {
      if (type.rest) return arrayOf(parameterType(type.m[0] ?? null, scope));
      return `readonly [${type.m.map((member) => parameterType(member, scope)).join(", ")}]`;
    }
    case "name":
      return namedParameter(type.n, type.a, scope);
  }
}

function namedParameter(name: string, given: readonly PyType[], scope: TypeScope): string {
  if (name === "int") return "number | bigint";
  if (NUMBERS.has(name)) return "number";
  if (name === "bool" || name === "numpy.bool" || name === "numpy.bool_") return "boolean";
  if (name === "str" || name === "numpy.str_") return "string";
  if (COMPLEX.has(name)) return `number | ${scope.wrapper("Complex")}`;
  if (BYTES.has(name)) return "Uint8Array";
  if (PATHS.has(name)) return scope.wrapper("PathLike");
  if (name === "numpy.typing.ArrayLike" || name === "numpy.ndarray") return scope.wrapper("ArrayLike");
  if (name === "numpy.typing.DTypeLike" || name === "numpy.dtype") return scope.wrapper("DTypeLike");
  if (SEQUENCES.has(name) || ITERABLES.has(name)) {
    const array = arrayOf(parameterType(given[0] ?? null, scope));
    return ITERABLES.has(name) ? `${array} | ${scope.wrapper("PyObject")}` : array;
  }
  if (SETS.has(name)) return `ReadonlySet<${parameterType(given[0] ?? null, scope)}>`;
  if (name === "frozenset") return `ReadonlySet<${parameterType(given[0] ?? null, scope)}>`;
  if (MAPPINGS.has(name)) {
    const value = parameterType(given[1] ?? null, scope);
    const key = parameterType(given[0] ?? null, scope);
    const plain = `Readonly<Record<string, ${value}>>`;
    return key === "string" ? plain : `${plain} | ReadonlyMap<${key}, ${value}>`;
  }
  const date = DATES.get(name);
  if (date !== undefined) return name === "datetime.datetime" ? `Date | ${date}` : date;
  if (name === "decimal.Decimal") return scope.wrapper("Decimal");
  if (name === "slice") return scope.wrapper("Slice");
  if (name === "types.EllipsisType" || name === "ellipsis") return `typeof ${scope.wrapper("Ellipsis")}`;
  if (name === "typing.Hashable") return `string | number | bigint | boolean | ${scope.wrapper("PyObject")}`;
  if (name === "typing.Never") return "never";
  if (name === "numpy.datetime64") return `Date | Temporal.PlainDateTime | ${scope.wrapper("NdArray")}`;
  if (name === "numpy.timedelta64") return `Temporal.Duration | ${scope.wrapper("NdArray")}`;
  if (TIMESTAMPS.has(name)) return `Date | ${DATETIME} | ${scope.wrapper("PyObject")}`;
  if (name === "numpy._globals._NoValueType" || name === "pandas._libs.lib.NoDefault") return "never";
  const cls = scope.find(name);
  if (cls !== undefined) return scope.reference(cls);
  return scope.wrapper("PyObject");
}

interface Outcome {
  readonly values: Set<string>;
  readonly remotes: Map<string, string>;
  vague: boolean;
}

/** Writes the type of a result. */
export function resultType(type: PyType | null, scope: TypeScope): ResultType {
  const outcome: Outcome = { values: new Set(), remotes: new Map(), vague: false };
  if (type === null) outcome.vague = true;
  else collect(type, scope, outcome);
  const { values, remotes } = outcome;
  if (remotes.size === 0) {
    if (values.size === 0) {
      return { text: `${scope.wrapper("PyPromise")}<unknown>`, awaited: "unknown", remote: undefined };
    }
    const only = values.size === 1 && values.has("null");
    const awaited = only ? "void" : valueText(values);
    return { text: `${scope.wrapper("PyPromise")}<${awaited}>`, awaited, remote: undefined };
  }
  const awaited = new Set([...remotes.values(), ...values]);
  // Of several classes, what they have in common can be called at once; the first one stands for them until then.
  const name = [...remotes.keys()].join(" | ");
  const first = [...remotes.keys()][0]!;
  const text = valueText(awaited);
  const written = `${scope.wrapper("Pending")}<${name}${text === name ? "" : `, ${text}`}>`;
  return { text: written, awaited: text, remote: first };
}

function valueText(values: ReadonlySet<string>): string {
  return [...values].sort(nullLast).join(" | ");
}

function collect(type: PyType, scope: TypeScope, into: Outcome): void {
  if (type.k === "union") {
    for (const member of type.m) collect(member, scope, into);
    return;
  }
  if (type.k === "any") {
    into.vague = true;
    return;
  }
  const remote = remoteName(type, scope);
  if (remote !== undefined) into.remotes.set(remote.name, remote.awaited);
  else {
    const text = value(type, scope);
    if (text === "unknown") into.vague = true;
    else for (const part of splitUnion(text)) into.values.add(part);
  }
}

function remoteName(type: PyType, scope: TypeScope): { name: string; awaited: string } | undefined {
  if (type.k === "callable") return { name: scope.wrapper("PyObject"), awaited: "PyObject" };
  const cls = type.k === "self" ? scope.self : type.k === "name" ? scope.find(type.n) : undefined;
  if (cls === undefined) {
    if (type.k !== "name" || namedValue(type.n, type.a, scope) !== undefined) return undefined;
    if (type.n.startsWith("typing.") || type.n.startsWith("_typeshed.")) {
      if (ITERATORS.has(type.n) || ITERABLES.has(type.n)) {
        const item = awaitedType(type.a[0] ?? null, scope);
        const name = `${scope.wrapper("PyObject")} & AsyncIterable<${item}>`;
        return { name, awaited: name };
      }
      return undefined;
    }
    return { name: scope.wrapper("PyObject"), awaited: "PyObject" };
  }
  if (cls.plain) return undefined;
  const name = scope.reference(cls);
  const special = AWAITED.get(cls.id);
  if (TIMESTAMPS.has(cls.id)) return { name, awaited: `${DATETIME} | ${name}` };
  return { name, awaited: special === undefined ? name : scope.wrapper(special) };
}

/** Type of something inside a value. */
export function awaitedType(type: PyType | null, scope: TypeScope): string {
  if (type === null) return "unknown";
  const outcome: Outcome = { values: new Set(), remotes: new Map(), vague: false };
  collect(type, scope, outcome);
  // Objects inside of values arrive as plain references: nothing says which class to make of each.
  const objects = [...outcome.remotes.values()].map((text) => text === "NdArray" ? text : scope.wrapper("Ref"));
  const all = new Set([...objects, ...outcome.values]);
  return all.size === 0 ? "unknown" : valueText(all);
}

function value(type: PyType, scope: TypeScope): string {
  switch (type.k) {
    case "none":
      return "null";
    case "literal":
      return type.v.map((item) => JSON.stringify(item)).join(" | ");
    case "tuple": {
      const members = type.m.map((member) => awaitedType(member, scope));
      return `${scope.wrapper("Tuple")}<${
        type.rest ? arrayOf(members[0] ?? "unknown", true) : `[${members.join(", ")}]`
      }>`;
    }
    case "name":
      return namedValue(type.n, type.a, scope) ?? plainReference(type.n, scope) ?? "unknown";
    default:
      return "unknown";
  }
}

function plainReference(name: string, scope: TypeScope): string | undefined {
  const cls = scope.find(name);
  return cls?.plain ? scope.reference(cls) : undefined;
}

function namedValue(name: string, given: readonly PyType[], scope: TypeScope): string | undefined {
  if (NUMBERS.has(name)) return "number";
  if (name === "bool" || name === "numpy.bool" || name === "numpy.bool_") return "boolean";
  if (name === "str" || name === "numpy.str_") return "string";
  if (COMPLEX.has(name)) return scope.wrapper("Complex");
  if (BYTES.has(name)) return "Uint8Array";
  if (name === "numpy.ndarray" || name === "numpy.datetime64" || name === "numpy.timedelta64") {
    return scope.wrapper("NdArray");
  }
  if (name === "numpy.typing.ArrayLike") return scope.wrapper("NdArray");
  if (name === "numpy.generic" || name === "numpy.character" || name === "numpy.flexible" || name === "numpy.object_") {
    return "unknown";
  }
  if (SEQUENCES.has(name)) return arrayOf(awaitedType(given[0] ?? null, scope), true);
  if (SETS.has(name)) return `Set<${awaitedType(given[0] ?? null, scope)}>`;
  if (name === "frozenset") return `${scope.wrapper("FrozenSet")}<${awaitedType(given[0] ?? null, scope)}>`;
  if (MAPPINGS.has(name)) {
    const item = awaitedType(given[1] ?? null, scope);
    const key = awaitedType(given[0] ?? null, scope);
    if (key === "string") return `Record<string, ${item}>`;
    return key === "number" ? `Map<number, ${item}>` : `Record<string, ${item}> | Map<${key}, ${item}>`;
  }
  const date = DATES.get(name);
  if (date !== undefined) return date;
  if (name === "decimal.Decimal") return scope.wrapper("Decimal");
  if (name === "slice") return scope.wrapper("Slice");
  if (name === "types.EllipsisType") return `typeof ${scope.wrapper("Ellipsis")}`;
  if (name === "typing.Never") return "never";
  return undefined;
}
