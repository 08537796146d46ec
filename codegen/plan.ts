/**
 * Which class goes into which file, under which name, on top of which other.
 *
 * A public class lives in the file of the first module that exports it (the library itself before its submodules);
 * others re-export nothing: one class, one place. A class that only results mention lives in the library's own file.
 * A class extends another of the same file when Python's does and every member it shares means the same; otherwise all
 * inherited members are written out, because TypeScript refuses overrides that Python allows.
 *
 * @module
 */

import type { LibraryModel, PyClassModel, PyModuleModel } from "./model.ts";
import { NameScope } from "./names.ts";
import { type ClassReference, isValueClass } from "./types.ts";

/** A class with its place. */
export interface PlannedClass {
  readonly model: PyClassModel;
  readonly module: string;
  readonly reference: ClassReference;
  readonly base: PlannedClass | undefined;
}

/** One file. */
export interface PlannedModule {
  readonly model: PyModuleModel;
  readonly path: string;
  readonly classes: readonly PlannedClass[];
}

/** Path of a module's file below the generated folder. */
export function modulePath(name: string): string {
  return `${name.split(".").join("/")}/mod.ts`;
}

/** Plans all files of some libraries. */
export function planLibraries(libraries: readonly LibraryModel[]): readonly PlannedModule[] {
  const placed = new Set<string>();
  const planned: PlannedModule[] = [];
  for (const library of libraries) {
    const modules = [...library.modules].sort((left, right) =>
      left.name.length - right.name.length || (left.name < right.name ? -1 : 1)
    );
    for (const [index, module] of modules.entries()) {
      const path = modulePath(module.name);
      const found: PyClassModel[] = [];
      for (const cls of [...module.classes, ...(index === 0 ? library.reached : [])]) {
        if (placed.has(cls.id)) continue;
        placed.add(cls.id);
        found.push(cls);
      }
      planned.push({ model: module, path, classes: placeClasses(found, module.name, path) });
    }
  }
  return planned;
}

function placeClasses(found: readonly PyClassModel[], module: string, path: string): readonly PlannedClass[] {
  const byDepth = [...found].sort((left, right) =>
    left.bases.length - right.bases.length || (left.id < right.id ? -1 : 1)
  );
  const scope = new NameScope();
  const publicNames = byDepth.filter((cls) => cls.public).map((cls) => cls.name);
  const names = scope.assign([...new Set(publicNames)], () => "type");
  const planned = new Map<string, PlannedClass>();
  const claimed = new Set<string>();
  for (const cls of byDepth) {
    const first = cls.public && !claimed.has(cls.name);
    if (first) claimed.add(cls.name);
    const name = first ? names.get(cls.name)! : scope.assign([cls.name], () => "type").get(cls.name)!;
    const base = cls.bases.map((id) => planned.get(id)).find((item) =>
      item !== undefined && isCompatible(item.model, cls)
    );
    planned.set(cls.id, {
      model: cls,
      module,
      reference: { id: cls.id, file: path, name, plain: cls.kind === "typed_dict" },
      base,
    });
  }
  return [...planned.values()];
}

/** Whether every member of the base means the same in the derived class. */
function isCompatible(base: PyClassModel, derived: PyClassModel): boolean {
  if (isValueClass(base.id, base.bases) || base.kind === "typed_dict") return false;
  const members = memberTexts(derived);
  for (const [name, text] of memberTexts(base)) if (members.get(name) !== text) return false;
  return true;
}

/** What each member means, as comparable text. */
export function memberTexts(cls: PyClassModel): Map<string, string> {
  const texts = new Map<string, string>();
  for (const item of cls.methods) texts.set(`${item.binding} ${item.name}`, JSON.stringify(item.signatures));
  for (const item of cls.attributes) {
    texts.set(`attribute ${item.name}`, JSON.stringify([item.type, item.static, item.value, item.writable]));
  }
  if (cls.public) texts.set("create", JSON.stringify(cls.constructor_));
  return texts;
}
