import { installCommand } from "../interpreter/mod.ts";
import type { Failure, PythonFailure, RefFailure } from "../protocol/mod.ts";
import type { Handle } from "../refs/mod.ts";
import {
  CallCancelledError,
  LimitExceededError,
  PolicyDeniedError,
  ProtocolError,
  ProtocolVersionError,
  PythonError,
  PythonErrorGroup,
  RefEvictedError,
  RefExpiredError,
  RefNotFoundError,
  RefReleasedError,
  RefSessionEndedError,
  RefSessionError,
  SerializationError,
} from "../errors/mod.ts";

/**
 * Turns what the worker reported into an error.
 *
 * @param failure The failure (proto/PROTOCOL.md 7).
 * @param what Words for the call, such as `math.sqrt`.
 * @param executable The interpreter, for advice on what to install.
 * @param thrown What a callback threw, by its number.
 * @param handleOf Finds the holds that the call names, to say more of one that cannot be used.
 */
export function toError(
  failure: Failure,
  what: string,
  executable = "python3",
  thrown: (number: number) => unknown = () => undefined,
  handleOf?: (id: number) => Handle | undefined,
): Error {
  switch (failure.kind) {
    case "python":
      return toPythonError(failure, executable, thrown);
    case "cancelled":
      return new CallCancelledError(what, failure.started);
    case "value":
      // A failure without a type is that of an argument: there is no object in Python that it could name.
      return failure.type === ""
        ? new SerializationError(`Cannot use an argument of ${what}: ${failure.message}`, failure.path, "", false)
        : new SerializationError(
          `Cannot send the result of ${what}: ${failure.message}`,
          failure.path,
          failure.type,
          true,
        );
    case "limit":
      return new LimitExceededError(
        `Cannot finish ${what}: ${failure.message}`,
        failure.limit,
        failure.value ?? undefined,
        failure.max ?? undefined,
        true,
      );
    case "ref":
      return toRefError(failure, what, handleOf?.(failure.id));
    case "policy":
      return new PolicyDeniedError(what, failure.name, failure.rule);
    case "protocol":
      if ("hostProtocol" in failure && failure.hostProtocol !== undefined) {
        return new ProtocolVersionError(
          failure.hostProtocol,
          failure.hostMinProtocol ?? 0,
          failure.workerProtocol ?? 0,
          failure.workerMinProtocol ?? 0,
        );
      }
      return new ProtocolError(`Worker refused ${what}: ${failure.message}`);
    default:
      return new ProtocolError(
        `Worker reported a failure of unknown kind "${String((failure as { kind?: unknown }).kind)}" for ${what}`,
      );
  }
}

function toRefError({ reason, id, limit }: RefFailure, what: string, handle: Handle | undefined): Error {
  const ref = handle?.describe() ?? `reference ${id} in ${what}`;
  switch (reason) {
    case "released":
      // Not from here, so it went with its session.
      if (handle?.released === false && handle.scope?.released !== false) {
        return new RefSessionEndedError(ref, handle.session, what);
      }
      return new RefReleasedError(ref);
    case "session":
      return new RefSessionError(ref, handle?.session ?? "another", what);
    case "expired":
    case "evicted": {
      const refuse = reason === "expired"
        ? (): Error => new RefExpiredError(ref, limit ?? 0)
        : (): Error => new RefEvictedError(ref, limit ?? 0);
      // Whoever uses it next need not ask again.
      handle?.lose(reason, refuse);
      return refuse();
    }
    default:
      return new RefNotFoundError(ref, "its worker does not know it");
  }
}

function toPythonError(
  failure: PythonFailure,
  executable: string,
  thrown: (number: number) => unknown,
): PythonError {
  const init = {
    type: failure.type,
    mro: failure.mro,
    message: failure.message,
    traceback: failure.traceback,
    frames: failure.frames.map(([file, line, name, text]) => ({
      file,
      line,
      function: name,
      text: text ?? undefined,
    })),
    cause: chained(failure.cause, executable, thrown),
    context: chained(failure.context, executable, thrown),
    suppressContext: failure.suppressContext,
    notes: [...failure.notes, ...installAdvice(failure, executable)],
    attributes: failure.attributes,
  };
  const { exceptions, omitted } = failure;
  const error = exceptions === null ? new PythonError(init) : new PythonErrorGroup({
    ...init,
    errors: exceptions.map((member) => toPythonError(member, executable, thrown)),
    omitted,
  });
  const number = failure.type === HOST_ERROR ? failure.attributes.thrown : undefined;
  const cause = typeof number === "number" ? thrown(number) : undefined;
  // The very error that our function threw, on its way back through Python.
  if (cause !== undefined) Object.defineProperty(error, "cause", { value: cause, configurable: true, writable: true });
  return error;
}

const HOST_ERROR = "snakebridge.host_error.HostError";

function chained(
  failure: Failure | null | undefined,
  executable: string,
  thrown: (number: number) => unknown,
): PythonError | undefined {
  return failure !== null && failure !== undefined && failure.kind === "python"
    ? toPythonError(failure, executable, thrown)
    : undefined;
}

/** The command that installs a missing package; nothing for other errors, and for a missing part of an installed one. */
function installAdvice({ type, message }: PythonFailure, executable: string): string[] {
  const name = type === "builtins.ModuleNotFoundError" ? /^No module named '(\w+)'$/.exec(message)?.[1] : undefined;
  if (name === undefined) return [];
  return [`Install it with: ${installCommand(name, executable)}`];
}
