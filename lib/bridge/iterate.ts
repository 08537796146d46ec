import { SnakeBridgeError } from "../errors/mod.ts";
import { CallKind } from "../protocol/mod.ts";
import type { Behind, Handle } from "../refs/mod.ts";
import type { SessionScope } from "../session/mod.ts";
import { DEFAULTS } from "../worker/mod.ts";
import { submitCall } from "./call_job.ts";
import type { Core } from "./core.ts";
import type { CallOptions } from "./options.ts";
import { Pending } from "./pending.ts";

/**
 * Reads a Python iterable in batches.
 *
 * A batch is asked for when the one before is used up, and it grows while the consumer keeps up, so nothing runs far
 * ahead and memory stays flat. Leaving the loop closes a generator and releases the iterator.
 */
export async function* iterate(
  core: Core,
  scope: SessionScope,
  source: Behind,
  options?: CallOptions,
): AsyncGenerator<unknown, void, undefined> {
  const { returns: _items, ...transport } = options ?? {};
  const iterator = await openIterator(core, scope, source, transport);
  let size: number = DEFAULTS.iterationBatchSize;
  let isOpen = false;
  try {
    while (true) {
      const plan = { kind: CallKind.next, target: iterator, name: "", args: [size], kwargs: null };
      const [items, done] = await submitCall(core, scope, plan, options) as [unknown[], boolean];
      isOpen = !done;
      for (const item of items) yield item;
      isOpen = false;
      if (done) return;
      if (items.length === size) size = Math.min(size * DEFAULTS.iterationGrowth, DEFAULTS.iterationMaxBatchSize);
    }
  } finally {
    if (isOpen && iterator.info?.type === GENERATOR) await closeGenerator(core, scope, iterator, transport);
    iterator.release();
  }
}

const GENERATOR = "builtins.generator";

/** Closes a generator that was left: releasing it is not enough while somebody else holds it, too. */
async function closeGenerator(core: Core, scope: SessionScope, generator: Handle, options: CallOptions): Promise<void> {
  const { signal: _over, ...rest } = options;
  const plan = { kind: CallKind.method, target: generator, name: "close", args: [], kwargs: null };
  try {
    await submitCall(core, scope, plan, rest);
  } catch (error) {
    // Where the worker or the session is gone, so is the generator; only what its own code raised is news.
    if (error instanceof SnakeBridgeError && error.category === "python") throw error;
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
      options: { ...options, returns: "ref" },
    },
    (_core, handle) => ({ handle }),
  );
  const face = await step.result() as { handle: Handle };
  return face.handle;
}
