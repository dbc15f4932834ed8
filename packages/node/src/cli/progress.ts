import cliProgress from "cli-progress";
import type { DownloadProgress } from "../api.js";
import type { CliContext } from "./context.js";
import { printable } from "./text.js";

/** What runs at the moment, on stderr: a bar on a terminal, one line for each download elsewhere. */
export interface Progress {
  download(progress: DownloadProgress): void;
  /** How many sources are done. A single source gets no bar. */
  sources(done: number, total: number): void;
  /** Takes the bar off the screen, so that lines can be printed; the next call brings it back. */
  clear(): void;
}

export function createProgress(context: CliContext, { quiet }: { readonly quiet: boolean }): Progress {
  if (quiet) return { download() {}, sources() {}, clear() {} };
  return context.barStream === undefined ? lineProgress(context) : barProgress(context.barStream);
}

function lineProgress(context: CliContext): Progress {
  const told = new Set<string>();
  return {
    download({ what, total }) {
      if (told.has(what)) return;
      told.add(what);
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
      // With no size known the bar stays empty, and the note counts.
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
