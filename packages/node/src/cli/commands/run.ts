import { resolve } from "node:path";
import type { Command } from "commander";
import { execute, type WorkProgress } from "../../runs/execute.js";
import { beginRun, type LoadContext, type OpenedRun, openRun } from "../../runs/open-run.js";
import { writeParquet } from "../../runs/parquet.js";
import { runFiles, type SuccessMark } from "../../runs/schema.js";
import type { CliContext } from "../context.js";
import { refuseContradictions } from "../contradictions.js";
import { type ExitCode, exitCodes } from "../exit-codes.js";
import { type ExplainValues, parseOptions } from "../explain-options.js";
import { printError } from "../failure.js";
import { createProgress } from "../progress.js";
import { declareRun } from "../run-declaration.js";
import { asExplainValues, type RunValues, runCommandSchema, runFolder, runSettings } from "../run-options.js";
import { createRunProgress, type RunProgress } from "../run-progress.js";
import { createTerminal, type Terminal } from "../terminal.js";
import { count, printable, typedPath } from "../text.js";

/** Adds `whybox run` to the program; `done` gets the exit code. */
export function addRun(program: Command, context: CliContext, done: (code: ExitCode) => void): void {
  const command = program.command("run [source...]");
  declareRun(command, context.choices).action(async (inputs: string[], raw: unknown) => {
    const values = parseOptions(runCommandSchema(context.choices), raw);
    const typed = Object.keys(values).filter((key) => command.getOptionValueSource(key) === "cli");
    const folder = runFolder(values, inputs, typed, context.cwd);
    const has = (key: keyof ExplainValues) => typed.includes(key);
    refuseContradictions(asExplainValues(values), { sources: inputs, has }, context.choices);
    done(await new RunCommand(inputs, values, folder, context).run());
  });
}

/** Failures that are shown one by one; all are in the results. */
const SHOWN_FAILURES = 20;

class RunCommand {
  readonly #inputs: readonly string[];
  readonly #values: RunValues;
  readonly #folder: string;
  readonly #context: CliContext;
  readonly #terminal: Terminal;
  readonly #progress: RunProgress;
  #shown = 0;

  constructor(inputs: readonly string[], values: RunValues, folder: string, context: CliContext) {
    this.#inputs = inputs;
    this.#values = values;
    this.#folder = folder;
    this.#context = context;
    this.#terminal = createTerminal(context, { quiet: values.quiet, json: false });
    this.#progress = createRunProgress(context, values.quiet);
  }

  async run(): Promise<ExitCode> {
    const { signal } = this.#context;
    const opened = await this.#open();
    const stop = () =>
      this.#say(`Stopping: what is under way is finished first; Ctrl-C again drops it. ${this.#resumeHint()}`);
    signal.addEventListener("abort", stop, { once: true });
    try {
      const mark = await this.#work(opened);
      if (this.#values.parquet) await this.#parquet(opened);
      this.#finish(mark);
      // Some failures are the way of the world; nothing but failures is a mistake.
      return mark.failures === mark.end - mark.first ? exitCodes.badInput : exitCodes.ok;
    } finally {
      signal.removeEventListener("abort", stop);
      this.#progress.clear();
      await opened.close();
    }
  }

  async #open(): Promise<OpenedRun> {
    const { cwd, version, signal, env } = this.#context;
    const downloads = createProgress(this.#context, this.#values.quiet);
    const load: LoadContext = {
      ...{ version, cwd, signal, env, workers: this.#values.workers },
      onProgress: (state) => downloads.download(state),
      onNotice: (notice) => this.#say(notice),
    };
    try {
      if (this.#inputs.length === 0) return await openRun(this.#folder, load);
      const { recursive, split, images, resume } = this.#values;
      const stdin = this.#inputs.includes("-") ? this.#context.stdin : undefined;
      return await beginRun({
        ...load,
        inputs: this.#inputs,
        settings: runSettings(this.#values),
        listing: { recursive, split, images: images === undefined ? undefined : resolve(cwd, images), stdin },
        ...{ out: this.#folder, resume },
        onProblem: (message) => this.#say(message),
        onListed: (items, repeated) => this.#listed(items, repeated),
        onWait: (message) => this.#say(message),
      });
    } finally {
      downloads.clear();
    }
  }

  #work({ folder, manifest, explainers }: OpenedRun): Promise<SuccessMark> {
    return execute(
      {
        ...{ manifest, folder, items: resolve(folder, runFiles.items), first: 0, end: manifest.items.count },
        ...{ skipMissing: this.#values.skipMissing, signal: this.#context.signal },
        onProgress: (progress: WorkProgress) => this.#progress.show(progress),
        onFailure: (source, message) => this.#fail(source, message),
        onWait: (message) => this.#say(message),
      },
      explainers,
    );
  }

  async #parquet({ folder, manifest }: OpenedRun): Promise<void> {
    const rows = await writeParquet(folder, manifest);
    this.#say(`${runFiles.parquet}: ${count(rows, "row")}`);
  }

  #listed(items: number, repeated: number): void {
    const twice = repeated === 0 ? "" : `; ${count(repeated, "source")} named more than once, each is explained once`;
    this.#say(`${count(items, "source")}${twice}.`);
  }

  #fail(source: string, message: string): void {
    if (++this.#shown > SHOWN_FAILURES) return;
    this.#progress.clear();
    const place = message.includes(source) ? "" : `${printable(source)}: `;
    printError(`${place}${printable(message, true)}`, this.#context);
    if (this.#shown === SHOWN_FAILURES)
      this.#say(`Further failures are not shown here; all are in ${runFiles.results}.`);
  }

  #finish({ first, end, failures, detections }: SuccessMark): void {
    this.#progress.clear();
    const place = typedPath(this.#folder, this.#context.cwd);
    const failed = failures === 0 ? "" : `, ${failures} failed`;
    this.#say(`${count(end - first, "source")}: ${count(detections, "detection")}${failed}; results in ${place}`);
  }

  #say(line: string): void {
    this.#progress.clear();
    this.#terminal.notice(printable(line));
  }

  #resumeHint(): string {
    return `whybox run --resume --out ${typedPath(this.#folder, this.#context.cwd)} goes on.`;
  }
}
