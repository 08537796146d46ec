import { CallKind, Trait } from "../protocol/mod.ts";
import type { Behind, Handle } from "../refs/mod.ts";
import type { SessionScope } from "../session/mod.ts";
import { DEFAULTS } from "../worker/mod.ts";
import { describeCall, libraryOf, submitCall } from "./call_job.ts";
import type { Core } from "./core.ts";
import { type CallOptions, checkCallOptions } from "./options.ts";
import { Pending } from "./pending.ts";
import { withAmbientOptions } from "./runtime_options.ts";
import { StreamTime } from "./stream_time.ts";
import { resolveTimeLimits } from "./time_limits.ts";

/** A batch as the worker sends it: items, whether they are the last, and why there are not more. */
type Batch = readonly [items: unknown[], done: boolean, why?: number];

/** The batch took long: the producer is slow. */
const LATE = 2;

/**
 * Reads a Python iterable, synchronous or not, in batches.
 *
 * Batches grow while the consumer keeps up. While it works on one, the next is asked for, except of a slow producer: so
 * nothing runs far ahead, memory stays flat, and the first items of a slow producer come at once. Leaving the loop closes a
 * generator and releases the iterator.
 */
export async function* iterate(
  core: Core,
  scope: SessionScope,
  source: Behind,
  options?: CallOptions,
): AsyncGenerator<unknown, void, undefined> {
  checkCallOptions(options);
  const chosen = withAmbientOptions(options);
  const { returns: _items, ...transport } = chosen ?? {};
  const library = core.times.libraries === undefined ? undefined : libraryOf(source.handle);
  const limits = resolveTimeLimits(core.times, chosen, library);
  const { timeoutMs } = limits;
  const time = new StreamTime(core, limits);
  const iterator = await time.spend("iter", openIterator(core, scope, source, { ...transport, timeoutMs }));
  const left = new AbortController();
  const signal = transport.signal === undefined ? left.signal : AbortSignal.any([left.signal, transport.signal]);
  const ask = (size: number): Promise<Batch> => {
    const plan = { kind: CallKind.next, target: iterator, name: "", args: [size], kwargs: null };
    const batch = submitCall(core, scope, plan, { ...chosen, timeoutMs, signal }) as Promise<unknown> as Promise<Batch>;
    // Where the consumer leaves first, nobody looks at it again.
    batch.catch(() => {});
    return batch;
  };
  let size: number = DEFAULTS.iterationBatchSize;
  let batches = 0;
  let ahead: Promise<Batch> | undefined;
  let isOpen = true;
  try {
    while (true) {
      const current: Promise<Batch> = ahead ?? ask(size);
      ahead = undefined;
      let batch: Batch;
      try {
        batch = await time.spend(describeCall(iterator, "__next__"), current);
      } catch (error) {
        // What raised is through; what was interrupted, or never got there, may be left.
        if ((error as { category?: unknown }).category === "python") isOpen = false;
        throw error;
      }
      const [items, done, why] = batch;
      isOpen = !done;
      if (items.length === size) size = Math.min(size * DEFAULTS.iterationGrowth, DEFAULTS.iterationMaxBatchSize);
      batches += 1;
      // Once half of a batch is read the consumer means to go on; the very first items may be all that it wants.
      const half = isOpen && why !== LATE && batches > 1 ? items.length >> 1 : -1;
      for (let index = 0; index < items.length; index += 1) {
        if (index === half) ahead = ask(size);
        yield items[index];
      }
      if (done) return;
    }
  } finally {
    left.abort();
    if (isOpen) await closeIterator(core, scope, iterator, transport);
    iterator.release();
  }
}

const GENERATORS: readonly (string | undefined)[] = ["builtins.generator", "builtins.async_generator"];

/** Closes a generator that was left: releasing it is not enough while somebody else holds it, too. */
async function closeIterator(core: Core, scope: SessionScope, iterator: Handle, options: CallOptions): Promise<void> {
  if (!GENERATORS.includes(iterator.info?.type) && (iterator.info?.traits ?? 0) & Trait.iterator) return;
  const { signal: _over, ...rest } = options;
  const plan = { kind: CallKind.operation, target: iterator, name: "close", args: [], kwargs: null };
  try {
    await submitCall(core, scope, plan, rest);
  } catch (error) {
    // Where the worker or the session is gone, so is the generator; only what its own code raised is news.
    if ((error as { category?: unknown }).category === "python") throw error;
  }
}

async function openIterator(
  core: Core,
  scope: SessionScope,
  source: Behind,
  options: CallOptions,
): Promise<Handle> {
  const step = new Pending(
    core,
    scope,
    {
      kind: CallKind.operation,
      target: source,
      name: "iter",
      args: [],
      kwargs: null,
      options: { ...options, returns: "ref", idempotent: false },
    },
    (_core, handle) => ({ handle }),
  );
  const face = await step.result() as { handle: Handle };
  return face.handle;
}
