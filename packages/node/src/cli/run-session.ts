import { resolve } from "node:path";
import { printable } from "@whybox/core";
import type { Work, WorkHooks } from "../runs/execute.js";
import { beginRun, type LoadContext, type OpenedRun } from "../runs/open-run.js";
import { writeParquet } from "../runs/parquet.js";
import { repairRun } from "../runs/repair.js";
import { begunSample, measureRun } from "../runs/sample/measure-run.js";
import { runFiles, type SuccessMark } from "../runs/schema.js";
import { count } from "../words.js";
import type { CliContext } from "./context.js";
import { type ExitCode, exitCodes } from "./exit-codes.js";
import { printError } from "./failure.js";
import type { TypedOptions } from "./flags.js";
import { createProgress } from "./progress.js";
import { type RunValues, runSettings } from "./run-options.js";
import { createRunProgress } from "./run-progress.js";
import { createTerminal } from "./terminal.js";
import { printableLines, typedPath } from "./text.js";

/** Maximum number of failures on the terminal. The results contain all of them. */
const SHOWN_FAILURES = 20;

/** Maximum number of notes on the terminal. In a folder all are alike. */
const SHOWN_NOTES = 3;

type BeginLine = TypedOptions<Omit<RunValues, "workers" | "skipMissing" | "parquet" | "measure">>;

interface BeginSettings {
  /** Absolute path of the run's folder. */
  readonly out: string;
  readonly workers: number | undefined;
  readonly resume: boolean;
  /** The words for a number of sources that are named more than once. */
  readonly twice: (repeated: number) => string;
}

export interface MeasureOptions {
  /** Number of detections. Undefined: as many as an earlier command was asked to measure. */
  readonly measure: number | undefined;
  readonly skipMissing: boolean;
}

/** Shared by the commands that process runs and shards: how they load the model, and what they print. */
export interface RunSession {
  /** Prints a notice on stderr. */
  readonly say: (line: string) => void;
  load(workers: number | undefined): LoadContext;
  /** Begins a run, as `beginRun`. */
  begin(inputs: readonly string[], line: BeginLine, settings: BeginSettings): Promise<OpenedRun>;
  /** Does the work of a run and closes it. At Ctrl-C it says how the run stops, and `resume`. */
  during<T>(run: OpenedRun, resume: string, work: () => Promise<T>): Promise<T>;
  /** Repairs the files of a run or a shard, and says what was damaged. */
  repair(work: Work): Promise<void>;
  /** Writes the run's detections.parquet. */
  parquet(run: OpenedRun): Promise<void>;
  /**
   * Measures the maps of a sample of a finished run, if that is asked now or was begun, and prints what the figures say. Returns the exit code: if no
   * detection of the sample can be measured, the command fails.
   */
  measure(run: OpenedRun, options: MeasureOptions): Promise<ExitCode>;
  /**
   * Returns the callbacks for one shard. Each call resets the counts of shown failures and notes.
   * @param list The file that has all failures. Default: results.jsonl.
   */
  hooks(list?: string): WorkHooks;
  /** Returns a path as a user would type it. */
  place(folder: string): string;
  /** Removes bars from the screen. */
  clear(): void;
}

export function createRunSession(context: CliContext, { quiet }: { readonly quiet: boolean }): RunSession {
  const terminal = createTerminal(context, { quiet, json: false });
  const downloads = createProgress(context, { quiet });
  let progress = createRunProgress(context, { quiet });
  const clear = () => {
    downloads.clear();
    progress.clear();
  };
  const say = (line: string) => {
    clear();
    terminal.notice(printable(line));
  };
  const { version, cwd, signal, env } = context;
  const load = (workers: number | undefined): LoadContext => ({
    ...{ version, cwd, signal, env, workers },
    onProgress: (state) => downloads.download(state),
    onNotice: say,
  });
  const hooks = (list: string = runFiles.results): WorkHooks => {
    let shown = 0;
    let noted = 0;
    progress.clear();
    progress = createRunProgress(context, { quiet });
    return {
      onProgress: (state) => progress.show(state),
      onWait: say,
      onNote: (message) => {
        if (++noted <= SHOWN_NOTES) say(message);
        else if (noted === SHOWN_NOTES + 1) say("Further notes of this kind are not shown.");
      },
      onFailure: (source, message) => {
        if (++shown > SHOWN_FAILURES) return;
        clear();
        const place = message.includes(printable(source)) ? "" : `${printable(source)}: `;
        printError(`${place}${printableLines(message)}`, context);
        if (shown === SHOWN_FAILURES) say(`Further failures are not shown. ${list} lists all of them.`);
      },
    };
  };
  return {
    say,
    clear,
    hooks,
    load,
    begin: (inputs, line, { out, workers, resume, twice }) => {
      const { recursive, split, images } = line.values;
      const stdin = inputs.includes("-") ? context.stdin : undefined;
      return beginRun({
        ...load(workers),
        ...{ inputs, settings: runSettings(line), out, resume },
        listing: { recursive, split, images: images === undefined ? undefined : resolve(cwd, images), stdin },
        onProblem: say,
        onListed: (items, repeated) => say(`${count(items, "source")}${repeated === 0 ? "" : `; ${twice(repeated)}`}.`),
        onWait: say,
      }).finally(clear);
    },
    during: async (run, resume, work) => {
      const stop = () => say(`Stopping after the sources in progress. Press Ctrl-C again to drop them. ${resume}`);
      signal.addEventListener("abort", stop, { once: true });
      try {
        return await work();
      } finally {
        signal.removeEventListener("abort", stop);
        clear();
        await run.close();
      }
    },
    repair: async (work) => {
      const repaired = await repairRun(work);
      if (repaired === undefined) return say("Nothing is damaged.");
      const { damages, kept, rest, backup } = repaired;
      for (const damage of damages) say(damage);
      const others = rest === 0 ? "none is" : rest === 1 ? "one is" : `${rest} are`;
      say(`Kept ${count(kept, "item")}; ${others} explained. The damaged files are in ${typedPath(backup, cwd)}.`);
    },
    parquet: async ({ folder, manifest }) => {
      say(`${runFiles.parquet}: ${count(await writeParquet(folder, manifest), "row")}`);
    },
    measure: async ({ folder, manifest, explainers }, { measure, skipMissing }) => {
      const asked = measure ?? (await begunSample(folder));
      if (asked === undefined) return exitCodes.ok;
      say(`Measuring the maps of ${count(asked, "detection")}.`);
      const work = { manifest, folder, asked, skipMissing, signal, ...hooks(runFiles.measurements) };
      const { sentences, sampled, measured } = await measureRun(work, explainers);
      for (const sentence of sentences) say(sentence);
      return measured === 0 && sampled > 0 ? exitCodes.badInput : exitCodes.ok;
    },
    place: (folder) => typedPath(folder, cwd),
  };
}

/** "12 sources: 30 detections, 2 failed". */
export function markText({ first, end, failures, detections }: SuccessMark, separator = ": "): string {
  const failed = failures === 0 ? "" : `, ${failures} failed`;
  return `${count(end - first, "source")}${separator}${count(detections, "detection")}${failed}`;
}

/** Some failures are normal. If every source fails, the command fails too. */
export function markExitCode({ first, end, failures }: SuccessMark): ExitCode {
  return failures === end - first ? exitCodes.badInput : exitCodes.ok;
}
