import { RefWorkerError } from "../errors/mod.ts";
import { CallKind } from "../protocol/mod.ts";
import type { Behind } from "../refs/mod.ts";
import type { SessionScope } from "../session/mod.ts";
import type { Worker } from "../worker/mod.ts";
import type { Core } from "./core.ts";
import type { CallOptions } from "./options.ts";
import { type FaceMaker, type Home, Pending, type StepPlan } from "./pending.ts";
import { proxyOf, type PyProxy, settledProxy } from "./proxy.ts";
import { remotesOf } from "./remotes.ts";

/** Options of a Python expression: those of a call, and modules that it may name. */
export interface TemplateOptions extends CallOptions {
  /**
   * Modules by the names that the expression has for them, such as `{ np: "numpy" }`. Python imports them when the
   * expression first runs.
   */
  imports?: Readonly<Record<string, string>>;
}

/**
 * Evaluates a Python expression, written as a template: for slices, operators, comprehensions, and whatever else has no
 * spelling in TypeScript.
 *
 * What stands in `${}` is bound as a variable, never as text: values, references, and results that are still on their
 * way, also of other templates. The result is a {@linkcode PyProxy}: await it, or chain on it.
 *
 * Names are those of Python's builtins, of `imports`, and what {@linkcode SnakeBridge.exec} defined in the same session.
 * The text goes to Python as written: `\n` inside is Python's escape. `await` has no place in it; an expression that calls an
 * `async def` gives what that returns.
 *
 * @example Values and pending results in an expression
 * ```ts
 * import { py } from "@snakebridge/snakebridge";
 *
 * const words = ["pear", "fig", "banana"];
 * console.log(await py<string[]>`sorted(${words}, key=len)[::-1]`); // [ "banana", "pear", "fig" ]
 *
 * const root = py({ imports: { m: "math" } })`m.sqrt(${py`2 ** ${4}`})`;
 * console.log(await root); // 4
 * ```
 */
export interface PyTemplate {
  /** Evaluates the expression; `T` is what awaiting it gives. */
  <T = unknown>(strings: TemplateStringsArray, ...holes: readonly unknown[]): PyProxy<T>;
  /** The same template with options. */
  (options: TemplateOptions): PyTemplate;
}

// No text of Python holds it, so it marks the holes on the wire.
const HOLE = "\0";
const SHOWN_CHARS = 60;

/** Where the names of a session live, once statements made some. */
class Names {
  worker: Worker | undefined;
  /**
   * The last statements, until they are bound to a worker: what is bound to the same one later comes after them.
   */
  unbound: Statements | undefined;
}

const namesOf = new WeakMap<SessionScope, Names>();

/** An expression runs where its objects are, else where the names of its session are. */
class ExpressionHome implements Home {
  readonly stays = false;
  readonly after: Behind | undefined;
  readonly #names: Names | undefined;

  constructor(names: Names | undefined, holes: readonly unknown[]) {
    this.#names = names;
    if (names?.unbound !== undefined && !isElsewhere(names, holes)) this.after = names.unbound;
  }

  choose(needed: Worker | undefined): Worker | undefined {
    const worker = this.#names?.worker;
    return needed ?? (worker?.alive === true ? worker : undefined);
  }
}

/** Whether objects keep an expression away from the names of its session, so that it need not wait for them. */
function isElsewhere({ worker }: Names, holes: readonly unknown[]): boolean {
  return worker?.alive === true &&
    remotesOf(holes, null).some(({ handle }) => handle !== undefined && handle.table.owner !== worker);
}

/** Statements run where the names of their session are; the first ones where the session was last. */
class StatementsHome implements Home {
  readonly stays = true;
  readonly after: Behind | undefined;
  /** The statements. */
  step: Statements | undefined;
  readonly #names: Names;
  readonly #scope: SessionScope;

  constructor(names: Names, scope: SessionScope) {
    this.#names = names;
    this.#scope = scope;
    this.after = names.unbound;
  }

  choose(needed: Worker | undefined, what: string): Worker | undefined {
    const { worker } = this.#names;
    if (worker?.alive === true) {
      if (needed !== undefined && needed !== worker) throw new RefWorkerError(what);
      this.bound(worker);
      return worker;
    }
    const last = this.#scope.preferred;
    const found = needed ?? (last?.alive === true ? last : undefined);
    if (found !== undefined) this.bound(found);
    return found;
  }

  /** Notes that the statements go to `worker` and nowhere else. */
  bound(worker: Worker): void {
    this.#names.worker = worker;
    if (this.#names.unbound === this.step) this.#names.unbound = undefined;
  }
}

/** A step whose words are its code. */
class CodeStep extends Pending {
  readonly #words: string;

  constructor(core: Core, scope: SessionScope, plan: StepPlan, face: FaceMaker, words: string) {
    super(core, scope, plan, face);
    this.#words = words;
  }

  override get what(): string {
    return this.#words;
  }
}

/** Statements; they note where the names of their session are. */
class Statements extends CodeStep {
  readonly #home: StatementsHome;

  constructor(core: Core, scope: SessionScope, plan: StepPlan, face: FaceMaker, words: string, home: StatementsHome) {
    super(core, scope, plan, face, words);
    this.#home = home;
    home.step = this;
  }

  override send(...sent: Parameters<Pending["send"]>): number | undefined {
    this.#home.bound(sent[0]);
    return super.send(...sent);
  }
}

/** Makes the template of a bridge or session; both are asked for anew with each expression. */
export function templateOf(
  place: () => { readonly core: Core; readonly scope: SessionScope },
  options: TemplateOptions = {},
): PyTemplate {
  const template = (first: TemplateStringsArray | TemplateOptions, ...holes: readonly unknown[]): unknown => {
    if (isTemplate(first)) {
      const { core, scope } = place();
      return evaluate(core, scope, first.raw.map(textOf), holes, options);
    }
    checkOptions(first, holes);
    return templateOf(place, { ...options, ...first });
  };
  return template as PyTemplate;
}

function isTemplate(value: unknown): value is TemplateStringsArray {
  return typeof value === "object" && value !== null && Array.isArray((value as TemplateStringsArray).raw);
}

function checkOptions(options: unknown, holes: readonly unknown[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options) || holes.length > 0) {
    const seen = typeof options === "string" ? `the text "${clip(options)}"` : String(options);
    throw new TypeError(
      `Cannot evaluate ${seen}: py is a template, written py\`...\`, or py({ timeoutMs })\`...\` with options`,
    );
  }
  const { imports } = options as TemplateOptions;
  if (imports === undefined) return;
  for (const [name, module] of Object.entries(imports)) {
    if (typeof module !== "string" || module === "") {
      throw new TypeError(`Cannot import ${name}: got ${String(module)}, expected the name of a module`);
    }
  }
}

/**
 * What was written, less the backslashes that only the template needed.
 *
 * Bun gives `\u00E9` where `é` was written. Both mean the same to Python except in a raw string, where the letter is the
 * likelier wish; so escapes beyond ASCII become what they stand for, on every runtime.
 */
function textOf(raw: string): string {
  return raw.replace(
    /\\u(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{4}))|\\([\s\S])|\$\\\{/g,
    (found, braced?: string, four?: string, next?: string) => {
      const digits = braced ?? four;
      if (digits !== undefined) {
        const code = Number.parseInt(digits, 16);
        const isLetter = code > 0x7f && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        return isLetter ? String.fromCodePoint(code) : found;
      }
      if (next === undefined) return "${";
      return next === "`" || next === "$" ? next : found;
    },
  );
}

function evaluate(
  core: Core,
  scope: SessionScope,
  parts: readonly string[],
  holes: readonly unknown[],
  { imports, ...options }: TemplateOptions,
): PyProxy {
  for (const part of parts) checkText("evaluate", part);
  const words = `py\`${clip(parts.reduce((text, part, index) => `${text}\${${index - 1}}${part}`))}\``;
  const plan: StepPlan = {
    kind: CallKind.evaluate,
    target: parts.join(HOLE),
    name: "",
    args: holes,
    kwargs: imports === undefined || Object.keys(imports).length === 0 ? null : imports,
    options,
    home: new ExpressionHome(namesOf.get(scope), holes),
  };
  return proxyOf(core, new CodeStep(core, scope, plan, settledProxy, words));
}

/** Runs statements in the names of a session, and gives the value of the expression they end with. */
export function execute(
  core: Core,
  scope: SessionScope,
  code: string,
  variables: Readonly<Record<string, unknown>> | undefined,
  options: CallOptions | undefined,
  face: FaceMaker,
): Promise<unknown> {
  if (typeof code !== "string") {
    throw new TypeError(`Cannot execute ${String(code)}: expected Python statements as text`);
  }
  if (variables !== undefined && (typeof variables !== "object" || variables === null || Array.isArray(variables))) {
    throw new TypeError(`Cannot execute: variables are ${String(variables)}, expected an object of names and values`);
  }
  checkText("execute", code);
  let names = namesOf.get(scope);
  if (names === undefined) namesOf.set(scope, names = new Names());
  const home = new StatementsHome(names, scope);
  const plan: StepPlan = {
    kind: CallKind.execute,
    target: code,
    name: "",
    args: [],
    kwargs: variables === undefined || Object.keys(variables).length === 0 ? null : variables,
    options,
    home,
  };
  const step = new Statements(core, scope, plan, face, `exec("${clip(code.trim())}")`, home);
  names.unbound = step;
  return step.result();
}

function checkText(doing: string, text: string): void {
  if (text.includes(HOLE)) {
    throw new TypeError(`Cannot ${doing} "${clip(text)}": it holds a null character; write \\0 in a Python string`);
  }
}

function clip(text: string): string {
  const line = text.replaceAll(/\s+/g, " ");
  return line.length > SHOWN_CHARS ? `${line.slice(0, SHOWN_CHARS)}…` : line;
}
