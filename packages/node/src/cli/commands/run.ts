import { resolve } from "node:path";
import type { Command } from "commander";
import { execute } from "../../runs/execute.js";
import { beginRun, type OpenedRun, openRun } from "../../runs/open-run.js";
import { writeParquet } from "../../runs/parquet.js";
import { runFiles, type SuccessMark } from "../../runs/schema.js";
import type { CliContext } from "../context.js";
import { refuseContradictions } from "../contradictions.js";
import { type ExitCode, exitCodes } from "../exit-codes.js";
import { readFlags, type TypedOptions } from "../flags.js";
import { declareRun } from "../run-declaration.js";
import { type RunFlags, type RunValues, runFlags, runFolder, runSettings } from "../run-options.js";
import { createRunSession, type RunSession } from "../run-session.js";
import { count } from "../text.js";

/** Adds `whybox run` to the program; `done` gets the exit code. */
export function addRun(program: Command, context: CliContext, done: (code: ExitCode) => void): void {
  const command = program.command("run [source...]");
  declareRun(command, context.methods).action(async (inputs: string[]) => {
    const read = readFlags<RunFlags, typeof runFlags>(command, runFlags, context.methods);
    const line = { ...read, values: { ...read.values, box: undefined } };
    const folder = runFolder(line, inputs, context.cwd);
    refuseContradictions({ ...line, sources: inputs }, context.methods);
    done(await new RunCommand(inputs, line, folder, context).run());
  });
}

class RunCommand {
  readonly #inputs: readonly string[];
  readonly #line: TypedOptions<RunValues>;
  readonly #values: RunValues;
  readonly #folder: string;
  readonly #context: CliContext;
  readonly #session: RunSession;

  constructor(inputs: readonly string[], line: TypedOptions<RunValues>, folder: string, context: CliContext) {
    const { values } = line;
    this.#inputs = inputs;
    this.#line = line;
    this.#values = values;
    this.#folder = folder;
    this.#context = context;
    this.#session = createRunSession(context, values);
  }

  async run(): Promise<ExitCode> {
    const { signal } = this.#context;
    const opened = await this.#open();
    const stop = () =>
      this.#session.say(
        `Stopping after the sources in progress. Press Ctrl-C again to drop them. ${this.#resumeHint()}`,
      );
    signal.addEventListener("abort", stop, { once: true });
    try {
      const mark = await this.#work(opened);
      if (this.#values.parquet) await this.#parquet(opened);
      this.#finish(mark);
      // Some failures are normal. If every source fails, the command fails too.
      return mark.failures === mark.end - mark.first ? exitCodes.badInput : exitCodes.ok;
    } finally {
      signal.removeEventListener("abort", stop);
      this.#session.clear();
      await opened.close();
    }
  }

  async #open(): Promise<OpenedRun> {
    const load = this.#session.load(this.#values.workers);
    try {
      if (this.#inputs.length === 0) return await openRun(this.#folder, load);
      const { recursive, split, images, resume } = this.#values;
      const stdin = this.#inputs.includes("-") ? this.#context.stdin : undefined;
      return await beginRun({
        ...load,
        inputs: this.#inputs,
        settings: runSettings(this.#line),
        listing: { recursive, split, images: images === undefined ? undefined : resolve(load.cwd, images), stdin },
        ...{ out: this.#folder, resume },
        onProblem: this.#session.say,
        onListed: (items, repeated) => this.#listed(items, repeated),
        onWait: this.#session.say,
      });
    } finally {
      this.#session.clear();
    }
  }

  #work({ folder, manifest, explainers }: OpenedRun): Promise<SuccessMark> {
    return execute(
      {
        ...{ manifest, folder, items: resolve(folder, runFiles.items), first: 0, end: manifest.items.count },
        ...{ skipMissing: this.#values.skipMissing, signal: this.#context.signal },
        ...this.#session.hooks(),
      },
      explainers,
    );
  }

  async #parquet({ folder, manifest }: OpenedRun): Promise<void> {
    const rows = await writeParquet(folder, manifest);
    this.#session.say(`${runFiles.parquet}: ${count(rows, "row")}`);
  }

  #listed(items: number, repeated: number): void {
    const twice = repeated === 0 ? "" : `; ${count(repeated, "source")} named more than once, each is explained once`;
    this.#session.say(`${count(items, "source")}${twice}.`);
  }

  #finish({ first, end, failures, detections }: SuccessMark): void {
    const place = this.#session.place(this.#folder);
    const failed = failures === 0 ? "" : `, ${failures} failed`;
    this.#session.say(
      `${count(end - first, "source")}: ${count(detections, "detection")}${failed}; results in ${place}`,
    );
  }

  #resumeHint(): string {
    return `To continue: whybox run --resume --out ${this.#session.place(this.#folder)}`;
  }
}
