import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import {
  Atom,
  isUnserializable,
  LimitExceededError,
  Ref,
  SerializationError,
  type SnakeBridge,
  Tuple,
  unserializableInfo,
  ValueEncodeError,
} from "../../mod.ts";
import { until } from "../support/gate.ts";
import { Rig, SharedRig } from "../support/rig.ts";

const rig = new SharedRig();
after(() => rig.close());

type Fields = Record<string, unknown>;

async function get<T>(bridge: SnakeBridge, name: string, ...args: unknown[]): Promise<T> {
  return await bridge.call("sbgraceful", name, args) as T;
}

async function value<T>(ref: Ref, name: string): Promise<T> {
  return await ref.get(name) as T;
}

describe("a result that has an encoding only in part", () => {
  it(
    "keeps its shape, and only the leaves without encoding become references",
    rig.test(async ({ bridge }) => {
      const mixed = await get<Fields>(bridge, "mixed");
      assert.deepEqual(Object.keys(mixed), ["n", "made", "rows", "at"]);
      assert.equal(mixed.n, 1);
      assert.equal(await value(mixed.made as Ref, "name"), "a");
      const [one, inner, bytes] = mixed.rows as [number, Tuple, Uint8Array];
      assert.deepEqual([one, bytes], [1, Uint8Array.of(120)]);
      assert.ok(inner instanceof Tuple);
      assert.equal(await value(inner[0] as Ref, "name"), "b");
      const [deep] = (inner[1] as { deep: Set<Ref> }).deep;
      assert.equal(await value(deep!, "name"), "c");
      assert.equal(await value((mixed.at as Map<number, Ref>).get(1)!, "name"), "d");
    }),
  );

  it(
    "gives an object that it holds several times one reference",
    rig.test(async ({ bridge }, rig) => {
      const [one, { again }, [third], other] = await get<[Ref, { again: Ref }, [Ref], Ref]>(bridge, "shared");
      assert.ok(one instanceof Ref);
      assert.equal(again, one);
      assert.equal(third, one);
      assert.notEqual(other, one);
      assert.equal(await rig.refs(), 2);
      one.release();
      await until("one reference is left", async () => await rig.refs() === 1);
      assert.equal(await value(other, "name"), "other");
      // Two answers, two references: each has a life of its own.
      const kept = await bridge.call("sbgraceful", "Plain", ["kept"]) as Ref;
      const [first] = await bridge.call("sbtest", "same", [[kept]]) as [Ref];
      const [second] = await bridge.call("sbtest", "same", [[kept]]) as [Ref];
      assert.notEqual(first, second);
      first.release();
      assert.equal(await value(second, "name"), "kept");
    }),
  );

  it(
    "sends instances of subclasses as references, and as their base where a value is asked for",
    rig.test(async ({ bridge }) => {
      const [names, pair, flag] = await get<[Ref, Ref, boolean]>(bridge, "subclasses");
      assert.equal(await value(pair, "left"), 1);
      assert.equal(await names.at("a"), 1);
      assert.equal(flag, true);
      const plain = await bridge.call("sbgraceful", "subclasses", [], {}, { returns: "value" });
      assert.deepEqual(plain, [{ a: 1 }, Tuple.of(1, 2), true]);
    }),
  );

  it(
    "may hold 100,000 objects",
    rig.test(async ({ bridge }, rig) => {
      await bridge.withSession(async () => {
        const many = await get<Ref[]>(bridge, "many", 100_000);
        assert.equal(many.length, 100_000);
        assert.equal(await value(many[99_999]!, "name"), "99999");
        assert.equal(await rig.refs(), 100_000);
      });
      await until("the session's references are gone", async () => await rig.refs() === 0, 15_000);
    }),
  );
});

describe("an atom", () => {
  it(
    "is text to Python, and an Atom of Python is text here",
    rig.test(async ({ bridge }) => {
      assert.equal(await bridge.call("builtins", "repr", [[new Atom("ok")]]), "['ok']");
      assert.equal(await bridge.call("snakebridge.atoms", "Atom", ["ok"]), "ok");
      await assert.rejects(bridge.call("builtins", "repr", [[new Atom("\ud800")]]), ValueEncodeError);
      assert.equal(
        await bridge.call("sbgraceful", "through_json", [['{"__type__":"atom","__schema__":1,"value":"ok"}']])
          .then((texts) => (texts as string[])[0]),
        '"ok"',
      );
    }),
  );
});

describe("a result that contains itself", () => {
  it(
    "ends in a reference to the container where it closes",
    rig.test(async ({ bridge }) => {
      const ring = await get<[Ref, string, { back: Ref }]>(bridge, "ring");
      const [made, text, { back }] = ring;
      assert.equal(text, "text");
      assert.ok(back instanceof Ref);
      assert.equal(await back.len(), 3);
      // Walking on from the host ends, and meets the same objects.
      const dict = await back.at(2) as { back: [Ref, string, Ref] };
      assert.equal(await bridge.call("operator", "is_", [dict.back[0], made]), true);
      const list = await dict.back[2].call("get", ["back"], {}, { returns: "ref" }) as Ref;
      assert.equal(await bridge.call("operator", "is_", [list, back]), true);
    }),
  );

  it(
    "keeps nodes that know their parent as values",
    rig.test(async ({ bridge }, rig) => {
      interface Node {
        readonly name: string;
        readonly parent: Ref;
      }
      const root = await get<{ name: string; children: Node[] }>(bridge, "tree", 200);
      assert.equal(root.name, "root");
      assert.deepEqual(root.children.map(({ name }) => name), Array.from({ length: 200 }, (_, i) => `child ${i}`));
      assert.equal(new Set(root.children.map(({ parent }) => parent)).size, 1);
      assert.equal(await root.children[0]!.parent.at("name"), "root");
      assert.equal(await rig.refs(), 1);
    }),
  );

  it(
    "is as large as what it is made of, however tangled",
    rig.test(async ({ bridge }) => {
      const people = await get<Fields[]>(bridge, "friends", 100);
      assert.equal(people.length, 100);
      let found = 0;
      const seen = new Set<unknown>();
      const walk = (item: unknown): void => {
        if (typeof item !== "object" || item === null || item instanceof Ref || seen.has(item)) return;
        seen.add(item);
        if (Array.isArray(item)) item.forEach(walk);
        else {
          found += 1;
          walk((item as Fields).knows);
        }
      };
      walk(people[0]);
      assert.equal(found, 100);
    }),
  );

  it(
    "is written again where it is named from outside, with the same references",
    rig.test(async ({ bridge }) => {
      const [[one], [other]] = await get<[[Ref], [Ref]]>(bridge, "twice");
      assert.ok(one instanceof Ref);
      assert.equal(one, other);
      const [{ stop }] = await get<[{ stop: Ref }]>(bridge, "around_a_slice");
      assert.equal(await stop.len(), 1);
    }),
  );

  it(
    "is found by whatever limit is met first",
    rig.test(async ({ bridge }) => {
      const ring = await get<unknown[]>(bridge, "wide_ring", 100_000);
      assert.equal(ring.length, 100_001);
      assert.equal(await (ring[100_000] as Ref).len(), 100_001);
    }),
  );

  it(
    "is an error where a value is asked for",
    rig.test(async ({ bridge }, rig) => {
      for (const [name, ...args] of [["twice"], ["tree"], ["friends", 3], ["wide_ring", 100_000]] as const) {
        await assert.rejects(
          bridge.call("sbgraceful", name, args, {}, { returns: "value" }),
          (error) => error instanceof LimitExceededError && error.limit === "cycle",
          name,
        );
      }
      assert.equal(await rig.refs(), 0);
    }),
  );

  it(
    "may come as an item of an iterator",
    rig.test(async ({ bridge }) => {
      const rings = await get<Ref>(bridge, "rings");
      let count = 0;
      for await (const item of rings) {
        const [made, , { back }] = item as [Ref, string, { back: Ref }];
        assert.equal(await value(made, "name"), "in the ring");
        assert.equal(await back.len(), 3);
        count += 1;
      }
      assert.equal(count, 3);
    }),
  );
});

describe("items of an iterator", () => {
  for (const returns of ["auto", "ref"] as const) {
    it(
      `have a life of their own when they are the same object, returned as ${returns}`,
      rig.test(async ({ bridge }, rig) => {
        using repeated = await get<Ref>(bridge, "repeated", 100);
        let count = 0;
        for await (const item of repeated.iterate({ returns })) {
          using one = item as Ref;
          assert.equal(await value(one, "name"), "again");
          count += 1;
        }
        assert.equal(count, 100);
        using inside = await get<Ref>(bridge, "repeated", 100, "inside");
        for await (const item of inside.iterate()) {
          const { left, right } = item as { left: Ref; right: [Ref] };
          assert.equal(left, right[0], "but inside one item it is one");
          left.release();
        }
        await until("only the iterators are left", async () => await rig.refs() <= 2);
      }),
    );
  }
});

describe("an item that cannot be sent", () => {
  it(
    "comes after those before it, and leaves no reference behind",
    rig.test(async ({ bridge }, rig) => {
      using items = await get<Ref>(bridge, "spoilt", 50);
      const names: unknown[] = [];
      await assert.rejects(async () => {
        for await (const item of items) {
          using one = (item as [Ref])[0];
          names.push(await value(one, "name"));
        }
      }, SerializationError);
      assert.deepEqual(names, Array.from({ length: 50 }, (_, i) => String(i)));
      await until("only the iterator is left", async () => await rig.refs() <= 1);
    }),
  );
});

describe("a result that cannot be sent", () => {
  const small = new SharedRig({ limits: { maxElements: 100_000, maxFrameBytes: 3_000_000 } });
  after(() => small.close());

  for (const how of ["text", "depth", "elements", "bytes"]) {
    it(
      `leaves no reference behind when it fails by its ${how}`,
      small.test(async ({ bridge }, rig) => {
        await assert.rejects(
          bridge.call("sbgraceful", "fails_late", [how]),
          how === "text" ? SerializationError : LimitExceededError,
        );
        assert.equal(await rig.refs(), 0);
        assert.equal(await bridge.call("sbgraceful", "living"), 0);
      }),
    );
  }

  it("says which limit is met by too many objects", async () => {
    await using rig = await Rig.start({ limits: { maxElements: 1_000 } });
    await rig.run(async ({ bridge }) => {
      await assert.rejects(
        bridge.call("sbgraceful", "many", [1_000]),
        (error) => error instanceof LimitExceededError && error.limit === "maxElements",
      );
      assert.equal(await rig.refs(), 0);
    });
  });
});

describe("snakebridge.serialization", () => {
  async function plain(bridge: SnakeBridge, value: unknown, options: Fields = {}): Promise<unknown> {
    return await bridge.call("snakebridge.serialization", "to_plain", [value], options);
  }

  it(
    "makes a value of any object, with markers for what has none",
    rig.test(async ({ bridge }, rig) => {
      using mixed = await bridge.call("sbgraceful", "mixed", [], {}, { returns: "ref" }) as Ref;
      const made = await plain(bridge, mixed) as Fields;
      assert.equal(await rig.refs(), 1, "no reference comes of it");
      assert.equal(made.n, 1);
      assert.ok(isUnserializable(made.made));
      assert.deepEqual(unserializableInfo(made.made), { type: "sbgraceful.Plain" });
      const [one, [inner, { deep }], bytes] = made.rows as [number, [unknown, { deep: unknown[] }], Uint8Array];
      assert.deepEqual([one, bytes], [1, Uint8Array.of(120)]);
      assert.ok([inner, deep[0], (made.at as Map<number, unknown>).get(1)].every(isUnserializable));
      const shown = await plain(bridge, mixed, { detail: "repr_truncated", repr_max_chars: 8 }) as Fields;
      assert.deepEqual(unserializableInfo(shown.made), { type: "sbgraceful.Plain", repr: "Plain('a" });
    }),
  );

  it(
    "converts what says how, and keeps what has an encoding",
    rig.test(async ({ bridge }) => {
      using frame = await bridge.call("pandas", "DataFrame", [{ a: [1, 2] }], {}, { returns: "ref" }) as Ref;
      assert.deepEqual(await plain(bridge, frame), { a: new Map([[0, 1], [1, 2]]) });
      using pair = await bridge.call("sbgraceful", "Pair", [1, 2n ** 60n]) as Ref;
      assert.deepEqual(await plain(bridge, pair), { left: 1, right: 2n ** 60n });
      using ring = await bridge.call("sbgraceful", "ring", [], {}, { returns: "ref" }) as Ref;
      const [, , { back }] = await plain(bridge, ring) as [unknown, string, { back: unknown }];
      assert.deepEqual(unserializableInfo(back), { type: "builtins.list" });
    }),
  );

  it("does as the environment of the worker says", async () => {
    await using rig = await Rig.start({
      env: { SNAKEPIT_UNSERIALIZABLE_DETAIL: "repr_redacted_truncated", SNAKEBRIDGE_TOLIST_MAX_ELEMENTS: "3" },
    });
    await rig.run(async ({ bridge }) => {
      using made = await bridge.call("sbgraceful", "Plain", ["password=hunter2"]) as Ref;
      assert.deepEqual(unserializableInfo(await plain(bridge, made)), {
        type: "sbgraceful.Plain",
        repr: "Plain('password=[REDACTED]')",
      });
      using numbers = await bridge.call("array", "array", ["b", new Uint8Array(4)], {}, { returns: "ref" }) as Ref;
      assert.ok(isUnserializable(await plain(bridge, numbers)));
      await numbers.call("pop");
      assert.deepEqual(await plain(bridge, numbers), [0, 0, 0]);
    });
  });
});
