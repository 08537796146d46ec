import type { PyProxy, Ref, SnakeBridge } from "../../mod.ts";
import { atLeast, atMost, type Measure, type Row, type Sample } from "./measure.ts";
import type { RawEcho } from "./raw_echo.ts";
import { median, quantile } from "./statistics.ts";

/** What the measures run on. */
export interface Rig {
  /** A bridge of one worker. */
  readonly bridge: SnakeBridge;
  /** The raw limit. */
  readonly raw: RawEcho;
  /** The same with one write for each reply, as the protocol asks of a worker. */
  readonly rawApart: RawEcho;
  /** How much of the full number of calls is made in a round; 1 for all. */
  readonly scale: number;
}

const DEPTHS = [1, 16, 64] as const;
const MOST = 64;
const BULK_BYTES = 10_000_000;
const ITEMS = 100_000;
/** As many as the bridge asks for at once, when it is at full speed. */
const RAW_BATCH = 16_384;

/** All measures that run inside one process. */
export function inProcessMeasures(rig: Rig): Measure[] {
  return [
    sequential(rig),
    concurrent(rig),
    chain(rig),
    values(rig),
    bytes(rig),
    iteration(rig),
    streams(rig),
    callbacks(rig),
  ];
}

/** Names of {@linkcode inProcessMeasures}. */
export const IN_PROCESS_NAMES: readonly string[] = [
  "call",
  "concurrent",
  "chain",
  "values",
  "bytes",
  "iteration",
  "streams",
  "callbacks",
];

function sequential({ bridge, raw, scale }: Rig): Measure {
  const count = scaled(600, scale);
  return {
    name: "call",
    sides: [
      async () => latencies("raw", await raw.sequential(16, count)),
      async () => latencies("bridge", await timeEach(count, () => bridge.call("math", "sqrt", [16]))),
    ],
    rows: (m) => [
      atMost("math.sqrt p50", "us", m("raw p50"), m("bridge p50"), m("raw p50"), 1.8),
      atMost("math.sqrt p99", "us", m("raw p99"), m("bridge p99"), m("raw p99")),
    ],
  };
}

function concurrent({ bridge, raw, rawApart, scale }: Rig): Measure {
  const count = (depth: number): number => scaled(depth === 1 ? 600 : 6_000, scale);
  return {
    name: "concurrent",
    sides: DEPTHS.flatMap((depth) => [
      async () => ({ [`raw ${depth}`]: await raw.concurrent(16, depth, count(depth)) }),
      async () => ({ [`apart ${depth}`]: await rawApart.concurrent(16, depth, count(depth)) }),
      async () => ({ [`bridge ${depth}`]: await callsPerSecond(bridge, depth, count(depth)) }),
    ]),
    rows: (m) => [
      ...DEPTHS.map((depth) => {
        const limit = depth === MOST ? 0.4 : undefined;
        return atLeast(`math.sqrt, ${depth} in flight`, "calls/s", m(`raw ${depth}`), m(`bridge ${depth}`), limit);
      }),
      atLeast(`the same, raw replies written apart`, "calls/s", m(`apart ${MOST}`), m(`bridge ${MOST}`)),
    ],
  };
}

async function callsPerSecond(bridge: SnakeBridge, depth: number, count: number): Promise<number> {
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await bridge.call("math", "sqrt", [16]);
    }
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: depth }, lane));
  return count / (performance.now() - begun) * 1000;
}

function chain({ bridge, raw, scale }: Rig): Measure {
  const count = scaled(1_000, scale);
  const str = member(bridge.import("builtins"), "str");
  const steps = (): PyProxy =>
    ["upper", "lower", "title", "swapcase"].reduce((chain, name) => member(chain, name)(), str("Bridge"));
  return {
    name: "chain",
    sides: [
      async () => latencies("raw", await raw.sequential("Bridge", count)),
      async () => latencies("call", await timeEach(count, () => bridge.call("builtins", "str", ["Bridge"]))),
      async () => latencies("proxy", await timeEach(count, () => str("Bridge"))),
      async () => latencies("chain", await timeEach(count, steps)),
    ],
    rows: (m) => [
      atMost("one call through a proxy p50", "us", m("raw p50"), m("proxy p50"), m("raw p50")),
      atMost("chain of 5 p50, by one proxy call", "us", m("raw p50"), m("chain p50"), m("proxy p50"), 1.8),
      atMost("chain of 5 p50, by one bridge.call", "us", m("raw p50"), m("chain p50"), m("call p50"), 1.8),
    ],
  };
}

/** A property of a proxy, of which the compiler cannot know that it is always there. */
function member(proxy: PyProxy, name: string): PyProxy {
  return proxy[name] as PyProxy;
}

function values({ bridge, raw, scale }: Rig): Measure {
  const small = scaled(200, scale);
  const large = scaled(4, scale);
  // Nine bytes each in MessagePack.
  const floats = (length: number): number[] => Array.from({ length }, (_, index) => index + 0.5);
  const cases: { name: string; type: string; value: unknown; count: number; limit?: number }[] = [
    { name: "1 kB str there and back", type: "str", value: "x".repeat(1_000), count: small },
    { name: "1 kB list there and back", type: "list", value: floats(111), count: small },
    { name: "1 MB str there and back", type: "str", value: "x".repeat(1_000_000), count: large },
    { name: "1 MB list there and back", type: "list", value: floats(111_111), count: large },
    { name: "1 MB of records there and back", type: "list", value: records(9_000), count: large, limit: 1.5 },
  ];
  return {
    name: "values",
    sides: cases.flatMap(({ name, type, value, count }) => [
      async () => ({ [`raw ${name}`]: 1000 * median(await raw.sequential(value, count)) }),
      async () => ({
        [`bridge ${name}`]: 1000 * median(await timeEach(count, () => bridge.call("builtins", type, [value]))),
      }),
    ]),
    rows: (m) =>
      cases.map(({ name, limit }) =>
        atMost(name, "us", m(`raw ${name}`), m(`bridge ${name}`), m(`raw ${name}`), limit)
      ),
  };
}

/** Nested and mixed, some 110 bytes each in MessagePack. */
function records(length: number): unknown[] {
  return Array.from({ length }, (_, index) => ({
    id: index,
    name: `customer ${index}`,
    score: index * 1.25,
    active: index % 2 === 0,
    tags: ["alpha", "beta"],
    address: { street: `${index} Main Street`, zip: 10_000 + index },
    note: null,
  }));
}

function bytes({ bridge, raw, scale }: Rig): Measure {
  const count = scaled(3, scale);
  const payload = new Uint8Array(BULK_BYTES).fill(7);
  const target = new Uint8Array(BULK_BYTES);
  let held: Promise<Ref> | undefined;
  return {
    name: "bytes",
    sides: [
      async () => ({ "raw in": await middle(count, () => raw.send(payload)) }),
      async () => ({ "bridge in": await middle(count, () => rate(() => bridge.call("builtins", "len", [payload]))) }),
      async () => ({ "raw out": await middle(count, () => raw.receive(target)) }),
      async () => {
        held ??= bridge.call("os", "urandom", [BULK_BYTES], undefined, { returns: "ref" }) as Promise<Ref>;
        const ref = await held;
        // Of `bytes` it makes the same object, so nothing is copied on the way.
        return { "bridge out": await middle(count, () => rate(() => bridge.call("builtins", "bytes", [ref]))) };
      },
    ],
    rows: (m) =>
      (["in", "out"] as const).map((way) =>
        atLeast(
          way === "in" ? "10 MB bytes to Python" : "10 MB bytes from Python",
          "GB/s",
          m(`raw ${way}`) / 1e9,
          m(`bridge ${way}`) / 1e9,
          0.5,
        )
      ),
  };
}

/** The middle of a few transfers, so that one round weighs as much as another. */
async function middle(count: number, transfer: () => Promise<number>): Promise<number> {
  const rates: number[] = [];
  for (let i = 0; i < count; i++) rates.push(await transfer());
  return median(rates);
}

async function rate(transfer: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await transfer();
  return BULK_BYTES / (performance.now() - begun) * 1000;
}

function iteration({ bridge, raw }: Rig): Measure {
  const range = member(bridge.import("builtins"), "range");
  return {
    name: "iteration",
    sides: [
      async () => ({ raw: await raw.iterate(ITEMS, RAW_BATCH) }),
      async () => {
        const begun = performance.now();
        let seen = 0;
        for await (const item of range(ITEMS)) if (item === seen) seen += 1;
        if (seen !== ITEMS) throw new Error(`Iteration gave ${seen} of ${ITEMS} ints`);
        return { bridge: ITEMS / (performance.now() - begun) * 1000 };
      },
    ],
    rows: (m): Row[] => [
      {
        ...atLeast(`iteration of ${ITEMS} ints`, "items/s", m("raw"), m("bridge")),
        target: ">= 500000/s",
        ok: m("bridge") >= 500_000,
      },
    ],
  };
}

const STREAM_SOURCE = `
def records(count):
    for index in range(count):
        yield {"id": index, "name": "x"}

def chunks(count, size):
    # Made once, as the raw side does: how fast Python makes bytes is not the question.
    chunk = bytes(size)
    for index in range(count):
        yield chunk
`;

/** Generators of small dicts and of large bytes, and many coroutines at once. */
function streams({ bridge, raw, scale }: Rig): Measure {
  const records = scaled(50_000, scale);
  const chunks = scaled(50, scale);
  const size = 1_000_000;
  const target = new Uint8Array(size);
  let ready: Promise<unknown> | undefined;
  const perSecond = async (items: AsyncIterable<unknown>, most: number): Promise<number> => {
    const begun = performance.now();
    let seen = 0;
    for await (const _ of items) seen += 1;
    if (seen !== most) throw new Error(`A stream gave ${seen} of ${most} items`);
    return most / (performance.now() - begun) * 1000;
  };
  return {
    name: "streams",
    sides: [
      async () => {
        await (ready ??= bridge.exec(STREAM_SOURCE));
        return { records: await perSecond(bridge.py`records(${records})`, records) };
      },
      async () => ({ "raw chunks": await middle(9, () => raw.receive(target)) }),
      async () => ({ chunks: size * await perSecond(bridge.py`chunks(${chunks}, ${size})`, chunks) }),
      async () => {
        const begun = performance.now();
        await Promise.all(Array.from({ length: 1_000 }, () => bridge.call("asyncio", "sleep", [0.1])));
        return { coroutines: performance.now() - begun };
      },
    ],
    rows: (m): Row[] => [
      {
        name: "stream of small dicts",
        unit: "items/s",
        raw: null,
        bridge: m("records"),
        ratio: null,
        target: ">= 300000/s",
        ok: m("records") >= 300_000,
      },
      atLeast("stream of 1 MB chunks", "GB/s", m("raw chunks") / 1e9, m("chunks") / 1e9, 0.5),
      {
        name: "1000 coroutines that sleep 100 ms",
        unit: "ms",
        raw: null,
        bridge: m("coroutines"),
        ratio: null,
        target: "<= 500 ms",
        ok: m("coroutines") <= 500,
      },
    ],
  };
}

/** A call of a TypeScript function by Python, inside a call, against a plain call. */
function callbacks({ bridge, scale }: Rig): Measure {
  const count = scaled(400, scale);
  const add = (a: number, b: number): number => a + b;
  return {
    name: "callbacks",
    sides: [
      async () => latencies("call", await timeEach(count, () => bridge.call("math", "sqrt", [16]))),
      async () => latencies("callback", await timeEach(count, () => bridge.call("functools", "reduce", [add, [1, 2]]))),
    ],
    rows: (m) => [
      atMost("callback round trip p50, by one call", "us", m("call p50"), m("callback p50"), m("call p50"), 2.5),
    ],
  };
}

async function timeEach(count: number, step: () => PromiseLike<unknown>): Promise<Float64Array> {
  const times = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const begun = performance.now();
    await step();
    times[i] = performance.now() - begun;
  }
  return times;
}

/** In microseconds. */
function latencies(side: string, times: Float64Array): Sample {
  return { [`${side} p50`]: 1000 * quantile(times, 0.5), [`${side} p99`]: 1000 * quantile(times, 0.99) };
}

function scaled(count: number, scale: number): number {
  return Math.max(2, Math.round(count * scale));
}
