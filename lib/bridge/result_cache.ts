import { type Clock, deferred } from "../async/mod.ts";
import { CallCancelledError, CallTimeoutError, SnakeBridgeError } from "../errors/mod.ts";
import { FrameReader, type Limits, MessageCodec } from "../protocol/mod.ts";
import { DEFAULTS } from "../worker/mod.ts";
import { checkNames } from "./option_names.ts";
import { remotesOf } from "./remotes.ts";

/** Options of the cache for results of idempotent calls. */
export interface IdempotentCacheOptions {
  /**
   * Most results; the one not used for longest goes first.
   *
   * @default {1000}
   */
  maxEntries?: number;
  /**
   * How long a result may be used, in milliseconds.
   *
   * @default {300_000}
   */
  ttlMs?: number;
  /**
   * Most bytes of all results and their arguments, as they would be sent.
   *
   * @default {67_108_864}
   */
  maxBytes?: number;
}

/** A look at the cache. */
export interface IdempotentCacheStats {
  /** Results in it. */
  readonly entries: number;
  /** Their bytes, arguments included. */
  readonly bytes: number;
  /** Calls answered from it, or by a call that was under way. */
  readonly hits: number;
  /** Calls that went to Python. */
  readonly misses: number;
}

/** What is asked for. */
export interface CachedCall {
  /** Words for messages. */
  readonly what: string;
  /** What the result depends on, in the order in which it is encoded. */
  readonly parts: readonly unknown[];
  /** What only failures depend on: calls under way are shared by those who want the same. */
  readonly failureForm: string;
  /** Longest wait, in milliseconds. */
  readonly timeoutMs: number;
  /** Cancels the wait. */
  readonly signal: AbortSignal | undefined;
  /** Whether it may wait for a call that somebody else made. */
  readonly mayJoin: boolean;
  /** Makes the call, with what is left of the time. */
  readonly run: (timeoutMs: number) => Promise<unknown>;
}

interface Entry {
  readonly frame: Uint8Array;
  readonly bytes: number;
  readonly expiresAt: number;
}

/** What a call under way came to, for those who asked the same. */
type Outcome =
  | { readonly kind: "value"; readonly frame: Uint8Array }
  | { readonly kind: "raised"; readonly error: SnakeBridgeError } // it would raise for them, too
  | { readonly kind: "own" }; // what it gave is its own: an object, or an end that its caller chose

// Longer ones would cost more to look up than most calls.
const MAX_KEY_BYTES = 65_536;
const CHUNK = 8_192;

/**
 * Fills in defaults; undefined when there is to be no cache.
 *
 * @throws {RangeError} For a number no cache can have.
 */
export function resolveCacheOptions(
  options: boolean | IdempotentCacheOptions | undefined,
): Required<IdempotentCacheOptions> | undefined {
  if (options === undefined || options === false) return undefined;
  const what = "Cannot start bridge: idempotentCache";
  if (options !== true && (typeof options !== "object" || options === null)) {
    throw new TypeError(`${what} is ${String(options)}, expected true, false or an object`);
  }
  const given = options === true ? {} : options;
  const defaults = DEFAULTS.idempotentCache;
  checkNames("Cannot set up the cache of idempotent calls", given, { maxEntries: true, ttlMs: true, maxBytes: true });
  const resolved = {
    maxEntries: given.maxEntries ?? defaults.maxEntries,
    ttlMs: given.ttlMs ?? defaults.ttlMs,
    maxBytes: given.maxBytes ?? defaults.maxBytes,
  };
  for (const [name, value] of Object.entries(resolved)) {
    if (typeof value !== "number" || !(value > 0)) {
      throw new RangeError(`${what}.${name} is ${String(value)}, expected a number above 0`);
    }
  }
  return resolved;
}

/**
 * Results of idempotent calls, kept encoded: everybody gets a value of their own, so that changing one changes no other.
 *
 * Calls that ask the same while the first is under way wait for that one. References are never kept.
 */
export class ResultCache {
  readonly #options: Required<IdempotentCacheOptions>;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #codec: MessageCodec;
  // In the order of their last use.
  readonly #entries = new Map<string, Entry>();
  readonly #flights = new Map<string, Promise<Outcome>>();
  #bytes = 0;
  #hits = 0;
  #misses = 0;

  /** Makes an empty cache. */
  constructor(options: Required<IdempotentCacheOptions>, limits: Limits, clock: Clock) {
    this.#options = options;
    this.#limits = limits;
    this.#clock = clock;
    this.#codec = new MessageCodec(limits, {
      encodeRef: () => undefined,
      decodeRef: () => {
        throw new TypeError("Cannot read a kept result: it holds a reference");
      },
    });
  }

  /** A look at it. */
  stats(): IdempotentCacheStats {
    return { entries: this.#entries.size, bytes: this.#bytes, hits: this.#hits, misses: this.#misses };
  }

  /** Gives the result of a call: the one that is kept, that of a call under way, or that of a call made now. */
  async call(asked: CachedCall): Promise<unknown> {
    const { run, timeoutMs, what, signal } = asked;
    const key = this.#keyOf(asked.parts);
    if (key === undefined) return await run(timeoutMs);
    const flightKey = `${asked.failureForm} ${key}`;
    const endsAt = this.#clock.now() + timeoutMs;
    while (true) {
      if (signal?.aborted === true) throw new CallCancelledError(what, false, signal.reason);
      const kept = this.#find(key);
      if (kept !== undefined) {
        this.#hits += 1;
        return this.#decode(kept);
      }
      const leftMs = endsAt - this.#clock.now();
      if (!(leftMs > 0)) throw new CallTimeoutError(what, timeoutMs, true);
      const flight = this.#flights.get(flightKey);
      if (flight === undefined) return await this.#lead(key, flightKey, run(leftMs));
      if (!asked.mayJoin) return await run(leftMs);
      const outcome = await this.#join(flight, asked, leftMs);
      if (outcome.kind === "own") continue;
      this.#hits += 1;
      if (outcome.kind === "raised") throw outcome.error;
      return this.#decode(outcome.frame);
    }
  }

  /** Makes the call that others with the same question wait for. */
  async #lead(key: string, flightKey: string, result: Promise<unknown>): Promise<unknown> {
    this.#misses += 1;
    const { promise, resolve } = deferred<Outcome>();
    this.#flights.set(flightKey, promise);
    let outcome: Outcome = { kind: "own" };
    try {
      const value = await result;
      const frame = this.#encode([value]);
      if (frame !== undefined) {
        outcome = { kind: "value", frame };
        this.#keep(key, frame);
      }
      return value;
    } catch (error) {
      if (error instanceof SnakeBridgeError && error.category === "python") outcome = { kind: "raised", error };
      throw error;
    } finally {
      this.#flights.delete(flightKey);
      resolve(outcome);
    }
  }

  /** Waits for a call that somebody else made, within the limits of this one. */
  #join(flight: Promise<Outcome>, { what, signal, timeoutMs }: CachedCall, leftMs: number): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const timer = leftMs === Infinity ? undefined : this.#clock.setTimer(() => {
        leave();
        reject(new CallTimeoutError(what, timeoutMs, true));
      }, leftMs);
      const onAbort = (): void => {
        leave();
        reject(new CallCancelledError(what, true, signal?.reason));
      };
      const leave = (): void => {
        timer?.cancel();
        signal?.removeEventListener("abort", onAbort);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      void flight.then((outcome) => {
        leave();
        resolve(outcome);
      });
    });
  }

  #find(key: string): Uint8Array | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.expiresAt <= this.#clock.now()) {
      this.#bytes -= entry.bytes;
      return undefined;
    }
    this.#entries.set(key, entry);
    return entry.frame;
  }

  #keep(key: string, frame: Uint8Array): void {
    const { maxBytes, maxEntries, ttlMs } = this.#options;
    const bytes = frame.length + key.length;
    if (bytes > maxBytes) return;
    // Two calls for the same may have run at once, with failures of different forms.
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
    this.#entries.set(key, { frame, bytes, expiresAt: this.#clock.now() + ttlMs });
    this.#bytes += bytes;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= maxBytes && this.#entries.size <= maxEntries) break;
      this.#entries.delete(oldest);
      this.#bytes -= entry.bytes;
    }
  }

  /** The question as text: equal for equal bytes, so `1` and `float(1)` differ. Undefined when it is not to be kept. */
  #keyOf(parts: readonly unknown[]): string | undefined {
    const frame = this.#encode(parts, MAX_KEY_BYTES);
    if (frame === undefined) return undefined;
    let key = "";
    for (let start = 0; start < frame.length; start += CHUNK) {
      key += String.fromCharCode(...frame.subarray(start, start + CHUNK));
    }
    return key;
  }

  /** A frame of its own memory; undefined where values refer to Python, are too long, or have no encoding. */
  #encode(values: readonly unknown[], maxBytes = this.#options.maxBytes): Uint8Array | undefined {
    if (remotesOf(values, null).length > 0) return undefined;
    try {
      const chunks = this.#codec.encodeFrame(values);
      const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      if (length > maxBytes) return undefined;
      const frame = new Uint8Array(length);
      let at = 0;
      for (const chunk of chunks) {
        frame.set(chunk, at);
        at += chunk.length;
      }
      return frame;
    } catch {
      // The call itself tells what is wrong with an argument; a result that came can be used, if not kept.
      return undefined;
    }
  }

  #decode(frame: Uint8Array): unknown {
    let values: unknown[] = [];
    new FrameReader(this.#limits, (body, buffers) => {
      values = this.#codec.decodeMessage(body, buffers);
    }).push(frame);
    return values[0];
  }
}
