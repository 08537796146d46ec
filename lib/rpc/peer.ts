import {
  CallFlag,
  FrameReader,
  MessageCodec,
  MessageDecodeError,
  MessageType,
  PROTOCOL_VERSION,
} from "../protocol/mod.ts";
import { MIN_PROTOCOL_VERSION, parseFailure } from "../protocol/mod.ts";
import type { CancelOutcome, Limits, PongInfo, RefPort, WorkerHello } from "../protocol/mod.ts";
import { type Deferred, deferred } from "../async/mod.ts";
import {
  CallCancelledError,
  LimitExceededError,
  ProtocolError,
  ProtocolVersionError,
  PythonError,
} from "../errors/mod.ts";
import type { FunctionTable, Handle } from "../refs/mod.ts";
import type { Carrier } from "../transport/mod.ts";
import { CallBook } from "./call_book.ts";
import { toError } from "./failures.ts";
import { setOrigin } from "./origins.ts";

/** Who is told how a call ended; exactly one of the two is called, once. */
export interface Reply {
  /** Words for the call in messages, such as `math.sqrt`; only read when it fails. */
  readonly what: string;
  /** The hold that the result is kept under, when the call keeps it. */
  readonly keeps?: Handle | undefined;
  /** The hold behind `id` among those that the call names; only asked when it cannot be used. */
  handleOf?(id: number): Handle | undefined;
  /** The call gave a value. */
  fulfil(value: unknown): void;
  /** The call failed, or the worker went away. */
  fail(error: Error): void;
}

/** A call as it goes over the wire (proto/PROTOCOL.md 3.1). */
export interface CallRequest {
  /** Session the call belongs to. */
  readonly session: string;
  /** What is called; one of {@linkcode CallKind}. */
  readonly kind: number;
  /** Module name, or id of a reference. */
  readonly target: string | number;
  /** Dotted name, or operation. */
  readonly name: string;
  /** Positional arguments. */
  readonly args: readonly unknown[];
  /** Keyword arguments. */
  readonly kwargs: Readonly<Record<string, unknown>> | null;
  /** How the result is wanted; see {@linkcode CallFlag}. */
  readonly flags: number;
}

/** A call of one of our functions by Python (proto/PROTOCOL.md 3.5). */
export interface CallbackRequest {
  /** Its number; the reply carries it. */
  readonly number: number;
  /** The call that made it; 0 where none did. */
  readonly call: number;
  /** Number of the function. */
  readonly function: number;
  /** Where replies and calls that belong to it go; one of {@linkcode Lane}. */
  readonly lane: number;
  /** Positional arguments. */
  readonly args: unknown[];
  /** Keyword arguments. */
  readonly kwargs: Record<string, unknown> | null;
}

/** Where what belongs to a callback goes. */
export const Lane = {
  /** On data: the main thread waits for it. */
  data: 0,
  /** On control: another thread, or an event loop, waits for it. */
  control: 1,
} as const;

/** A callback that Python waits for, as seen by the calls made for it. */
export interface Nesting {
  /** Its number. */
  readonly number: number;
  /** Where calls that belong to it go; one of {@linkcode Lane}. */
  readonly lane: number;
}

/** Where a call stands among others. */
export interface CallPlace {
  /** Id of the first call of the chain it belongs to; its own when not given. */
  readonly chain?: number;
  /** The callback it belongs to. */
  readonly nesting?: Nesting | undefined;
}

/** What the peer needs from references, beside their encoding. */
export interface PeerRefs extends RefPort {
  /** Session of the call that is about to be encoded. */
  session: string;
  /** Functions of this process that the worker may call. */
  readonly functions: FunctionTable;
  /** The objects decoded since the last call of this method belong to this session. */
  adopt(session: string): void;
}

/** What a peer is made of. */
export interface PeerOptions {
  /** Limits for both directions. */
  readonly limits: Limits;
  /** Where references are turned into ids and back. */
  readonly refs: PeerRefs;
  /** Sent to the worker with hello. */
  readonly hello: Readonly<Record<string, unknown>>;
  /** Python calls one of our functions. */
  readonly onCallback: (request: CallbackRequest) => void;
  /** A call has become a task: the worker takes others before it is answered. */
  readonly onAwaiting: (id: number) => void;
  /** What was thrown in callback `number`, if it is still known. */
  readonly thrown: (number: number) => unknown;
  /** Called once when the conversation is over, before anything pending is rejected. */
  readonly onClosed: (error: Error | undefined) => void;
}

/** A call that the worker has not answered. */
export interface PendingCall {
  /** Its id. */
  readonly id: number;
  /** Session it belongs to. */
  readonly session: string;
  /** Who waits. */
  readonly reply: Reply;
  /** Whether success is not answered. */
  silent: boolean;
  /** Id of the first call of its chain: when it is answered, silent ones from there on have succeeded. */
  readonly chain: number;
  /** Whether it went over control. */
  readonly onLane: boolean;
}

/**
 * One conversation with one worker, over one carrier.
 *
 * It keeps the order and the books: which call waits for what. Who may call, when, and what happens to those who wait
 * when the worker dies is decided above.
 */
export class Peer {
  /** Settles with the worker's hello. */
  readonly hello: Promise<WorkerHello>;
  readonly #hello: Deferred<WorkerHello> = deferred();
  readonly #carrier: Carrier;
  readonly #codec: MessageCodec;
  readonly #controlCodec: MessageCodec;
  readonly #options: PeerOptions;
  readonly #pending = new CallBook();
  #lastId = 0;
  #lastDataId = 0;
  #laneCalls = 0;
  #heldReleases: number[] = [];
  readonly #cancels = new Map<number, ((outcome: CancelOutcome) => void)[]>();
  readonly #pings = new Map<number, (info: PongInfo) => void>();
  #pingNumber = 0;
  #closed = false;
  #executable: string | undefined;

  /** Starts the conversation: sends hello and does not wait. */
  constructor(carrier: Carrier, options: PeerOptions) {
    this.#carrier = carrier;
    this.#options = options;
    this.#codec = new MessageCodec(options.limits, options.refs);
    this.#controlCodec = new MessageCodec(options.limits, options.refs);
    this.hello = this.#hello.promise;
    this.hello.catch(() => {});
    const data = new FrameReader(options.limits, (body, buffers) => this.#onData(body, buffers));
    const control = new FrameReader(options.limits, (body, buffers) => this.#onControl(body, buffers));
    carrier.listen({
      data: (chunk) => this.#guard(() => data.push(chunk)),
      control: (chunk) => this.#guard(() => control.push(chunk)),
      closed: () => this.#end(undefined),
    });
  }

  /** Sends hello; apart from the constructor because the boot record goes first. */
  open(): void {
    this.#carrier.send(this.#codec.encodeFrame([MessageType.hello, {
      protocol: PROTOCOL_VERSION,
      minProtocol: MIN_PROTOCOL_VERSION,
      limits: { ...this.#options.limits },
      ...this.#options.hello,
    }]));
  }

  /** Whether the conversation is over. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The hold that the unanswered call `id` keeps its result under. */
  keptUnder(id: number): Handle | undefined {
    return this.#pending.get(id)?.reply.keeps;
  }

  /** Whether the call `id` is not answered yet. */
  isPending(id: number): boolean {
    return this.#pending.get(id) !== undefined;
  }

  /** How many calls the worker has not answered. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Id of the last call sent. */
  get lastId(): number {
    return this.#lastId;
  }

  /**
   * Sends a call.
   *
   * @returns Its id.
   * @throws If an argument has no encoding; then nothing was sent and `reply` is not called.
   */
  call(request: CallRequest, reply: Reply, place?: CallPlace): number {
    const id = this.#lastId + 1;
    const { session, kind, target, name, args, kwargs, flags } = request;
    const { refs } = this.#options;
    refs.session = session;
    const nesting = place?.nesting;
    const onLane = nesting !== undefined && nesting.lane === Lane.control;
    try {
      if (onLane) {
        this.#tell([
          MessageType.laneCall,
          nesting.number,
          ...[PROTOCOL_VERSION, id, session, kind, target, name, args, kwargs, flags],
        ]);
      } else {
        const message = [MessageType.call, PROTOCOL_VERSION, id, session, kind, target, name, args, kwargs, flags];
        if (nesting !== undefined) {
          message[0] = MessageType.nested;
          message.push(nesting.number);
        }
        this.#send(message);
      }
    } catch (error) {
      refs.functions.undo();
      throw error;
    }
    refs.functions.commit();
    this.#lastId = id;
    if (onLane) this.#laneCalls += 1;
    else this.#lastDataId = id;
    this.#pending.add({
      id,
      session,
      reply,
      silent: (flags & CallFlag.silent) !== 0,
      chain: place?.chain ?? id,
      onLane,
    });
    return id;
  }

  /**
   * Gives Python what a callback gave.
   *
   * @throws If the value has no encoding; then nothing was sent.
   */
  returnFrom({ number, lane }: CallbackRequest, value: unknown, session: string): void {
    const { refs } = this.#options;
    refs.session = session;
    try {
      if (lane === Lane.control) this.#tell([MessageType.laneReturned, number, value]);
      else this.#send([MessageType.returned, number, value]);
    } catch (error) {
      refs.functions.undo();
      throw error;
    }
    refs.functions.commit();
  }

  /** Raises in Python what a callback threw. */
  raiseFrom({ number, lane }: CallbackRequest, failure: Readonly<Record<string, unknown>>): void {
    if (this.#closed) return;
    if (lane === Lane.control) this.#tell([MessageType.laneRaised, number, failure]);
    else this.#send([MessageType.raised, number, failure]);
  }

  /**
   * Asks the worker to forget the references of a session; the reply carries their number.
   *
   * @returns The id of the request.
   */
  endSession(session: string, reply: Reply): number {
    const id = this.#lastId + 1;
    this.#send([MessageType.endSession, PROTOCOL_VERSION, id, session]);
    this.#lastId = this.#lastDataId = id;
    this.#pending.add({ id, session, reply, silent: false, chain: id, onLane: false });
    return id;
  }

  /** Asks the worker to end by itself. */
  bye(): void {
    if (!this.#closed) this.#carrier.send(this.#codec.encodeFrame([MessageType.bye]));
  }

  /** Interrupts a call, or takes it back when it has not started; either way its reply is told. */
  cancel(id: number): void {
    const call = this.#pending.get(id);
    // A thread cannot be interrupted, and its calls cannot be taken back.
    if (this.#closed || call === undefined || call.onLane) return;
    this.#expectCancelled(id, (outcome) => {
      if (outcome === "withdrawn") call.reply.fail(new CallCancelledError(call.reply.what, false));
    });
    this.#carrier.sendControl(this.#controlCodec.encodeFrame([MessageType.cancel, id]));
  }

  /** Takes calls back that have not started; `outcome` is called once for each, the reply of those taken back is not. */
  withdraw(ids: readonly number[], outcome: (id: number, outcome: CancelOutcome) => void): void {
    if (this.#closed || ids.length === 0) return;
    for (const id of ids) this.#expectCancelled(id, (result) => outcome(id, result));
    this.#carrier.sendControl(this.#controlCodec.encodeFrame([MessageType.withdraw, ids]));
  }

  /** Asks whether the interpreter still turns. */
  ping(): Promise<PongInfo> {
    return new Promise((resolve) => {
      if (this.#closed) return;
      this.#pingNumber += 1;
      this.#pings.set(this.#pingNumber, resolve);
      this.#carrier.sendControl(this.#controlCodec.encodeFrame([MessageType.ping, this.#pingNumber]));
    });
  }

  /** Tells the worker to forget references once everything sent so far has started. */
  release(ids: readonly number[]): void {
    if (this.#closed || ids.length === 0) return;
    if (this.#laneCalls > 0) {
      // A thread reads its calls later than the control thread reads this; they may name these objects.
      for (const id of ids) this.#heldReleases.push(id);
      return;
    }
    this.#tell([MessageType.release, this.#lastDataId, ids]);
  }

  /** Ends the conversation. */
  close(error?: Error): void {
    this.#carrier.close();
    this.#end(error);
  }

  /** The calls that were not answered, oldest first; they are taken out of the books. */
  takePending(): PendingCall[] {
    return this.#pending.takeAll();
  }

  #tell(message: readonly unknown[]): void {
    if (this.#closed) throw new ProtocolError("Cannot send: the conversation is over");
    this.#carrier.sendControl(this.#controlCodec.encodeFrame(message));
  }

  #send(message: readonly unknown[]): void {
    if (this.#closed) throw new ProtocolError("Cannot send: the conversation is over");
    this.#carrier.send(this.#codec.encodeFrame(message));
  }

  #expectCancelled(id: number, resolve: (outcome: CancelOutcome) => void): void {
    const waiting = this.#cancels.get(id);
    if (waiting === undefined) this.#cancels.set(id, [resolve]);
    else waiting.push(resolve);
  }

  #guard(work: () => void): void {
    if (this.#closed) return;
    try {
      work();
    } catch (error) {
      this.#carrier.close();
      this.#end(error instanceof Error ? error : new ProtocolError(`Cannot read from worker: ${String(error)}`));
    }
  }

  #onData(body: Uint8Array, buffers: Uint8Array[]): void {
    let message: unknown[];
    try {
      message = this.#codec.decodeMessage(body, buffers);
    } catch (error) {
      // The frame was whole, so the conversation is sound: only this answer cannot be read.
      if (!(error instanceof MessageDecodeError) || error.callId === undefined) throw error;
      const call = this.#take(error.callId);
      this.#options.refs.adopt(call?.session ?? "");
      call?.reply.fail(error.cause instanceof LimitExceededError ? error.cause : error);
      return;
    }
    const id = message[1] as number;
    switch (message[0]) {
      case MessageType.result: {
        const call = this.#take(id);
        this.#options.refs.adopt(call?.session ?? "");
        call?.reply.fulfil(message[2]);
        return;
      }
      case MessageType.error: {
        const call = this.#take(id);
        this.#options.refs.adopt(call?.session ?? "");
        if (call === undefined) return;
        const { reply } = call;
        const { thrown } = this.#options;
        const failure = parseFailure(message[2]);
        const error = toError(failure, reply.what, this.#executable, thrown, (ref) => reply.handleOf?.(ref));
        if (error instanceof PythonError) setOrigin(error, this.#options.refs, failure.origin ?? id);
        reply.fail(error);
        return;
      }
      case MessageType.callback: {
        const [, number, call, fn, lane, args, kwargs] = message as [
          number,
          number,
          number,
          number,
          number,
          never,
          never,
        ];
        this.#options.refs.adopt(this.#options.refs.functions.get(fn)?.session ?? "");
        this.#options.onCallback({ number, call, function: fn, lane, args, kwargs });
        return;
      }
      case MessageType.awaiting: {
        const call = this.#pending.get(id);
        if (call === undefined) return;
        this.#settleSilent(call);
        // From here on its answer comes out of order, so it is always given.
        call.silent = false;
        this.#options.onAwaiting(id);
        return;
      }
      case MessageType.functionsDropped:
        for (const [number, times] of message[1] as [number, number][]) {
          this.#options.refs.functions.dropped(number, times);
        }
        return;
      case MessageType.hello: {
        const hello = message[1] as WorkerHello;
        if (hello.protocol < MIN_PROTOCOL_VERSION || hello.minProtocol > PROTOCOL_VERSION) {
          throw new ProtocolVersionError(PROTOCOL_VERSION, MIN_PROTOCOL_VERSION, hello.protocol, hello.minProtocol);
        }
        this.#executable = hello.executable;
        this.#hello.resolve(hello);
        return;
      }
      default:
        throw new ProtocolError(`Worker sent a message of unknown type ${String(message[0])} on data`);
    }
  }

  /** Takes a call out of the books; silent ones before it in its chain have succeeded, for a chain runs in order. */
  #take(id: number): PendingCall | undefined {
    const call = this.#pending.delete(id);
    if (call === undefined) return undefined;
    this.#settleSilent(call);
    if (call.onLane) {
      this.#laneCalls -= 1;
      if (this.#laneCalls === 0) this.release(this.#heldReleases.splice(0));
    }
    return call;
  }

  /** The silent calls of a chain before one that was answered or announced have succeeded: both come in order. */
  #settleSilent({ id, chain }: PendingCall): void {
    for (let earlier = chain; earlier < id; earlier += 1) {
      if (this.#pending.get(earlier)?.silent === true) this.#pending.delete(earlier)?.reply.fulfil(null);
    }
  }

  #onControl(body: Uint8Array, buffers: Uint8Array[]): void {
    const message = this.#controlCodec.decodeMessage(body, buffers);
    const id = message[1] as number;
    switch (message[0]) {
      case MessageType.pong: {
        const resolve = this.#pings.get(id);
        this.#pings.delete(id);
        resolve?.(message[2] as PongInfo);
        return;
      }
      case MessageType.cancelled: {
        const outcome = message[2] as CancelOutcome;
        const waiting = this.#cancels.get(id);
        const resolve = waiting?.shift();
        if (waiting?.length === 0) this.#cancels.delete(id);
        if (outcome === "withdrawn") this.#pending.delete(id);
        resolve?.(outcome);
        return;
      }
      default:
        throw new ProtocolError(`Worker sent a message of unknown type ${String(message[0])} on control`);
    }
  }

  #end(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#hello.reject(error ?? new ProtocolError("The conversation ended before hello"));
    this.#cancels.clear();
    this.#options.onClosed(error);
  }
}
