// What both encoders must agree on: what is a plain object, and why something else has no encoding.
import { Unencodable } from "./protocol_errors.ts";
import { isArrowTable } from "./table_port.ts";

/** Whether the object's own properties are all there is to it; true for objects of other realms too. */
export function isPlainObject(value: object): value is Record<string, unknown> {
  // Symbol keys would be left out in silence.
  return hasPlainPrototype(value) && Object.getOwnPropertySymbols(value).length === 0;
}

function hasPlainPrototype(value: object): boolean {
  const proto = Object.getPrototypeOf(value);
  if (proto === Object.prototype || proto === null) return true;
  return Object.getPrototypeOf(proto) === null && Object.hasOwn(proto, "isPrototypeOf");
}

/** The name a user knows the value's type by. */
export function typeName(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  try {
    const tag = tagName(value);
    if (tag !== "") return tag;
    const name = (value as { constructor?: { name?: unknown } }).constructor?.name;
    return typeof name === "string" && name !== "" ? name : "object";
  } catch {
    return "object"; // a hostile or revoked proxy
  }
}

/** The name that a built-in object carries, whichever realm made it. */
export function tagName(value: object): string {
  const tag = (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  return typeof tag === "string" ? tag : "";
}

/** Says why a value has no encoding and what to pass in its place. */
export function refusal(value: unknown): Unencodable {
  if (typeof value === "function") {
    return new Unencodable("functions have no encoding", "call it first and pass its result");
  }
  if (typeof value === "symbol") return new Unencodable("symbols have no encoding", "pass its description as text");
  const object = value as object;
  if (object instanceof Promise || typeof (object as { then?: unknown }).then === "function") {
    return new Unencodable("it is not settled", "await it first");
  }
  if (object instanceof Error) return new Unencodable("errors have no encoding", "pass its message");
  if (object instanceof RegExp) return new Unencodable("regular expressions have no encoding", "pass its source");
  if (object instanceof URL) return new Unencodable("URLs have no encoding", "pass its href or pathname");
  if (object instanceof Number || object instanceof String || object instanceof Boolean) {
    return new Unencodable("it is a wrapper object", "pass its valueOf()");
  }
  if (object instanceof WeakMap || object instanceof WeakSet || object instanceof WeakRef) {
    return new Unencodable("weak collections cannot be listed", "pass an array, a Map or a Set");
  }
  if (tagName(object).startsWith("Temporal.")) {
    return new Unencodable("Python has no such type", "pass a PlainDate, PlainDateTime, ZonedDateTime or text");
  }
  if (isArrowTable(object)) {
    return new Unencodable(
      "tables of apache-arrow are encoded by a module that is not loaded",
      'import "@snakebridge/snakebridge/arrow"',
    );
  }
  if (typeof (object as { next?: unknown }).next === "function") {
    return new Unencodable("iterators have no encoding", "collect it with Array.from first");
  }
  if (hasPlainPrototype(object)) return new Unencodable("it has a symbol among its keys", "use text as keys");
  return new Unencodable(
    "instances of classes have no encoding",
    "pass a plain object, an array, a Map or a remote object",
  );
}

/** Text that UTF-8 can carry. */
export function checkText(text: string): void {
  if (!text.isWellFormed()) {
    const at = [...text].findIndex((char) => /^[\ud800-\udfff]$/.test(char));
    throw new Unencodable(
      `the text has a lone surrogate as character ${at}`,
      "use .toWellFormed() if it may be replaced",
    );
  }
}

/** One more step of a path. */
export function pathStep(step: string | number): string {
  if (typeof step === "number") return `[${step}]`;
  return /^[A-Za-z_]\w*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}

/** The bytes of a value that is bytes, or undefined. Memory that others may change or take away is copied or refused. */
export function asBytes(value: object): Uint8Array | undefined {
  let bytes: Uint8Array;
  if (ArrayBuffer.isView(value)) {
    const tag = tagName(value);
    if (tag === "Uint8Array") bytes = value as Uint8Array;
    else if (tag === "Uint8ClampedArray" || value instanceof DataView) bytes = ownBytes(value);
    else return undefined;
  } else if (value instanceof ArrayBuffer || tagName(value) === "SharedArrayBuffer") {
    bytes = new Uint8Array(value as ArrayBuffer);
  } else return undefined;
  return steady(bytes);
}

/** The bytes of a view. */
function ownBytes(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}

/** The bytes of a typed array, fit to be written later. */
export function steady(view: ArrayBufferView): Uint8Array {
  const bytes = tagName(view) === "Uint8Array" ? view as Uint8Array : ownBytes(view);
  if (bytes.byteLength === 0 && (bytes.buffer as ArrayBuffer).detached === true) {
    throw new Unencodable("its buffer was transferred away", "pass it before it is transferred, or a copy");
  }
  // Sockets refuse shared memory, and another thread might change it between two writes.
  return bytes.buffer instanceof ArrayBuffer ? bytes : new Uint8Array(bytes);
}
