import cliProgress from "cli-progress";
import type { CliContext } from "./context.js";

/** A progress bar for each stage of a command. It is shown only on a terminal. */
export interface Stages {
  show(stage: string, done: number, total: number): void;
  clear(): void;
}

export function createStages(context: CliContext, { quiet }: { readonly quiet: boolean }): Stages {
  const stream = context.barStream;
  if (quiet || stream === undefined) return { show() {}, clear() {} };
  let bar: cliProgress.SingleBar | undefined;
  let shown: string | undefined;
  const clear = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    show(stage, done, total) {
      if (stage !== shown) clear();
      shown = stage;
      if (done >= total) return clear();
      if (bar === undefined) {
        const format = "{stage} {bar} {value} of {total}, {eta_formatted} left";
        bar = new cliProgress.SingleBar({ format, stream, clearOnComplete: true, barsize: 30 });
        bar.start(total, done, { stage });
      }
      bar.update(done, { stage });
    },
    clear,
  };
}
