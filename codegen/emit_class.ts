/**
 * One Python class to one TypeScript class: a typed face of remote objects.
 *
 * @module
 */

import { comment, escapeComment } from "./docs.ts";
import { constantText, emitCallable, type FileWriter, reductions, remoteArgument, tierOf } from "./emit_module.ts";
import { knownChoice, knownResult, knownSignatures } from "./facts.ts";
import type { PyAttribute, PyClassModel, PyFunction, PySignature, PyType } from "./model.ts";
import { NameScope, propertyKey, SPECIAL_NAMES } from "./names.ts";
import { memberTexts, type PlannedClass } from "./plan.ts";
import { awaitedType, isValueClass, resultType } from "./types.ts";

/** Special methods that are read like properties. */
const SPECIAL_PROPERTIES = new Set(["__len__"]);

/** Methods that make a context manager, and the statement they belong to. */
const ENTERING: ReadonlyMap<string, string> = new Map([["__enter__", "with"], ["__aenter__", "async with"]]);
const AWAITABLES = new Set(["typing.Coroutine", "typing.Awaitable"]);

/** Whether a class becomes one here; others become a function or the names of keys. */
export function isRemoteClass(model: PyClassModel): boolean {
  return !isValueClass(model.id, model.bases) && model.kind !== "typed_dict";
}

/** Writes a class. */
export function emitClass(file: FileWriter, planned: PlannedClass): string {
  const { model, reference, base } = planned;
  const python = pythonName(planned);
  file.symbols.push({ python, ts: reference.name, kind: "class", tier: tierOf(model.constructor_) });
  if (isValueClass(model.id, model.bases)) return emitValueClass(file, planned);
  if (model.kind === "typed_dict") return emitKeys(file, planned);
  const doc = comment(model.doc, { fallback: `Python class \`${python}\`.`, brief: true });
  const lines: string[] = [
    `/** Python name. */\nstatic ${base === undefined ? "" : "override "}readonly pythonName: string = ${
      JSON.stringify(model.id)
    };`,
  ];
  const inherited = base === undefined ? new Map<string, string>() : memberTexts(base.model);
  const own = memberTexts(model);
  /** Members that mean the same as in the base are left to it, unless they speak of Self. */
  const state = (key: string): "new" | "override" | "inherited" => {
    const text = own.get(key);
    if (inherited.get(key) !== text) return "new";
    return text!.includes('"k":"self"') ? "override" : "inherited";
  };
  if (model.public) {
    const modifier = state("create") === "new" ? "static" : "static override";
    lines.push(emitCallable(file, {
      head: (parameters, returns) => `${modifier} create(${parameters}): ${returns}`,
      body: (forwarded, result) => `return $py.call(${JSON.stringify(model.path)}, ${forwarded}${result});`,
      signatures: model.constructor_,
      owner: `${reference.name}.create`,
      self: reference,
      doc: model.doc,
      fallback: `Makes a \`${python}\`.`,
    }));
    file.symbols.push({
      python,
      ts: `${reference.name}.create`,
      kind: "constructor",
      tier: tierOf(model.constructor_),
    });
  }
  const isStatic = (item: PyFunction | PyAttribute): boolean =>
    "binding" in item ? item.binding === "static" || item.binding === "class" : item.static;
  const members = [...model.methods, ...model.attributes].sort((left, right) => left.name < right.name ? -1 : 1);
  const staticNames = new NameScope().assign(members.filter(isStatic).map((item) => item.name), () => "static");
  const instanceNames = new NameScope(["$"]).assign(
    members.filter((item) => !isStatic(item)).map((item) => item.name),
    () => "member",
  );
  for (const item of members) {
    const alone = isStatic(item);
    const name = (alone ? staticNames : instanceNames).get(item.name)!;
    const how = state("binding" in item ? `${item.binding} ${item.name}` : `attribute ${item.name}`);
    if (how === "inherited") continue;
    if (ENTERING.has(item.name) && "binding" in item) {
      // Who has both forms is entered by `with`, unless asked otherwise.
      if (item.name === "__enter__" || !model.methods.some(({ name }) => name === "__enter__")) {
        const entering = emitEnter(file, planned, item);
        if (entering !== undefined) lines.push(entering);
      }
      continue;
    }
    const modifier = `${alone ? "static " : ""}${how === "override" ? "override " : ""}`;
    lines.push(
      "binding" in item
        ? emitMethod(file, planned, item, name, modifier, alone)
        : emitProperty(file, planned, item, name, modifier, alone),
    );
  }
  const parent = base === undefined ? file.value("PyObject") : base.reference.name;
  return `${doc}\nexport class ${reference.name} extends ${parent} {\n${lines.join("\n\n")}\n}`;
}

/** Classes whose instances are plain values in the host: a function that makes the value. */
function emitValueClass(file: FileWriter, planned: PlannedClass): string {
  const { model, reference, module } = planned;
  return emitCallable(file, {
    head: (parameters, returns) => `export function ${reference.name}(${parameters}): ${returns}`,
    body: (forwarded, result) => `return $py.call(${JSON.stringify(model.path)}, ${forwarded}${result});`,
    signatures: model.constructor_.map((item) => ({ ...item, returns: { k: "name", n: model.id, a: [] } })),
    owner: reference.name,
    doc: model.doc,
    fallback: `Makes a \`${module}.${model.path}\`, which arrives as a plain value.`,
  });
}

/** A TypedDict is a shape of plain objects. */
function emitKeys(file: FileWriter, planned: PlannedClass): string {
  const { model, reference } = planned;
  const doc = comment(model.doc, { fallback: `Keys of \`${pythonName(planned)}\`.`, brief: true });
  const keys = (model.constructor_[0]?.parameters ?? []).map((item) =>
    `/** Key \`${escapeComment(item.name)}\`. */\n${propertyKey(item.name)}${item.default === null ? "" : "?"}: ${
      awaitedType(item.type, file.scope(reference))
    };`
  );
  return `${doc}\nexport interface ${reference.name} {\n${keys.join("\n")}\n}`;
}

/** The module that a class is reached through: the file's own, or where an unexported class lives. */
function home(file: FileWriter, model: PyClassModel): string {
  if (model.public) return "$py";
  return `${file.value("pyModule")}(${JSON.stringify(model.id.slice(0, -model.path.length - 1))})`;
}

function isVague(type: PyType | null): boolean {
  return type === null || type.k === "any";
}

/** Fills in what is known of a member that Python leaves vague. */
function withFacts(name: string, signatures: readonly PySignature[]): readonly PySignature[] {
  const known = knownSignatures(name);
  if (known !== undefined) return known;
  const returns = knownResult(name);
  if (returns === undefined) return signatures;
  return signatures.map((item) => isVague(item.returns) ? { ...item, returns } : item);
}

/** Dotted name under which users of Python know a class. */
function pythonName({ model, module }: PlannedClass): string {
  return model.public ? `${module}.${model.path}` : model.id;
}

function emitMethod(
  file: FileWriter,
  planned: PlannedClass,
  item: PyFunction,
  name: string,
  modifier: string,
  alone: boolean,
): string {
  const { model, reference } = planned;
  const python = `${pythonName(planned)}.${item.name}`;
  const special = SPECIAL_PROPERTIES.has(item.name);
  file.symbols.push({
    python,
    ts: `${reference.name}.${name}`,
    kind: special ? "property" : "method",
    tier: tierOf(item.signatures),
  });
  if (special) {
    const result = resultType(item.signatures[0]?.returns ?? { k: "name", n: "int", a: [] }, file.scope(reference));
    return `/** What Python's \`len()\` gives. */\n${modifier}get ${name}(): ${result.text} {\n` +
      `return this[${file.value("callMethod")}](${JSON.stringify(item.name)}, []);\n}`;
  }
  const target = alone
    ? `${home(file, model)}.call(${JSON.stringify(`${model.path}.${item.name}`)}, `
    : `this[${file.value("callMethod")}](${JSON.stringify(item.name)}, `;
  return emitCallable(file, {
    head: (parameters, returns) => `${modifier}${name}(${parameters}): ${returns}`,
    body: (forwarded, result) => `return ${target}${forwarded}${result});`,
    choice: knownChoice(python),
    signatures: withFacts(python, reductions(file, item.signatures)),
    owner: `${reference.name}.${name}`,
    self: reference,
    doc: SPECIAL_NAMES.has(item.name) ? "" : item.doc,
    fallback: SPECIAL_NAMES.has(item.name) ? `Calls \`${item.name}\`.` : `Calls \`${python}\`.`,
  });
}

/** A context manager with a known value gets a method that has its type; all others are left to the base class. */
function emitEnter(file: FileWriter, planned: PlannedClass, item: PyFunction): string | undefined {
  const { reference } = planned;
  let type = item.signatures[0]?.returns ?? null;
  if (type?.k === "name" && AWAITABLES.has(type.n)) type = type.a.at(-1) ?? null;
  const scope = file.scope(reference);
  const { awaited, remote } = resultType(type, scope);
  if (awaited === "unknown") return undefined;
  const python = `${pythonName(planned)}.${item.name}`;
  file.symbols.push({ python, ts: `${reference.name}.$enter`, kind: "method", tier: tierOf(item.signatures) });
  const made = remote === undefined ? "" : remoteArgument(file, remote);
  const returns = `Promise<${scope.wrapper("Entered")}<${awaited}>>`;
  return `/** Enters it, as Python's \`${ENTERING.get(item.name)}\` does. */\n` +
    `override $enter(options?: ${scope.wrapper("EnterOptions")}): ${returns} {\n` +
    `return this[${file.value("enterMethod")}](options${made});\n}`;
}

function emitProperty(
  file: FileWriter,
  planned: PlannedClass,
  item: PyAttribute,
  name: string,
  modifier: string,
  alone: boolean,
): string {
  const { model, reference } = planned;
  const python = `${pythonName(planned)}.${item.name}`;
  file.symbols.push({ python, ts: `${reference.name}.${name}`, kind: "property", tier: item.tier });
  const doc = comment(item.doc, { fallback: `\`${python}\`.`, brief: true });
  const constant = alone ? constantText(item) : undefined;
  if (constant !== undefined) {
    return `${doc}\n${modifier}readonly ${name}: ${constant.type} = ${constant.text};`;
  }
  const type = isVague(item.type) ? knownResult(python) ?? item.type : item.type;
  const result = resultType(type, file.scope(reference));
  const made = result.remote === undefined ? "" : remoteArgument(file, result.remote);
  const read = alone
    ? `${home(file, model)}.attr(${JSON.stringify(`${model.path}.${item.name}`)}${made})`
    : `this[${file.value("getAttribute")}](${JSON.stringify(item.name)}${made})`;
  return `${doc}\n${modifier}get ${name}(): ${result.text} {\nreturn ${read};\n}`;
}
