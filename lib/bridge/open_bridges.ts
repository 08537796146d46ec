import process from "node:process";

/** A bridge, as far as ending it goes. */
interface Closable {
  close(): Promise<void>;
}

const open = new Set<Closable>();
let listening = false;

/**
 * Remembers a bridge that may still be open when the event loop runs dry, and closes it then: Python flushes its files
 * and runs its exit handlers, as it would at the end of a script of its own. A process that is ended in another way
 * takes its workers with it at once.
 */
export function closeAtEnd(bridge: Closable): void {
  open.add(bridge);
  if (listening) return;
  listening = true;
  process.on("beforeExit", () => {
    for (const each of [...open]) {
      open.delete(each);
      void each.close();
    }
  });
}

/** The bridge is closed: nothing is left to do for it. */
export function forgetOpen(bridge: Closable): void {
  open.delete(bridge);
}
