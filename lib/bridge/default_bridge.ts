import { ambient } from "../session/mod.ts";
import { bridgeOf, coreOf, SnakeBridge } from "./bridge.ts";
import { currentScope } from "./core.ts";
import type { CallOptions } from "./options.ts";
import type { PyProxy } from "./proxy.ts";
import type { Session } from "./session.ts";
import type { RemoteMembers } from "./shape.ts";
import { type PyTemplate, templateOf } from "./template.ts";

let current: SnakeBridge | undefined;

/**
 * The bridge of code that names none: the one bound around it, else the one given to {@linkcode setDefaultBridge},
 * else one that is made now and starts its workers with its first call.
 */
export function defaultBridge(): SnakeBridge {
  const around = ambient()?.bridge;
  const found = around === undefined ? undefined : bridgeOf(around);
  if (found !== undefined) return found;
  if (current === undefined || current.closed) current = SnakeBridge.lazy();
  return current;
}

/** Makes `bridge` the one that code uses which names none; undefined goes back to a lazy one. */
export function setDefaultBridge(bridge: SnakeBridge | undefined): void {
  current = bridge;
}

/** The default bridge, when there is one; makes none. */
export function existingDefaultBridge(): SnakeBridge | undefined {
  return current;
}

/**
 * Calls a Python function on the default bridge; see {@linkcode SnakeBridge.call}.
 *
 * @example No set-up at all
 * ```ts
 * import { call } from "@snakebridge/snakebridge";
 *
 * console.log(await call("math", "sqrt", [16])); // 4
 * ```
 */
export function call<T = unknown>(
  module: string,
  name: string,
  args?: readonly unknown[],
  kwargs?: object,
  options?: CallOptions,
): Promise<T> {
  return defaultBridge().call<T>(module, name, args, kwargs, options);
}

/** Reads an attribute of a module on the default bridge. */
export function attr<T = unknown>(module: string, name: string, options?: CallOptions): Promise<T> {
  return defaultBridge().attr<T>(module, name, options);
}

/** A proxy of a module on the default bridge; see {@linkcode SnakeBridge.import}. */
export function pyImport(module: string): PyProxy;
/** A proxy of a module whose shape is `S`, on the default bridge. */
export function pyImport<S>(module: string): RemoteMembers<S>;
export function pyImport(module: string): PyProxy {
  return defaultBridge().import(module);
}

/**
 * Evaluates a Python expression on the default bridge, in the session bound around the code; see {@linkcode PyTemplate}.
 */
export const py: PyTemplate = templateOf(() => {
  const core = coreOf(defaultBridge());
  return { core, scope: currentScope(core) };
});

/** Runs Python statements on the default bridge; see {@linkcode SnakeBridge.exec}. */
export function exec<T = unknown>(
  code: string,
  variables?: Readonly<Record<string, unknown>>,
  options?: CallOptions,
): Promise<T> {
  return defaultBridge().exec<T>(code, variables, options);
}

/** Runs `fn` in a session of the default bridge; see {@linkcode SnakeBridge.withSession}. */
export function withSession<T>(
  fn: (session: Session) => T | Promise<T>,
  options?: { readonly id?: string; readonly bridge?: SnakeBridge },
): Promise<T> {
  const bridge = options?.bridge ?? defaultBridge();
  return bridge.withSession(fn, options);
}
