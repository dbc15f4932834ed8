import type { WorkProgress } from "../runs/execute.js";
import { createBar } from "./bar.js";
import type { CliContext } from "./context.js";

/** The progress of a run: a bar on a terminal, otherwise one line per minute. */
export interface RunProgress {
  show(progress: WorkProgress): void;
  /** Removes the bar from the screen, so that lines can be printed. The next call shows it again. */
  clear(): void;
}

/** The rate covers the last half minute. The first items wait for the model and would distort an overall rate. */
const WINDOW_MS = 30_000;
const LINE_MS = 60_000;
const SAMPLE_MS = 500;

export function createRunProgress(
  context: CliContext,
  { quiet, now = () => performance.now() }: { readonly quiet: boolean; readonly now?: () => number },
): RunProgress {
  if (quiet) return { show() {}, clear() {} };
  const rate = createRate(now);
  return context.barStream === undefined ? lines(context, rate, now) : barProgress(context.barStream, rate);
}

/** Items per second; undefined until it is known. */
export type Rate = (done: number) => number | undefined;

export function createRate(now: () => number): Rate {
  const samples: { readonly at: number; readonly done: number }[] = [];
  return (done) => {
    const at = now();
    if (samples.length === 0 || at - samples.at(-1)!.at >= SAMPLE_MS) samples.push({ at, done });
    while (samples.length > 2 && at - samples[0]!.at > WINDOW_MS) samples.shift();
    const first = samples[0]!;
    return at > first.at && done > first.done ? (1000 * (done - first.done)) / (at - first.at) : undefined;
  };
}

/** "120 of 20000, 7.9/s, 42 min left, 3 failed". */
export function progressText({ done, total, failures, frames }: WorkProgress, rate: number | undefined): string {
  const parts = [`${done} of ${total}`];
  if (rate !== undefined)
    parts.push(`${rate < 10 ? rate.toFixed(2) : rate.toFixed(0)}/s`, `${timeText((total - done) / rate)} left`);
  if (frames > 0) parts.push(`frame ${frames}`);
  if (failures > 0) parts.push(`${failures} failed`);
  return parts.join(", ");
}

/** "40 s", "12 min", "3 h 20 min". */
function timeText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function lines(context: CliContext, rate: Rate, now: () => number): RunProgress {
  let last = now();
  return {
    show(progress) {
      const speed = rate(progress.done);
      if (now() - last < LINE_MS) return;
      last = now();
      context.stderr.write(`${progressText(progress, speed)}\n`);
    },
    clear() {},
  };
}

function barProgress(stream: NodeJS.WritableStream, rate: Rate): RunProgress {
  const { show, clear } = createBar(stream, "{bar} {note}");
  return {
    show: (progress) => show(progress.done, progress.total, { note: progressText(progress, rate(progress.done)) }),
    clear,
  };
}
