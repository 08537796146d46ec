/** How many tests a runner ran, and how they ended. */
export interface TestCounts {
  /** Tests that passed. */
  readonly passed: number;
  /** Tests that failed. */
  readonly failed: number;
  /** Tests that were left out, each with its reason in the source. */
  readonly skipped: number;
}

/**
 * Counts the tests of a JUnit report from Deno, Bun or pytest. Deno also lists every `describe` as a case of its own;
 * those are recognised by their children and left out.
 */
export function countTests(xml: string): TestCounts {
  const cases = [...xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)]
    .map(([, attributes = "", body = ""]) => ({ name: attribute(attributes, "name"), body }));
  const groups = new Set<string>();
  for (const { name } of cases) {
    for (let at = name.indexOf(" &gt; "); at !== -1; at = name.indexOf(" &gt; ", at + 1)) groups.add(name.slice(0, at));
  }
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, body } of cases) {
    if (groups.has(name)) continue;
    if (/<(failure|error)\b/.test(body)) counts.failed++;
    else if (/<skipped\b/.test(body)) counts.skipped++;
    else counts.passed++;
  }
  return counts;
}

function attribute(text: string, name: string): string {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1] ?? "";
}

/** What one step of the suite came to. */
export interface StepResult {
  /** Name of the step. */
  readonly name: string;
  /** Whether it succeeded. */
  readonly ok: boolean;
  /** The tests it ran; undefined for a check that runs none. */
  readonly counts?: TestCounts | undefined;
}

/**
 * Sums the steps up. A step that failed without a failed test (a check, a runner that crashed) counts as one failure, so
 * that the sum is 0 exactly when everything succeeded.
 */
export function sumUp(steps: readonly StepResult[]): TestCounts {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { ok, counts } of steps) {
    total.passed += counts?.passed ?? 0;
    total.skipped += counts?.skipped ?? 0;
    total.failed += ok ? 0 : Math.max(1, counts?.failed ?? 0);
  }
  return total;
}
