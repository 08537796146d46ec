import type { Nesting } from "../rpc/mod.ts";
import type { Worker } from "./worker.ts";

/**
 * Work for one worker: one call, or a chain of calls that belong together.
 *
 * A job is started on one worker at a time; when that worker dies before the job's first call began, it may be
 * started again on another.
 */
export interface Job {
  /** Words for messages, such as `math.sqrt`. */
  readonly what: string;
  /** The only worker that can do it, because its references live there. */
  readonly worker: Worker | undefined;
  /** The worker that would suit it best. */
  readonly preferred: Worker | undefined;
  /** Whether it is one call, which can be taken back before it starts. */
  readonly single: boolean;
  /**
   * Sends the job's calls, as part of callback `nesting` where it is given; `done` is to be called once, when the last of them was answered.
   *
   * @returns Ids of the calls sent; none when every one failed before it was sent (then `done` is not called).
   */
  start(worker: Worker, done: () => void, nesting?: Nesting): readonly number[];
  /** It was taken back unstarted and waits again. */
  reset(): void;
  /** It will never be done: tell whoever waits. */
  fail(error: Error): void;
}
