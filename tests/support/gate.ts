import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that is gone after the test. */
export class TempFolder implements Disposable {
  /** Where it is. */
  readonly path: string = mkdtempSync(join(tmpdir(), "snakebridge-test-"));

  /** A path in it. */
  file(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Waits until `test` is true; tests wait for facts, and this limit only ends a broken one. */
export async function until(what: string, test: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await test())) {
    if (performance.now() > end) throw new Error(`Waited ${limitMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/**
 * Holds Python still until the test says go: `await bridge.call("sbtest", "hold", gate.args)`.
 *
 * It works by two files, so it does not depend on what is under test.
 */
export class Gate implements Disposable {
  readonly #folder = new TempFolder();

  /** Arguments of the Python function `sbtest.hold`. */
  get args(): string[] {
    return [this.#folder.file("begun"), this.#folder.file("open")];
  }

  /** Settles once Python stands at the gate. */
  begun(): Promise<void> {
    return until("Python stands at the gate", () => existsSync(this.#folder.file("begun")));
  }

  /** Whether Python ever came to the gate. */
  get reached(): boolean {
    return existsSync(this.#folder.file("begun"));
  }

  /** Lets Python go on. */
  open(): void {
    writeFileSync(this.#folder.file("open"), "");
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
