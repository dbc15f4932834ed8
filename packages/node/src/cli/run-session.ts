import type { Work } from "../runs/execute.js";
import type { LoadContext } from "../runs/open-run.js";
import { runFiles } from "../runs/schema.js";
import type { CliContext } from "./context.js";
import { printError } from "./failure.js";
import { createProgress } from "./progress.js";
import { createRunProgress } from "./run-progress.js";
import { createTerminal } from "./terminal.js";
import { printable, typedPath } from "./text.js";

/** Maximum number of failures on the terminal. The results contain all of them. */
const SHOWN_FAILURES = 20;

/** Shared by the commands that process runs and shards: how they load the model, and what they print. */
export interface RunSession {
  /** Prints a notice on stderr. */
  readonly say: (line: string) => void;
  load(workers: number | undefined): LoadContext;
  /** Returns the callbacks for one shard. Each call resets the count of shown failures. */
  hooks(): Required<Pick<Work, "onProgress" | "onFailure" | "onWait">>;
  /** Returns a path as a user would type it. */
  place(folder: string): string;
  /** Removes bars from the screen. */
  clear(): void;
}

export function createRunSession(context: CliContext, { quiet }: { readonly quiet: boolean }): RunSession {
  const terminal = createTerminal(context, { quiet, json: false });
  const downloads = createProgress(context, { quiet });
  const progress = createRunProgress(context, { quiet });
  const clear = () => {
    downloads.clear();
    progress.clear();
  };
  const say = (line: string) => {
    clear();
    terminal.notice(printable(line));
  };
  return {
    say,
    clear,
    load: (workers) => ({
      ...{ version: context.version, cwd: context.cwd, signal: context.signal, env: context.env, workers },
      onProgress: (state) => downloads.download(state),
      onNotice: say,
    }),
    hooks: () => {
      let shown = 0;
      return {
        onProgress: (state) => progress.show(state),
        onWait: say,
        onFailure: (source, message) => {
          if (++shown > SHOWN_FAILURES) return;
          clear();
          const place = message.includes(source) ? "" : `${printable(source)}: `;
          printError(`${place}${printable(message, { keepLines: true })}`, context);
          if (shown === SHOWN_FAILURES) say(`Further failures are not shown. ${runFiles.results} lists all of them.`);
        },
      };
    },
    place: (folder) => typedPath(folder, context.cwd),
  };
}
