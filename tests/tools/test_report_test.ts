import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { countTests, sumUp } from "./test_report.ts";

describe("countTests()", () => {
  it("leaves out the groups that Deno lists as cases", () => {
    const xml = `<testsuites tests="6" failures="3">
      <testsuite name="./a_test.ts"><testcase name="A" line="3"><failure message="1 failed"/></testcase></testsuite>
      <testsuite name="ext:deno_node/testing.ts">
        <testcase name="A &gt; one" time="0"></testcase>
        <testcase name="A &gt; two" time="0"><failure message="no">x</failure></testcase>
        <testcase name="A &gt; three" time="0"><skipped/></testcase>
        <testcase name="A &gt; inner" time="0"></testcase>
        <testcase name="A &gt; inner &gt; four" time="0"></testcase>
      </testsuite></testsuites>`;
    assert.deepEqual(countTests(xml), { passed: 2, failed: 1, skipped: 1 });
  });

  it("counts cases of Bun and pytest, closed in themselves or not", () => {
    const xml = `<testsuites><testsuite name="a"><testcase name="one" classname="A" time="0.1" />
      <testcase name="two" classname="A"><skipped /></testcase>
      <testcase classname="tests.test_a" name="test_x"><error message="setup">x</error></testcase>
      </testsuite></testsuites>`;
    assert.deepEqual(countTests(xml), { passed: 1, failed: 1, skipped: 1 });
  });

  it("gives zeros for a report that was never written", () => {
    assert.deepEqual(countTests(""), { passed: 0, failed: 0, skipped: 0 });
  });
});

describe("sumUp()", () => {
  it("counts a step that failed without a failed test as one failure", () => {
    const counts = { passed: 3, failed: 0, skipped: 1 };
    assert.deepEqual(sumUp([{ name: "lint", ok: false }, { name: "bun", ok: false, counts }]), {
      passed: 3,
      failed: 2,
      skipped: 1,
    });
  });
});
