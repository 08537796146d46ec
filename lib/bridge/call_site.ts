import { SnakeBridgeError } from "../errors/mod.ts";

// Some runtimes write addresses, some paths; the one ends with the other.
const OWN_FRAMES = decodeURI(new URL(".", import.meta.url).pathname);

/**
 * Waits for a call and tells an error where in TypeScript it was waited for.
 *
 * The error is made when an answer arrives, where the stack says nothing; behind an `await` the runtime knows who waits.
 * A call that succeeds pays nothing for it.
 */
export async function located<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof SnakeBridgeError) locate(error);
    throw error;
  }
}

/**
 * The `then` of what is awaited without being a promise, such as a proxy: as {@linkcode located}, at the cost of nothing
 * but this closure where the call succeeds. The frames are those of whoever awaits; where a runtime does not follow an
 * `await` through such an object (Bun), there are none.
 */
export function locatedThen<T>(
  result: Promise<T>,
  resolve: ((value: T) => unknown) | null | undefined,
  reject: ((reason: unknown) => unknown) | null | undefined,
): Promise<unknown> {
  return result.then(resolve, (error) => relocated(error).then(resolve, reject));
}

/** Fails, once somebody waits for it. */
async function relocated(error: unknown): Promise<never> {
  await undefined;
  if (error instanceof SnakeBridgeError) locate(error);
  throw error;
}

const seen = new WeakSet<SnakeBridgeError>();

function locate(error: SnakeBridgeError): void {
  if (seen.has(error)) return;
  seen.add(error);
  const frames = (new Error().stack ?? "").split("\n")
    .filter((line) => /^\s+at /.test(line) && !/\(?native:/.test(line) && !decoded(line).includes(OWN_FRAMES));
  if (frames.length === 0) return;
  const head = `${error.name}: ${error.message}`;
  const rest = error.stack?.startsWith(head) === true ? error.stack.slice(head.length) : "";
  // What stands behind the head is Python's traceback, or the frames of a socket callback, which help nobody.
  const python = rest.includes("\n\n") ? rest.slice(rest.indexOf("\n\n")) : "";
  error.stack = `${head}\n${frames.join("\n")}${python}`;
}

function decoded(line: string): string {
  try {
    return decodeURI(line);
  } catch {
    return line;
  }
}
