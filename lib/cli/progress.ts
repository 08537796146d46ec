import type { SetupEvent } from "../env/mod.ts";

/** A stream that progress is written to. */
export interface ProgressStream {
  /** Whether it is a terminal: only there lines are redrawn and coloured. */
  readonly isTTY?: boolean | undefined;
  /** Width of the terminal, in characters. */
  readonly columns?: number | undefined;
  /** Writes text. */
  write(text: string): unknown;
}

/** Shows the events of a setup. */
export interface Progress {
  /** Shows one event. */
  readonly take: (event: SetupEvent) => void;
  /** Takes the last redrawn line away and stops the clock. */
  readonly end: () => void;
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const REDRAW_MS = 100;
const BAR_WIDTH = 24;

/**
 * Makes a display of progress. On a terminal the current step is one line, redrawn with a bar and the seconds spent;
 * elsewhere (CI, a file) every event is a line of its own.
 */
export function createProgress(stream: ProgressStream): Progress {
  return stream.isTTY === true ? drawn(stream) : plain(stream);
}

function plain(stream: ProgressStream): Progress {
  return {
    take: (event) => {
      if (event.kind === "step") stream.write(`${event.text}\n`);
      else stream.write(`  [${String(event.done).padStart(2)}/${event.total}] ${event.text}\n`);
    },
    end: () => {},
  };
}

function drawn(stream: ProgressStream): Progress {
  let step = "";
  let detail = "";
  let done = 0;
  let total = 0;
  let stepStartMs = performance.now();
  let frame = 0;
  const draw = (): void => {
    const seconds = Math.floor((performance.now() - stepStartMs) / 1_000);
    const filled = total === 0 ? 0 : Math.round((done / total) * BAR_WIDTH);
    const bar = total === 0 ? "" : ` ${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)} ${done}/${total}`;
    const spinner = FRAMES[frame++ % FRAMES.length];
    const line = `${spinner} ${total === 0 ? step : ""}${bar} ${detail} (${seconds} s)`.replace(/ {2,}/g, " ");
    stream.write(`\r\x1b[2K${line.slice(0, (stream.columns ?? 80) - 1)}`);
  };
  const timer = setInterval(draw, REDRAW_MS);
  timer.unref?.();
  return {
    take: (event) => {
      if (event.kind === "step") {
        stream.write(`\r\x1b[2K\x1b[1m${event.text}\x1b[0m\n`);
        [step, detail, done, total, stepStartMs] = [event.text, "", 0, 0, performance.now()];
      } else {
        [detail, done, total] = [event.text, event.done, event.total];
      }
      draw();
    },
    end: () => {
      clearInterval(timer);
      stream.write("\r\x1b[2K");
    },
  };
}
