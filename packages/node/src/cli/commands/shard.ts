import { resolve } from "node:path";
import { didYouMean, WhyboxError } from "@whybox/core";
import type { Command } from "commander";
import { z } from "zod";
import { refuseOtherMaps } from "../../runs/sample/measure-run.js";
import type { SuccessMark } from "../../runs/schema.js";
import { mergeShards } from "../../runs/shards/merge.js";
import { openPlannedRun, planShards } from "../../runs/shards/plan.js";
import { runShard, shardOf } from "../../runs/shards/run-shard.js";
import { count } from "../../words.js";
import type { CliContext } from "../context.js";
import { refuseContradictions } from "../contradictions.js";
import { type ExitCode, worstExitCode } from "../exit-codes.js";
import { declareFlags, readFlags } from "../flags.js";
import { integerText, parseOptions } from "../option-schemas.js";
import {
  type PlanFlags,
  planFlags,
  runFolder,
  shardFlags,
  shardRunFlags,
  type WorkFlags,
  workFlags,
} from "../run-options.js";
import { createRunSession, markExitCode, markText, type RunSession } from "../run-session.js";

const shardCommands = ["plan", "run", "merge"] as const;

const mergeFlags = { ...shardFlags, parquet: workFlags.parquet, measure: workFlags.measure };

/** Adds `whybox shard plan`, `run` and `merge` to the program; `done` gets the exit code of `merge`. */
export function addShard(program: Command, context: CliContext, done: (code: ExitCode) => void): void {
  const shard = program
    .command("shard")
    .summary("split a run into parts for many machines, run them and merge them")
    .description("Splits a run into shards, runs one of them, or merges them into the same result as on one machine.")
    .allowExcessArguments()
    .action((_, { args: [given] }: Command) => {
      const what = given === undefined ? "No command given." : `shard has no command "${given}".`;
      const names = shardCommands.join(", ");
      throw new WhyboxError("usage", `${what} Commands: ${names}.${didYouMean(given ?? "", shardCommands)}`);
    });
  addPlan(shard, context);
  addShardRun(shard, context);
  addMerge(shard, context, done);
}

function addPlan(shard: Command, context: CliContext): void {
  const command = shard
    .command("plan <source...>")
    .summary("split a run into shards")
    .description(
      "Prepares a run: lists the sources, writes the manifest, and splits the list into shards of equal size. Nothing is explained yet.\n" +
        "Sources and options are those of whybox run. Repeating the command changes nothing (docs/scale.md).",
    );
  const examples = `
Examples:
  whybox shard plan photos --recursive --shards 32 --out night
  whybox shard plan data.yaml --split val --weights /data/best.onnx --shards 100 --out /data/val`;
  declareFlags(command, planFlags, context.methods)
    .addHelpText("after", examples)
    .action(async (inputs: string[]) => {
      const read = readFlags<PlanFlags, typeof planFlags>(command, planFlags, context.methods);
      const line = { ...read, values: { ...read.values, box: undefined, resume: false, repair: false } };
      const { shards } = line.values;
      if (shards === undefined) throw new WhyboxError("usage", "--shards is missing. Give the number of shards.");
      const out = runFolder(line, inputs, context.cwd);
      refuseContradictions({ ...line, sources: inputs }, context.methods);
      const session = createRunSession(context, line.values);
      const opened = await session.begin(inputs, line, {
        // One worker is enough to read the model's properties. If planning is interrupted, the same command completes it.
        ...{ out, workers: 1, resume: true },
        twice: (repeated) => `${repeated} named more than once`,
      });
      try {
        const plan = await planShards(opened, shards, { signal: context.signal, onWait: session.say });
        const place = session.place(out);
        const last = plan.shards.length - 1;
        const each =
          last === 0 ? `whybox shard run ${place} 0` : `whybox shard run ${place} I, for I from 0 to ${last}`;
        session.say(
          `${count(opened.manifest.items.count, "source")} in ${count(plan.shards.length, "shard")}: ${each}; then whybox shard merge ${place}`,
        );
      } finally {
        session.clear();
        await opened.close();
      }
    });
}

function addShardRun(shard: Command, context: CliContext): void {
  const command = shard
    .command("run")
    .summary("run one shard")
    .description(
      "Explains the remaining sources of one shard and marks the shard with _SUCCESS at the end. You can stop it and run it again at any\n" +
        "time. A finished shard does not change. Images that cannot be explained are reported and counted, and the shard still succeeds.",
    )
    .argument("<run>", "the folder made by whybox shard plan")
    .argument("<index>", "number of the shard, from 0");
  const examples = `
Examples:
  whybox shard run night 0
  whybox shard run /data/night $SLURM_ARRAY_TASK_ID --workers $SLURM_CPUS_PER_TASK
  whybox shard run /data/night $JOB_COMPLETION_INDEX`;
  declareFlags(command, shardRunFlags, [])
    .addHelpText("after", examples)
    .action(async (run: string, indexText: string) => {
      const { values } = readFlags<WorkFlags, typeof shardRunFlags>(command, shardRunFlags, []);
      const { workers, skipMissing, repair } = values;
      const { index } = parseOptions(z.object({ index: integerText(0, 100_000) }), { index: indexText });
      const session = createRunSession(context, values);
      const opened = await openPlannedRun(resolve(context.cwd, run), session.load(workers));
      // A shard with only failures still counts as done: a cluster should not repeat it. `merge` reports the failures.
      await session.during(opened, "The same command continues.", async () => {
        const work = { skipMissing, signal: context.signal, ...session.hooks() };
        const mark = await runShard(opened, index, { ...work, ...(repair && { repair: session.repair }) });
        const { first, end } = shardOf(opened.plan, index);
        if (mark.first === first && mark.end === end) finish(`Shard ${index}`, mark, opened.folder, session);
        else session.say(`Shard ${index} is done, and the run is already merged.`);
      });
    });
}

function addMerge(shard: Command, context: CliContext, done: (code: ExitCode) => void): void {
  const command = shard
    .command("merge")
    .summary("merge the shards")
    .description(
      "Checks that all shards exist, are finished and complete, and belong to this run. Then it merges them and removes them from the\n" +
        "folder. Except for the times, the folder is then byte for byte what whybox run makes on one machine. You can stop it and run it\n" +
        "again. With --measure it then measures a sample of the run, on this machine.",
    )
    .argument("<run>", "the folder made by whybox shard plan");
  declareFlags(command, mergeFlags, [])
    .addHelpText("after", "\nExamples:\n  whybox shard merge night\n  whybox shard merge night --parquet --measure 60")
    .action(async (run: string) => {
      const { values } = readFlags<WorkFlags, typeof mergeFlags>(command, mergeFlags, []);
      const session = createRunSession(context, values);
      const { measure, skipMissing } = values;
      const opened = await openPlannedRun(resolve(context.cwd, run), session.load(values.workers));
      if (measure !== undefined) refuseOtherMaps(opened.manifest);
      const mark = await mergeShards(opened, { signal: context.signal, onWait: session.say });
      if (values.parquet) await session.parquet(opened);
      finish(`Merged ${count(opened.plan.shards.length, "shard")}`, mark, opened.folder, session);
      const measured = await session.during(opened, "The same command continues.", () =>
        session.measure(opened, { measure, skipMissing }),
      );
      done(worstExitCode([markExitCode(mark), measured]));
    });
}

function finish(what: string, mark: SuccessMark, folder: string, session: RunSession): void {
  session.say(`${what}: ${markText(mark, ", ")}; results in ${session.place(folder)}`);
}
