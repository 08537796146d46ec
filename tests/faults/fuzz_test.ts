// Every decoder of the host meets damaged input, always the same for the same SNAKEBRIDGE_TEST_SEED. Damaged is: bits
// flipped, cut short, lengths that lie, pieces of other messages in between, nesting without end.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { describe, it } from "node:test";
import { LimitExceededError, ProtocolError } from "../../lib/errors/mod.ts";
import {
  FrameReader,
  fromTaggedJson,
  type JsonValue,
  MessageCodec,
  MessageDecodeError,
  parseFailure,
  type RefPort,
  resolveLimits,
  toTaggedJson,
} from "../../lib/protocol/mod.ts";
import { generate } from "../support/generate.ts";
import { mutate, mutateJson } from "../support/mutate.ts";
import { Random, SEED, setting } from "../support/random.ts";

const COUNT = setting("SNAKEBRIDGE_FUZZ_FRAMES", 200_000);
const LIMITS = resolveLimits({ maxFrameBytes: 100_000, maxDepth: 100, maxElements: 20_000 });
/** What all the work here may need, garbage included; a few claims that were believed would be more. */
const MAX_GROWTH_BYTES = 800_000_000;

const refs: RefPort = { encodeRef: () => undefined, decodeRef: (id) => ({ id }) };

type Hex = string | readonly (string | { readonly repeat: string; readonly times: number })[];

interface Vectors {
  readonly vectors?: readonly { readonly msgpack?: Hex; readonly frame?: Hex; readonly json?: unknown }[];
  readonly jsonOnly?: readonly { readonly json: unknown }[];
  readonly values?: readonly { readonly value: Hex }[];
  readonly messages?: readonly { readonly body: Hex }[];
  readonly frames?: readonly { readonly frame: Hex }[];
}

function vectors(name: string): Vectors {
  const url = new URL(`../../proto/vectors/${name}.json`, import.meta.url);
  assert.ok(existsSync(url));
  return JSON.parse(readFileSync(url, "utf8")) as Vectors;
}

function bytes(hex: Hex): Uint8Array {
  if (typeof hex === "string") return Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
  return bytes(hex.map((part) => typeof part === "string" ? part : part.repeat.repeat(part.times)).join(""));
}

/** `[16, 7, value]` around the encoding of a value. */
function result(value: Uint8Array): Uint8Array {
  return Uint8Array.of(0x93, 16, 7, ...value);
}

/** Messages of the vectors, and of generated values; none is long, so that damage hits what matters. */
function messages(random: Random): Uint8Array[] {
  const codec = new MessageCodec(resolveLimits(), refs);
  const generated = Array.from({ length: 500 }, () => {
    const [first] = codec.encodeFrame([16, 7, generate(random, { encoding: "msgpack", depth: 3 }).value]);
    const count = new DataView(first!.buffer, first!.byteOffset).getUint32(4, true);
    return first!.slice(8 + 8 * count);
  });
  return [
    ...vectors("values").vectors!.map(({ msgpack }) => result(bytes(msgpack!))),
    ...vectors("malformed").values!.map(({ value }) => result(bytes(value))),
    ...vectors("malformed").messages!.map(({ body }) => bytes(body)),
    ...vectors("frames").vectors!.map(({ frame }) => bytes(frame!).slice(8)),
    ...generated,
  ].filter(({ length }) => length <= 2_000);
}

/** Runs `once` with a seed of its own each time, and watches memory. */
function repeat(once: (random: Random) => void): void {
  const before = process.memoryUsage().rss;
  for (let i = 0; i < COUNT; i++) {
    const seed = SEED + i;
    try {
      once(new Random(seed));
    } catch (error) {
      throw new Error(`Fails with SNAKEBRIDGE_TEST_SEED=${seed} SNAKEBRIDGE_FUZZ_FRAMES=1`, { cause: error });
    }
    if (i % 5_000 === 0) {
      const growth = process.memoryUsage().rss - before;
      assert.ok(growth < MAX_GROWTH_BYTES, `memory grew by ${growth} bytes in ${i} rounds`);
    }
  }
}

/** What `work` throws; anything but a typed error is a failure of the test. */
function refused(work: () => unknown, ...types: readonly (new (...args: never[]) => Error)[]): Error | undefined {
  try {
    work();
  } catch (error) {
    if (types.some((type) => error instanceof type)) {
      assert.match((error as Error).message, /^Cannot /);
      return error as Error;
    }
    throw error;
  }
  return undefined;
}

describe("damaged input", () => {
  it("is a value or a typed error to the decoder of messages", () => {
    const corpus = messages(new Random(1));
    const codec = new MessageCodec(LIMITS, refs);
    const buffers = [new Uint8Array(5_000), new Uint8Array(0)];
    let read = 0;
    repeat((random) => {
      const body = mutate(random, random.pick(corpus), corpus);
      const error = refused(() => {
        const message = codec.decodeMessage(body, buffers);
        read += 1;
        if (message[0] === 17) refused(() => parseFailure(message[2]), ProtocolError);
      }, MessageDecodeError);
      if (error?.cause !== undefined && !(error.cause instanceof LimitExceededError)) throw error.cause;
    });
    assert.ok(read > COUNT / 50, "some damage does not show");
    // And the decoder is as good as new.
    assert.deepEqual(codec.decodeMessage(result(bytes("93010203")), []), [16, 7, [1, 2, 3]]);
  });

  it("is frames or a typed error to the reader of frames", () => {
    const bodies = messages(new Random(1));
    const frames = bodies.map((body, i): Uint8Array => {
      const counts = i % 3;
      const frame = new Uint8Array(8 + 8 * counts + body.length + 10 * counts);
      const view = new DataView(frame.buffer);
      view.setUint32(0, body.length, true);
      view.setUint32(4, counts, true);
      for (let buffer = 0; buffer < counts; buffer++) view.setBigUint64(8 + 8 * buffer, 10n, true);
      frame.set(body, 8 + 8 * counts);
      return frame;
    });
    frames.push(...vectors("malformed").frames!.map(({ frame }) => bytes(frame)));
    let complete = 0;
    let failed = 0;
    repeat((random) => {
      const stream = mutate(random, random.pick(frames), frames);
      let delivered = 0;
      const reader = new FrameReader(LIMITS, (body, buffers) => {
        complete += 1;
        const size = buffers.reduce((sum, buffer) => sum + buffer.length, body.length);
        assert.ok(size <= LIMITS.maxFrameBytes, "no frame is beyond the limits");
        delivered += size;
      });
      const step = random.pick([1, 7, 64, 100_000]);
      const error = refused(
        () => {
          for (let at = 0; at < stream.length; at += step) reader.push(stream.subarray(at, at + step));
        },
        LimitExceededError,
        ProtocolError,
      );
      assert.ok(delivered <= stream.length, "nothing comes that was not sent");
      if (error === undefined) return;
      failed += 1;
      assert.throws(() => reader.push(Uint8Array.of(0)), (again) => again === error, "what failed stays failed");
    });
    assert.ok(complete > COUNT / 50 && failed > COUNT / 50, `${complete} frames, ${failed} failures`);
  });

  it("is a value or a typed error to the decoder of tagged JSON", () => {
    const random = new Random(1);
    const corpus: unknown[] = [
      ...vectors("values").vectors!.flatMap(({ json }) => json === undefined ? [] : [json]),
      ...vectors("values").jsonOnly!.map(({ json }) => json),
      ...Array.from({ length: 300 }, (): JsonValue =>
        JSON.parse(
          JSON.stringify(toTaggedJson(generate(random, { encoding: "json", depth: 3 }).value)),
        )),
    ].filter((json) => JSON.stringify(json).length <= 2_000);
    const texts = corpus.map((json) => new TextEncoder().encode(JSON.stringify(json)));
    let read = 0;
    repeat((random) => {
      let json: unknown;
      if (random.oneIn(3)) {
        try {
          json = JSON.parse(new TextDecoder().decode(mutate(random, random.pick(texts), texts)));
        } catch {
          return; // no JSON, which the runtime says
        }
      } else json = mutateJson(random, random.pick(corpus), corpus);
      const error = refused(() => {
        fromTaggedJson(json, refs, LIMITS);
        read += 1;
      }, MessageDecodeError);
      if (error?.cause !== undefined && !(error.cause instanceof LimitExceededError)) throw error.cause;
    });
    assert.ok(read > COUNT / 50, "some damage does not show");
  });
});
