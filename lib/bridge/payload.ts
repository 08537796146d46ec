import type { CallOptions } from "./options.ts";

/**
 * A call in the dictionary form of Snakepit's tools. Python checks every field: unknown ones are refused, missing ones
 * named. proto/PROTOCOL.md 8 says what becomes of each.
 */
export interface CallPayload {
  /** Version the payload is written in. */
  readonly protocol_version?: number;
  /** Oldest version its writer understands. */
  readonly min_supported_version?: number;
  /** What is called; `function` when not given. */
  readonly call_type?:
    | "function"
    | "class"
    | "method"
    | "dynamic"
    | "dynamic_stream"
    | "get_attr"
    | "set_attr"
    | "module_attr"
    | "stream_next"
    | "helper";
  /** Session of the call; that of the caller when not given. */
  readonly session_id?: string;
  /** Module, when there is no `python_module`. */
  readonly library?: string;
  /** Dotted module name. */
  readonly python_module?: string;
  /** Dotted name of a function or method. */
  readonly function?: string;
  /** Name of a class. */
  readonly class?: string;
  /** Name of an attribute. */
  readonly attr?: string;
  /** The object of a method or attribute: a `Ref` or a proxy. */
  readonly instance?: unknown;
  /** The iterator that gives the next item. */
  readonly stream_ref?: unknown;
  /** Positional arguments. */
  readonly args?: readonly unknown[];
  /** Keyword arguments. */
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** As {@linkcode CallOptions.idempotent}. */
  readonly idempotent?: boolean;
}

/** Module and function of the worker that read payloads. */
export const PAYLOAD_RUNNER = ["snakebridge._internal.legacy_payload", "run"] as const;

/** Call options, with what the payload says of them. */
export function payloadOptions(payload: CallPayload, options: CallOptions | undefined): CallOptions | undefined {
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) {
    throw new TypeError(`Cannot run payload: it is ${String(payload)}, expected an object`);
  }
  return typeof payload.idempotent === "boolean" ? { idempotent: payload.idempotent, ...options } : options;
}
