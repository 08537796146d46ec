import assert from "node:assert/strict";
import { coreOf } from "../../lib/bridge/mod.ts";
import type { PongInfo } from "../../lib/protocol/mod.ts";
import type { Worker } from "../../lib/worker/mod.ts";
import { type BridgeOptions, type Session, SnakeBridge } from "../../mod.ts";
import { until } from "./gate.ts";
import { isAlive } from "./processes.ts";
import { PYTHON, PYTHON_HELPERS } from "./python.ts";

/** What a test gets. */
export interface TestContext {
  /** The bridge that the file shares. */
  readonly bridge: SnakeBridge;
  /** The session of this test, bound to it across awaits. */
  readonly session: Session;
}

/**
 * A bridge for tests, which fails the test that leaves something behind: a process, a reference, a call.
 */
export class Rig implements AsyncDisposable {
  /** The bridge. */
  readonly bridge: SnakeBridge;
  readonly #pids = new Set<number>();

  private constructor(bridge: SnakeBridge) {
    this.bridge = bridge;
    this.#notePids();
  }

  /** Starts a bridge of one worker, quiet, with the helpers of the tests. */
  static async start(options: BridgeOptions = {}): Promise<Rig> {
    return new Rig(await SnakeBridge.start(rigOptions(options)));
  }

  /** Its living workers. */
  get workers(): Worker[] {
    const found: Worker[] = [];
    coreOf(this.bridge).pool.forEachWorker((worker) => found.push(worker));
    return found;
  }

  /** Its only worker. */
  get worker(): Worker {
    const [worker, ...others] = this.workers;
    assert.ok(worker !== undefined && others.length === 0, "one worker");
    return worker;
  }

  /** Process id of its only worker. */
  get pid(): number {
    return this.worker.pid as number;
  }

  /** What its workers say of themselves. */
  async ask(): Promise<PongInfo[]> {
    // A ping does not keep the process alive.
    const hold = setTimeout(() => {}, 30_000);
    try {
      return await Promise.all(this.workers.map((worker) => worker.peer.ping()));
    } finally {
      clearTimeout(hold);
    }
  }

  /** How many objects its workers hold for this process. */
  async refs(): Promise<number> {
    return (await this.ask()).reduce((sum, { refs }) => sum + refs, 0);
  }

  /** Runs a test in a session of its own, and checks that nothing is left of it. */
  async run(test: (context: TestContext) => unknown): Promise<void> {
    await this.bridge.withSession(async (session) => {
      await test({ bridge: this.bridge, session });
    });
    this.#notePids();
    await this.settled();
  }

  /** Checks that no call and no reference is left. */
  async settled(): Promise<void> {
    await until("no call is left", () => {
      const { queued, busy } = this.bridge.stats().pool;
      return queued === 0 && busy === 0 && this.workers.every(({ peer }) => peer.pendingCount === 0);
    }, 5_000);
    await until("no reference is left", async () => await this.refs() === 0, 5_000);
  }

  #notePids(): void {
    for (const { pid } of this.bridge.stats().workers) if (pid !== undefined) this.#pids.add(pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#notePids();
    await this.bridge.close();
    const { queued, workers } = this.bridge.stats().pool;
    assert.deepEqual({ queued, workers }, { queued: 0, workers: 0 }, "nothing is left of the pool");
    await until("every worker process is gone", () => [...this.#pids].every((pid) => !isAlive(pid)), 5_000);
  }
}

/** Options of a bridge for tests. */
export function rigOptions(options: BridgeOptions = {}): BridgeOptions {
  return {
    python: PYTHON,
    size: 1,
    stdout: "ignore",
    stderr: "ignore",
    // A test that hangs should say which call it waits for, before its runner gives up.
    timeoutMs: 15_000,
    ...options,
    pythonPaths: [PYTHON_HELPERS, ...options.pythonPaths ?? []],
  };
}

/** One rig for all tests of a file, started with the first of them. */
export class SharedRig {
  readonly #options: BridgeOptions;
  #rig: Promise<Rig> | undefined;

  /** Makes it; nothing is started. */
  constructor(options: BridgeOptions = {}) {
    this.#options = options;
  }

  /** The rig itself. */
  get(): Promise<Rig> {
    return this.#rig ??= Rig.start(this.#options);
  }

  /** Makes the body of a test that runs in a session of its own. */
  test(body: (context: TestContext, rig: Rig) => unknown): () => Promise<void> {
    return async () => {
      const rig = await this.get();
      await rig.run((context) => body(context, rig));
    };
  }

  /** Ends it, for `after`. */
  async close(): Promise<void> {
    await (await this.#rig)?.[Symbol.asyncDispose]();
  }
}
