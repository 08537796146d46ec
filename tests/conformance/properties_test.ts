// Values of the whole model, drawn by chance, sent through a real worker and back in both encodings. A failure names the
// seed; SNAKEBRIDGE_TEST_SEED repeats it, SNAKEBRIDGE_TEST_VALUES draws more.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { fromTaggedJson, toTaggedJson } from "../../lib/protocol/mod.ts";
import { type Case, generate, show } from "../support/generate.ts";
import { Random, SEED, setting } from "../support/random.ts";
import { SharedRig } from "../support/rig.ts";

const COUNT = setting("SNAKEBRIDGE_TEST_VALUES", 500);
const AT_ONCE = 50;

const rig = new SharedRig();
after(() => rig.close());

/** Draws all values, a list at a time, and gives each list to `check` with words that say how to draw it again. */
async function draw(
  encoding: "msgpack" | "json",
  check: (cases: readonly Case[], seed: string) => Promise<void>,
): Promise<void> {
  for (let done = 0; done < COUNT; done += AT_ONCE) {
    const seed = SEED + done;
    const random = new Random(seed);
    const cases = Array.from({ length: AT_ONCE }, () => generate(random, { encoding }));
    await check(cases, `SNAKEBRIDGE_TEST_SEED=${seed} SNAKEBRIDGE_TEST_VALUES=${AT_ONCE}`);
  }
}

function compare(cases: readonly Case[], found: readonly unknown[], seed: string): void {
  assert.equal(found.length, cases.length);
  for (const [index, { back }] of cases.entries()) {
    const [is, should] = [show(found[index]), show(back)];
    if (is === should) continue;
    // Of a large value, what is around the first difference.
    let at = 0;
    while (is[at] === should[at]) at += 1;
    const near = (text: string): string => text.slice(Math.max(0, at - 200), at + 200);
    assert.equal(near(is), near(should), `value ${index}, drawn with ${seed}, differs at ${at}`);
  }
}

describe("any value of the model", () => {
  for (const returns of ["auto", "value"] as const) {
    it(
      `comes back the same in MessagePack, returned as ${returns}`,
      rig.test(async ({ bridge }) => {
        await draw("msgpack", async (cases, seed) => {
          const sent = cases.map(({ value }) => value);
          compare(cases, await bridge.call("sbtest", "same", [sent], {}, { returns }) as unknown[], seed);
        });
      }),
    );
  }

  it(
    "comes back the same in tagged JSON, and is the same value in both encodings",
    rig.test(async ({ bridge }) => {
      await draw("json", async (cases, seed) => {
        const texts = cases.map(({ value }) => JSON.stringify(toTaggedJson(value)));
        const back = await bridge.call("sbgraceful", "through_json", [texts]) as string[];
        compare(cases, back.map((text) => fromTaggedJson(JSON.parse(text))), seed);
      });
      await draw("msgpack", async (cases, seed) => {
        const known = cases.map(({ value }) => value).filter((value) => !show(value).includes("opaque("));
        const texts = known.map((value) => JSON.stringify(toTaggedJson(value)));
        assert.deepEqual(await bridge.call("sbgraceful", "differing", [known, texts]), [], `drawn with ${seed}`);
      });
    }),
  );

  it(
    "is a key or an item as soon as Python takes it for one",
    rig.test(async ({ bridge }) => {
      await draw("msgpack", async (cases, seed) => {
        const back = await bridge.call("sbtest", "same", [cases.map(({ value }, i) => new Map([[i + 0.5, value]]))]);
        compare(cases, (back as Map<number, unknown>[]).map((map, i) => map.get(i + 0.5)), seed);
      });
    }),
  );
});
