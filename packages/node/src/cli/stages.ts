import { createBar } from "./bar.js";
import type { CliContext } from "./context.js";

/** A progress bar for each stage of a command. It is shown only on a terminal. */
export interface Stages {
  show(stage: string, done: number, total: number): void;
  clear(): void;
}

export function createStages(context: CliContext, { quiet }: { readonly quiet: boolean }): Stages {
  const stream = context.barStream;
  if (quiet || stream === undefined) return { show() {}, clear() {} };
  const bar = createBar(stream, "{stage} {bar} {value} of {total}, {eta_formatted} left");
  let shown: string | undefined;
  return {
    show(stage, done, total) {
      if (stage !== shown || done >= total) bar.clear();
      shown = stage;
      if (done < total) bar.show(done, total, { stage });
    },
    clear: bar.clear,
  };
}
