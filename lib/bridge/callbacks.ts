import { NumericError, PythonError, PythonErrorGroup } from "../errors/mod.ts";
import { behindOf, type Handle } from "../refs/mod.ts";
import type { CallbackRequest } from "../rpc/mod.ts";
import { ambient, type OpenCallback, runWithAmbient } from "../session/mod.ts";
import type { Job, Worker } from "../worker/mod.ts";
import type { Core } from "./core.ts";
import { Ref } from "./ref.ts";

// While there is none, calls need not look for the one they belong to.
let open = 0;

/** Whether Python waits for the code that runs: then it must not wait for calls that may stand behind that in line. */
export function isInCallback(): boolean {
  return open > 0 && ambient()?.callback?.isOpen === true;
}

/** Gives a job to the worker that waits for the callback it belongs to, or to the pool. */
export function submitJob(core: Core, job: Job): void {
  const callback = open === 0 ? undefined : ambient()?.callback;
  if (
    callback?.isOpen === true && callback.worker.alive && core.pool.has(callback.worker) &&
    (job.worker === undefined || job.worker === callback.worker)
  ) callback.worker.runNested(job, callback);
  else core.pool.submit(job);
}

/**
 * Runs a function of ours for Python and sends back what it gives.
 *
 * @param done Called once, when the reply was sent.
 */
export function answerCallback(core: Core, worker: Worker, request: CallbackRequest, done: () => void): void {
  const lent = worker.refs.functions.get(request.function);
  const scope = lent === undefined ? undefined : core.sessions.get(lent.session);
  if (lent === undefined || scope === undefined || scope.released) {
    raise(worker, request, new ReferenceError("Cannot call the function: the session it was passed in has ended"));
    return done();
  }
  const callback: OpenCallback = { number: request.number, lane: request.lane, worker, isOpen: true };
  open += 1;
  const settle = (value: unknown, error: unknown, hasFailed: boolean): void => {
    // What is called from here on, by code that was not waited for, does not belong to it any more.
    callback.isOpen = false;
    open -= 1;
    try {
      if (worker.peer.closed) return;
      if (hasFailed) raise(worker, request, error);
      else worker.peer.returnFrom(request, value, lent.session);
    } catch (unsendable) {
      raise(worker, request, unsendable);
    } finally {
      done();
    }
  };
  const fn = lent.call as (...args: unknown[]) => unknown;
  const face = lent.face as ((core: Core, handle: Handle) => unknown) | undefined;
  const args = face === undefined ? request.args : request.args.map((arg) => {
    const handle = arg instanceof Ref ? behindOf(arg)?.handle : undefined;
    return handle === undefined ? arg : face(core, handle);
  });
  if (request.kwargs !== null) args.push(request.kwargs);
  let value: unknown;
  try {
    value = runWithAmbient({ bridge: core.bridge, scope, callback }, () => fn(...args));
  } catch (error) {
    return settle(undefined, error, true);
  }
  if (!isThenable(value)) return settle(value, undefined, false);
  Promise.resolve(value).then((given) => settle(given, undefined, false), (error) => settle(undefined, error, true));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === "object" || typeof value === "function") && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

/** Raises in Python what a function of ours threw: a Python exception as what it was, anything else as `HostError`. */
function raise(worker: Worker, request: CallbackRequest, thrown: unknown): void {
  // What an exception means (errorMode "raise_translated") is nothing that Python could raise; the exception is.
  const error = thrown instanceof NumericError ? thrown.cause : thrown;
  if (error instanceof PythonError) {
    try {
      return worker.peer.raiseFrom(request, failureOf(error, true));
    } catch {
      // Its arguments cannot go back.
      return worker.peer.raiseFrom(request, failureOf(error, false));
    }
  }
  worker.rememberThrown(request.number, error);
  const { name, message, stack } = error instanceof Error ? error : { name: "", message: show(error), stack: "" };
  worker.peer.raiseFrom(request, {
    kind: "host",
    name: text(name),
    message: text(message),
    stack: text(stack),
    thrown: request.number,
  });
}

/** An exception on its way back; a group takes its members along, those that came. */
function failureOf(error: PythonError, withArgs: boolean): Record<string, unknown> {
  const { type, mro, message, stack = "", attributes } = error;
  const failure = { kind: "python", type, mro: [...mro], message, stack, args: null };
  if (error instanceof PythonErrorGroup) {
    const exceptions = error.errors.map((member) => failureOf(member, withArgs));
    return { ...failure, message: text(attributes.message) || message, exceptions };
  }
  return { ...failure, args: withArgs ? attributes.args ?? null : null };
}

function show(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "a value that has no text";
  }
}

/** As it may be sent, whatever was thrown. */
function text(value: unknown): string {
  return typeof value === "string" ? value.toWellFormed() : "";
}
