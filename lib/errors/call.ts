import { SnakeBridgeError } from "./base.ts";

/** A call ran out of time: in the queue, on the way, or in Python. */
export class CallTimeoutError extends SnakeBridgeError {
  /** The limit that ran out, in milliseconds. */
  readonly timeoutMs: number;

  /** Makes the error for a call described by `what`; `option` is the name of the limit that ran out. */
  constructor(what: string, timeoutMs: number, mayHaveRun: boolean, option = "timeoutMs") {
    super(
      `Call ${what} gave no result within ${timeoutMs} ms${mayHaveRun ? "" : " and was never started"}; ` +
        `raise ${option} if it needs longer`,
      { code: "call_timeout", category: "timeout", mayHaveRun, details: { timeoutMs, option } },
    );
    this.timeoutMs = timeoutMs;
  }
}

/** A call was cancelled through its `AbortSignal`; `cause` is the reason of the signal. */
export class CallCancelledError extends SnakeBridgeError {
  /** Makes the error for a call described by `what`. */
  constructor(what: string, mayHaveRun: boolean, cause?: unknown) {
    super(`Call ${what} was cancelled${mayHaveRun ? "" : " before it started"}`, {
      code: "call_cancelled",
      category: "timeout",
      mayHaveRun,
      cause,
    });
  }
}

/** A result has no encoding and a reference was not allowed, or Python cannot make an argument of what was sent. */
export class SerializationError extends SnakeBridgeError {
  /** Where in the value, such as `$[0].name`. */
  readonly path: string;
  /** The Python type at that place. */
  readonly type: string;

  /** Makes the error from what the worker reported. */
  constructor(message: string, path: string, type: string, mayHaveRun: boolean) {
    super(message, { code: "not_serializable", category: "validation", mayHaveRun, details: { path, type } });
    this.path = path;
    this.type = type;
  }
}

/** A value is bigger, deeper or has more elements than the limits allow, or it contains itself. */
export class LimitExceededError extends SnakeBridgeError {
  /** The limit's name (`maxFrameBytes`, `maxDepth`, `maxElements`) or `cycle`. */
  readonly limit: string;
  /** What was seen, where it is known. */
  readonly value: number | undefined;
  /** What is allowed; undefined for a cycle. */
  readonly max: number | undefined;

  /** Makes the error. */
  constructor(message: string, limit: string, value?: number, max?: number, mayHaveRun = false) {
    super(message, { code: "limit_exceeded", category: "validation", mayHaveRun, details: { limit, value, max } });
    this.limit = limit;
    this.value = value;
    this.max = max;
  }
}

/** A reference cannot be used: the base of the reasons. The call that names it never ran. */
export class RefError extends SnakeBridgeError {}

/** The reference was released before this use. */
export class RefReleasedError extends RefError {
  /** Makes the error for a reference described by `what`. */
  constructor(what: string) {
    super(`Cannot use ${what}: it was released`, { code: "ref_released", category: "validation" });
  }
}

/** Nobody used the reference for longer than `refTtlSeconds`, so its object was given back. */
export class RefExpiredError extends RefError {
  /** How long it may stay unused, in seconds. */
  readonly ttlSeconds: number;

  /** Makes the error for a reference described by `what`. */
  constructor(what: string, ttlSeconds: number) {
    super(
      `Cannot use ${what}: it was not used for more than ${ttlSeconds} seconds and was given back; ` +
        `make it again, or raise refTtlSeconds`,
      { code: "ref_expired", category: "validation", details: { ttlSeconds } },
    );
    this.ttlSeconds = ttlSeconds;
  }
}

/** Its session had `maxRefs` references, of which this one was used least recently, so its object was given back. */
export class RefEvictedError extends RefError {
  /** Most references of one session in one worker. */
  readonly maxRefs: number;

  /** Makes the error for a reference described by `what`. */
  constructor(what: string, maxRefs: number) {
    super(
      `Cannot use ${what}: it was given back for others, as the one used least recently of the ${maxRefs} that a ` +
        `session may have; release what is not needed, or raise maxRefs`,
      { code: "ref_evicted", category: "validation", details: { maxRefs } },
    );
    this.maxRefs = maxRefs;
  }
}

/** There is no such reference: the worker was never asked for it, or the result it would name was not kept. */
export class RefNotFoundError extends RefError {
  /** Makes the error for a reference described by `what`. */
  constructor(what: string, why: string, code = "ref_not_found") {
    super(`Cannot use ${what}: ${why}`, { code, category: "validation" });
  }
}

/** The object died with its worker process, which crashed, was replaced, or was closed with its bridge. */
export class RefLostError extends RefNotFoundError {
  /** Makes the error for a reference described by `what`. */
  constructor(what: string, why: string) {
    super(what, `${why}, and its objects with it; make it again`, "ref_lost");
  }
}

/** The reference belongs to another session. */
export class RefSessionError extends RefError {
  /** Makes the error for a reference described by `what`. */
  constructor(what: string, owner: string, user: string, code = "ref_session", why?: string) {
    super(`Cannot use ${what}${why ?? ` in session "${user}": it belongs to session "${owner}"`}`, {
      code,
      category: "validation",
      details: { owner, user },
    });
  }
}

/** The session of the reference has ended, and gave back what was made in it. */
export class RefSessionEndedError extends RefSessionError {
  /** Makes the error for a reference described by `what`. */
  constructor(what: string, owner: string, user: string) {
    super(what, owner, user, "ref_session_ended", `: its session "${owner}" has ended`);
  }
}

/** The references of one call live in different workers, or one of them in a worker of another bridge. */
export class RefWorkerError extends RefError {
  /** Makes the error for a call described by `what`. */
  constructor(
    what: string,
    why =
      "its references live in different workers; make them in one session (withSession) or send one of them as a value",
  ) {
    super(`Cannot call ${what}: ${why}`, { code: "ref_worker", category: "validation" });
  }
}

/** The policy of the bridge refuses what a call would reach; nothing of it was called. */
export class PolicyDeniedError extends SnakeBridgeError {
  /** What would have been reached: its own name, such as `posix.system`, or the words used, such as `os.environ`. */
  readonly denied: string;
  /** Why not: `deny 'os'`, `gateway 'builtins.eval'`, `introspection '__globals__'`, `no entry of allow matches it`. */
  readonly rule: string;

  /** Makes the error for a call described by `what`. */
  constructor(what: string, denied: string, rule: string) {
    super(`Call ${what} was refused by the policy of the bridge: it reaches ${denied} (${rule})`, {
      code: "policy_denied",
      category: "validation",
      details: { name: denied, rule },
    });
    this.denied = denied;
    this.rule = rule;
  }
}

/** A peer broke the protocol. */
export class ProtocolError extends SnakeBridgeError {
  /** Makes the error. */
  constructor(message: string, cause?: unknown) {
    super(message, { code: "protocol", category: "transport", mayHaveRun: true, cause });
  }
}

/** Host and worker have no protocol version in common. */
export class ProtocolVersionError extends SnakeBridgeError {
  /** Makes the error from the four numbers. */
  constructor(hostProtocol: number, hostMinProtocol: number, workerProtocol: number, workerMinProtocol: number) {
    super(
      `Host speaks protocol ${hostMinProtocol} to ${hostProtocol}, worker speaks ${workerMinProtocol} to ` +
        `${workerProtocol}; install the same version of both halves`,
      {
        code: "protocol_version",
        category: "transport",
        details: { hostProtocol, hostMinProtocol, workerProtocol, workerMinProtocol },
      },
    );
  }
}
