// Sections 3 and 4 of proto/PROTOCOL.md. Const objects rather than enums: the numbers are the wire.

/** Element 0 of every message. */
export const MessageType = {
  /** First message of either side on data. */
  hello: 0,
  /** `[1, v, id, session, kind, target, name, args, kwargs, flags]`. */
  call: 1,
  /** `[2, v, id, session]`. */
  endSession: 2,
  /** `[3, n, value]`: what callback `n` gave. */
  returned: 3,
  /** `[4, n, failure]`: what callback `n` threw. */
  raised: 4,
  /** `[5]`. */
  bye: 5,
  /** A call, in the form of `call` and with `n` behind it, that belongs to callback `n`, which the main thread waits for. */
  nested: 6,
  /** `[16, id, value]`. */
  result: 16,
  /** `[17, id, failure]`. */
  error: 17,
  /** `[18, n, call, function, lane, args, kwargs]`. */
  callback: 18,
  /** `[19, id]`: the call has become a task. */
  awaiting: 19,
  /** `[20, [[function, times], ...]]`. */
  functionsDropped: 20,
  /** `[32, n]`, on control. */
  ping: 32,
  /** `[33, id]`, on control. */
  cancel: 33,
  /** `[34, ids]`, on control. */
  withdraw: 34,
  /** `[35, after, ids]`, on control. */
  release: 35,
  /** `returned` for another thread than the main one, on control. */
  laneReturned: 36,
  /** `raised` for another thread, on control. */
  laneRaised: 37,
  /** `[38, n, v, id, session, kind, target, name, args, kwargs, flags]`: `nested` for another thread, on control. */
  laneCall: 38,
  /** `[48, n, info]`, on control. */
  pong: 48,
  /** `[49, id, outcome]`, on control. */
  cancelled: 49,
} as const;
/** A number of {@linkcode MessageType}. */
export type MessageType = typeof MessageType[keyof typeof MessageType];

/** What a call does. */
export const CallKind = {
  /** Calls `module.name`. */
  function: 0,
  /** Calls an attribute of a ref, or the object itself when the name is empty. */
  method: 1,
  /** Reads an attribute of a ref. */
  getAttr: 2,
  /** Sets an attribute of a ref. */
  setAttr: 3,
  /** Deletes an attribute of a ref. */
  delAttr: 4,
  /** Reads an attribute of a module, or gives the module itself when the name is empty. */
  moduleAttr: 5,
  /** Applies an {@linkcode Operation} to a ref. */
  operation: 6,
  /** Takes items from an iterator. */
  next: 7,
  /** Gives the object of a ref in the form that the flags ask for. */
  value: 8,
  /** Evaluates an expression; its holes are the arguments. */
  evaluate: 9,
  /** Runs statements among the names of the session. */
  execute: 10,
} as const;
/** A number of {@linkcode CallKind}. */
export type CallKind = typeof CallKind[keyof typeof CallKind];

/** How a result comes back: the low two bits of a call's flags. */
export const Returns = {
  /** What has an encoding is a value, the rest are refs. */
  auto: 0,
  /** A value or an error. */
  value: 1,
  /** A ref, whatever it is. */
  ref: 2,
  /** Nothing. */
  none: 3,
} as const;
/** A number of {@linkcode Returns}. */
export type Returns = typeof Returns[keyof typeof Returns];

/** Single bits of a call's flags. */
export const CallFlag = {
  /** The result is also kept as ref `id` of this call. */
  keep: 4,
  /** Success is not answered; an error is. */
  silent: 8,
} as const;
/** A bit of {@linkcode CallFlag}. */
export type CallFlag = typeof CallFlag[keyof typeof CallFlag];

type ArithmeticOperation =
  | "add"
  | "sub"
  | "mul"
  | "truediv"
  | "floordiv"
  | "mod"
  | "pow"
  | "matmul"
  | "and"
  | "or"
  | "xor"
  | "lshift"
  | "rshift";

/** Names of the operations of {@linkcode CallKind} `operation`. */
export type Operation =
  | "len"
  | "str"
  | "repr"
  | "bool"
  | "hash"
  | "dir"
  | "type"
  | "iter"
  | "close"
  | "contains"
  | "getitem"
  | "setitem"
  | "delitem"
  | "call"
  | "eq"
  | "ne"
  | "lt"
  | "le"
  | "gt"
  | "ge"
  | "add"
  | "sub"
  | "mul"
  | "truediv"
  | "floordiv"
  | "mod"
  | "pow"
  | "matmul"
  | "and"
  | "or"
  | "xor"
  | "lshift"
  | "rshift"
  | "neg"
  | "pos"
  | "invert"
  | "abs"
  | "to_arrow"
  | "enter"
  | "exit"
  | "equals"
  | "is"
  | "class"
  | "isinstance"
  | `${"r" | "i"}${ArithmeticOperation}`;

/** What a remote object can do: bits of a ref's `traits` (section 5.5). */
export const Trait = {
  callable: 1,
  iterable: 2,
  iterator: 4,
  contextManager: 8,
  class: 16,
  module: 32,
  awaitable: 64,
  sized: 128,
  asyncIterable: 256,
  asyncContextManager: 512,
} as const;
/** A bit of {@linkcode Trait}. */
export type Trait = typeof Trait[keyof typeof Trait];

/** What the host says in its hello. */
export interface HostHello {
  /** Highest protocol version it speaks. */
  readonly protocol: number;
  /** Lowest protocol version it speaks. */
  readonly minProtocol: number;
  /** Who it is, for logs. */
  readonly host: string;
  /** Limits that the worker keeps too. */
  readonly limits: { readonly maxFrameBytes: number; readonly maxDepth: number; readonly maxElements: number };
  /** Folders put in front of `sys.path`. */
  readonly pythonPaths: readonly string[];
  /** Longest `repr` that a ref carries, in characters. */
  readonly reprMaxChars: number;
  /** Most refs of one session; 0 for no limit. */
  readonly maxRefs?: number;
  /** How long a ref may stay unused, in seconds; 0 for ever. */
  readonly refTtlSeconds?: number;
  /** What calls may reach; everything when undefined. */
  readonly policy?: HelloPolicy | undefined;
}

/** What calls may reach (section 4.1). */
export interface HelloPolicy {
  /** Patterns of what may be reached; everything when undefined. */
  readonly allow?: readonly string[] | undefined;
  /** Patterns of what may not be reached, whatever `allow` says. */
  readonly deny?: readonly string[] | undefined;
  /** Whether expression templates may be evaluated. */
  readonly expressions?: boolean | undefined;
}

/** What the worker says in its hello. */
export interface WorkerHello {
  /** Highest protocol version it speaks. */
  readonly protocol: number;
  /** Lowest protocol version it speaks. */
  readonly minProtocol: number;
  /** `[major, minor, micro, releaselevel, serial]`. */
  readonly python: readonly [number, number, number, string, number];
  /** `sys.implementation.name`. */
  readonly implementation: string;
  /** `sys.executable`. */
  readonly executable: string;
  /** `sys.prefix`. */
  readonly prefix: string;
  /** `sys.platform`. */
  readonly platform: string;
  /** Process id. */
  readonly pid: number;
  /** Which MessagePack library it found. */
  readonly codec: "msgspec" | "msgpack" | "builtin";
  /** Whether the interpreter lock is on. */
  readonly gil: boolean;
}

/** The state that a worker reports in a pong. */
export interface PongInfo {
  /** Id of the running call, or 0. */
  readonly running: number;
  /** Last id that started. */
  readonly started: number;
  /** Live refs. */
  readonly refs: number;
  /** Resident memory in bytes. */
  readonly rssBytes: number;
}

/** A pong, decoded. */
export interface Pong {
  /** The number of the ping it answers. */
  readonly n: number;
  /** The worker's state. */
  readonly info: PongInfo;
}

/** What became of a call that was to be cancelled or withdrawn. */
export type CancelOutcome = "withdrawn" | "interrupting" | "running" | "done";
