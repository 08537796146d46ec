import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { refGrowth } from "./ref_growth.ts";

const MIB = 1_048_576;

describe("references that are made and dropped", () => {
  // A million take a minute: see the head of ref_growth.ts.
  it("leave no object, no entry and no memory behind", async () => {
    const { made, live, entries, pythonBytes, hostBytes } = await refGrowth(100_000, 110_000);
    assert.ok(made >= 100_000);
    assert.deepEqual({ live, entries }, { live: 0, entries: 0 });
    assert.ok(pythonBytes < 8 * MIB, `Python grew by ${pythonBytes} bytes`);
    assert.ok(hostBytes < 8 * MIB, `the host grew by ${hostBytes} bytes`);
  });
});
