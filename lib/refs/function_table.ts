/** A function of this process that Python may call. */
export interface LentFunction {
  /** Its number in the conversation. */
  readonly number: number;
  /** The function. */
  readonly call: (...args: never[]) => unknown;
  /** Session it was passed in; it ends with it. */
  readonly session: string;
  /** Makes the face of an object that Python calls it with. */
  readonly face: unknown;
  /** How often it was sent and not yet reported as dropped. */
  sent: number;
}

// A class of this process cannot be called like a function.
const CLASS = /^class\b/;

const asynchronous = new WeakSet<object>();

/**
 * Makes Python see `fn` as a coroutine function: calling it gives an awaitable and blocks nothing. For Python code that
 * says `await callback(x)`.
 *
 * Without it a function that gives a promise is called like any other: Python waits for the promise.
 *
 * @example A callback that asyncio awaits
 * ```ts
 * import { asyncCallback, exec, py } from "@snakebridge/snakebridge";
 *
 * await exec("import asyncio\nasync def both(f):\n    return await asyncio.gather(f(1), f(2))");
 * const later = asyncCallback(async (x: number) => await Promise.resolve(x + 1));
 * console.log(await py`both(${later})`); // [ 2, 3 ]
 * ```
 */
export function asyncCallback<T extends (...args: never[]) => unknown>(fn: T): T {
  asynchronous.add(fn);
  return fn;
}

/** The functions of this process that one worker may call. */
export class FunctionTable {
  readonly #byNumber = new Map<number, LentFunction>();
  readonly #bySession = new Map<string, Map<LentFunction["call"], LentFunction>>();
  #fresh: LentFunction[] = [];
  #last = 0;

  /** How many there are. */
  get size(): number {
    return this.#byNumber.size;
  }

  /** The function under `number`, while Python may call it. */
  get(number: number): LentFunction | undefined {
    return this.#byNumber.get(number);
  }

  /**
   * Lends a function to the worker.
   *
   * @param face Makes the face of an object that Python calls it with; the first one counts.
   * @throws {TypeError} If it is a class.
   */
  lend(call: LentFunction["call"], session: string, face: unknown): LentFunction {
    let functions = this.#bySession.get(session);
    if (functions === undefined) this.#bySession.set(session, functions = new Map());
    let lent = functions.get(call);
    if (lent === undefined) {
      if (CLASS.test(Function.prototype.toString.call(call))) {
        throw new TypeError(
          `Cannot pass class ${call.name}: Python can call functions only; pass (...args) => new ${call.name}(...args)`,
        );
      }
      lent = { number: ++this.#last, call, session, face, sent: 0 };
      functions.set(call, lent);
      this.#byNumber.set(lent.number, lent);
    }
    lent.sent += 1;
    this.#fresh.push(lent);
    return lent;
  }

  /** The message that those lent since the last call of this or {@linkcode FunctionTable.undo} stand in was sent. */
  commit(): void {
    if (this.#fresh.length > 0) this.#fresh = [];
  }

  /** That message was not sent. */
  undo(): void {
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const lent of fresh) this.#give(lent, 1);
  }

  /** Python has let go of a function that it had received so many times. */
  dropped(number: number, times: number): void {
    const lent = this.#byNumber.get(number);
    if (lent !== undefined) this.#give(lent, times);
  }

  /** Takes back all functions of a session. */
  endSession(session: string): void {
    for (const { number } of this.#bySession.get(session)?.values() ?? []) this.#byNumber.delete(number);
    this.#bySession.delete(session);
  }

  /** Takes back all: the worker is gone. */
  end(): void {
    this.#byNumber.clear();
    this.#bySession.clear();
  }

  #give(lent: LentFunction, times: number): void {
    lent.sent -= times;
    if (lent.sent > 0) return;
    this.#byNumber.delete(lent.number);
    const functions = this.#bySession.get(lent.session);
    functions?.delete(lent.call);
    if (functions?.size === 0) this.#bySession.delete(lent.session);
  }
}

/** Whether {@linkcode asyncCallback} was called on it. */
export function isAsyncCallback(fn: object): boolean {
  return asynchronous.has(fn);
}
