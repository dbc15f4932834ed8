import { type DownloadProgress, shown } from "@whybox/core";
import type { ImageProgress } from "../images/explain-image.js";
import { createBar } from "./bar.js";
import type { CliContext } from "./context.js";

/** The progress on stderr: a bar on a terminal, otherwise one line for each download. */
export interface Progress {
  download(progress: DownloadProgress): void;
  /** Shows how many sources are done. A single source gets no bar. */
  sources(done: number, total: number): void;
  /** Shows the progress of the current source, if it takes longer than a second. */
  image(progress: ImageProgress): void;
  /** Removes the bar from the screen, so that lines can be printed. The next call shows it again. */
  clear(): void;
}

export interface ProgressOptions {
  /** Shows nothing. */
  readonly quiet: boolean;
  /** Shows no bar, as without a terminal. Default false. */
  readonly json?: boolean;
  /** The clock, in milliseconds. Tests pass their own. */
  readonly now?: () => number;
}

export function createProgress(context: CliContext, options: ProgressOptions): Progress {
  const { quiet, json = false, now = () => performance.now() } = options;
  if (quiet) return { download() {}, sources() {}, image() {}, clear() {} };
  return json || context.barStream === undefined ? lineProgress(context) : barProgress(context.barStream, now);
}

function lineProgress(context: CliContext): Progress {
  const told = new Set<string>();
  return {
    download({ what, total }) {
      if (told.has(what)) return;
      told.add(what);
      const size = total === undefined ? "" : ` (${megabytes(total)})`;
      context.stderr.write(`Downloading ${shown(what)}${size} …\n`);
    },
    sources() {},
    image() {},
    clear() {},
  };
}

/** A step of one source that takes longer gets a bar. */
const PATIENCE_MS = 1000;

const stepTexts = {
  explain: { label: "Explaining", unit: "runs" },
  write: { label: "Writing", unit: "files" },
} as const;

function barProgress(stream: NodeJS.WritableStream, now: () => number): Progress {
  const bar = createBar(stream, "{label} {bar} {note}");
  let sources = { done: 0, total: 1 };
  let step: { readonly name: ImageProgress["step"]; readonly started: number } | undefined;
  const show = (label: string, value: number, total: number, note: string) =>
    value >= total ? bar.clear() : bar.show(value, total, { label, note });
  return {
    download({ what, received, total }) {
      const note = total === undefined ? megabytes(received) : `${megabytes(received)} of ${megabytes(total)}`;
      const label = `Downloading ${shown(what)}`;
      // If the size is unknown, the bar stays empty and only the note changes.
      if (total === undefined) show(label, 0, 1, note);
      else show(label, received, total, note);
    },
    sources(done, total) {
      sources = { done, total };
      step = undefined;
      if (total > 1) show("Explaining", done, total, `${done} of ${total}`);
    },
    image({ step: name, done, total }) {
      if (step?.name !== name) step = { name, started: now() };
      if (now() - step.started < PATIENCE_MS) return;
      const { label, unit } = stepTexts[name];
      const note = `${done} of ${total} ${unit}`;
      if (sources.total === 1) show(label, done, total, note);
      else show(label, sources.done, sources.total, `${sources.done} of ${sources.total}, ${note}`);
    },
    clear: bar.clear,
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
