import type { HelloPolicy } from "../protocol/mod.ts";
import { checkNames } from "./option_names.ts";

/**
 * What calls may reach in Python. The worker holds it, whatever the words are that a call is made with: an object is
 * known by what it is, so `platform.os.system` and `posix.system` fall under `deny: ["os"]`.
 *
 * A pattern is a dotted name: `os` means the module and everything in and below it, `os.*` all that but the module
 * itself, `os.path.join` one function, `*` everything. `deny` wins over `allow`.
 *
 * Functions that run code or look up names given as data (`builtins.eval`, `builtins.getattr`, `importlib`, `pickle`, …)
 * are refused under any policy, unless `allow` names them; so are attributes such as `__globals__`.
 *
 * It is no sandbox: Python code that may be called can do all that Python can.
 */
export interface PolicyOptions {
  /**
   * What may be reached; nothing else then is, but instances of builtin data types and their methods.
   *
   * @default Everything
   */
  allow?: readonly string[];
  /** What may not be reached. */
  deny?: readonly string[];
  /**
   * Whether expression templates may be evaluated. They are Python code, so no pattern holds for them.
   *
   * @default {false}
   */
  expressions?: boolean;
}

const NAMES: Readonly<Record<keyof PolicyOptions, true>> = { allow: true, deny: true, expressions: true };
const PATTERN = /^(?:\*|[\p{L}\p{Nl}_][\p{L}\p{N}\p{M}_]*(?:\.[\p{L}\p{Nl}_][\p{L}\p{N}\p{M}_]*)*(?:\.\*)?)$/u;

/**
 * Checks a policy.
 *
 * @throws {TypeError} If there is no option of a given name, or a value has the wrong type.
 * @throws {SyntaxError} If a pattern is no dotted name.
 */
export function resolvePolicy(options: PolicyOptions): HelloPolicy {
  const what = "Cannot start bridge: policy";
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`${what} is ${String(options)}, expected an object`);
  }
  checkNames("Cannot use policy", options, NAMES);
  const { allow, deny, expressions = false } = options;
  if (typeof expressions !== "boolean") {
    throw new TypeError(`${what}.expressions is ${String(expressions)}, expected true or false`);
  }
  for (const [name, patterns] of Object.entries({ allow, deny })) {
    if (patterns === undefined) continue;
    if (!Array.isArray(patterns)) throw new TypeError(`${what}.${name} is ${String(patterns)}, expected an array`);
    for (const pattern of patterns) {
      if (typeof pattern !== "string" || !PATTERN.test(pattern)) {
        throw new SyntaxError(
          `${what}.${name} has "${String(pattern)}", expected a dotted name such as "os", "os.path" or "os.*", or "*"`,
        );
      }
    }
  }
  return {
    ...(allow === undefined ? {} : { allow: [...allow] }),
    ...(deny === undefined ? {} : { deny: [...deny] }),
    expressions,
  };
}
