import cliProgress from "cli-progress";
import type { DownloadProgress } from "../api.js";
import type { CliContext } from "./context.js";
import { printable } from "./text.js";

/** The progress on stderr: a bar on a terminal, otherwise one line for each download. */
export interface Progress {
  download(progress: DownloadProgress): void;
  /** Shows how many sources are done. A single source gets no bar. */
  sources(done: number, total: number): void;
  /** Removes the bar from the screen, so that lines can be printed. The next call shows it again. */
  clear(): void;
}

export function createProgress(context: CliContext, { quiet }: { readonly quiet: boolean }): Progress {
  if (quiet) return { download() {}, sources() {}, clear() {} };
  return context.barStream === undefined ? lineProgress(context) : barProgress(context.barStream);
}

function lineProgress(context: CliContext): Progress {
  const shown = new Set<string>();
  return {
    download({ what, total }) {
      if (shown.has(what)) return;
      shown.add(what);
      const size = total === undefined ? "" : ` (${megabytes(total)})`;
      context.stderr.write(`Downloading ${printable(what)}${size} …\n`);
    },
    sources() {},
    clear() {},
  };
}

function barProgress(stream: NodeJS.WritableStream): Progress {
  let bar: cliProgress.SingleBar | undefined;
  const clear = () => {
    bar?.stop();
    bar = undefined;
  };
  const show = (label: string, value: number, total: number, note: string) => {
    if (value >= total) return clear();
    if (bar === undefined) {
      bar = new cliProgress.SingleBar({ format: "{label} {bar} {note}", stream, clearOnComplete: true, barsize: 30 });
      bar.start(total, value, { label, note });
    }
    bar.setTotal(total);
    bar.update(value, { label, note });
  };
  return {
    download({ what, received, total }) {
      const note = total === undefined ? megabytes(received) : `${megabytes(received)} of ${megabytes(total)}`;
      const label = `Downloading ${printable(what)}`;
      // If the size is unknown, the bar stays empty and only the note changes.
      if (total === undefined) show(label, 0, 1, note);
      else show(label, received, total, note);
    },
    sources(done, total) {
      if (total > 1) show("Explaining", done, total, `${done} of ${total}`);
    },
    clear,
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
