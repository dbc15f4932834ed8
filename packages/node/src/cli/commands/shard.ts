import { resolve } from "node:path";
import { didYouMean, WhyboxError } from "@whybox/core";
import type { Command } from "commander";
import { z } from "zod";
import { beginRun } from "../../runs/open-run.js";
import { writeParquet } from "../../runs/parquet.js";
import { runFiles, type SuccessMark } from "../../runs/schema.js";
import { mergeShards } from "../../runs/shards/merge.js";
import { openPlannedRun, planShards } from "../../runs/shards/plan.js";
import { runShard, shardOf } from "../../runs/shards/run-shard.js";
import type { CliContext } from "../context.js";
import { refuseContradictions } from "../contradictions.js";
import { type ExitCode, exitCodes } from "../exit-codes.js";
import { readFlags } from "../flags.js";
import { integerText, parseOptions } from "../option-values.js";
import { type PlanFlags, planFlags, runFolder, runSettings, type WorkFlags } from "../run-options.js";
import { createRunSession, type RunSession } from "../run-session.js";
import {
  declareMerge,
  declarePlan,
  declareShardRun,
  mergeFlags,
  shardCommands,
  shardRunFlags,
} from "../shard-declaration.js";
import { count } from "../text.js";

type Done = (code: ExitCode) => void;

/** Adds `whybox shard plan`, `run` and `merge` to the program; `done` gets the exit code. */
export function addShard(program: Command, context: CliContext, done: Done): void {
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
  addPlan(shard, context, done);
  addShardRun(shard, context, done);
  addMerge(shard, context, done);
}

function addPlan(shard: Command, context: CliContext, done: Done): void {
  const command = shard.command("plan <source...>");
  declarePlan(command, context.methods).action(async (inputs: string[]) => {
    const read = readFlags<PlanFlags, typeof planFlags>(command, planFlags, context.methods);
    const line = { ...read, values: { ...read.values, box: undefined, resume: false } };
    const { values } = line;
    const { shards } = values;
    if (shards === undefined) throw new WhyboxError("usage", "--shards is missing. Give the number of shards.");
    const out = runFolder(line, inputs, context.cwd);
    refuseContradictions({ ...line, sources: inputs }, context.methods);
    const session = createRunSession(context, values);
    const { recursive, split, images } = values;
    const stdin = inputs.includes("-") ? context.stdin : undefined;
    const opened = await beginRun({
      // One worker is enough to read the model's properties.
      ...session.load(1),
      ...{ inputs, settings: runSettings(line), out },
      listing: { recursive, split, images: images === undefined ? undefined : resolve(context.cwd, images), stdin },
      // If planning is interrupted, the same command completes it.
      resume: true,
      onProblem: session.say,
      onListed: (items, repeated) =>
        session.say(`${count(items, "source")}${repeated === 0 ? "" : `; ${repeated} named more than once`}.`),
      onWait: session.say,
    });
    try {
      const plan = await planShards(opened, shards, { signal: context.signal, onWait: session.say });
      const place = session.place(out);
      const last = plan.shards.length - 1;
      const each = last === 0 ? `whybox shard run ${place} 0` : `whybox shard run ${place} I, for I from 0 to ${last}`;
      session.say(
        `${count(opened.manifest.items.count, "source")} in ${count(plan.shards.length, "shard")}: ${each}; then whybox shard merge ${place}`,
      );
      done(exitCodes.ok);
    } finally {
      session.clear();
      await opened.close();
    }
  });
}

function addShardRun(shard: Command, context: CliContext, done: Done): void {
  const command = shard.command("run");
  declareShardRun(command).action(async (run: string, indexText: string) => {
    const { workers, skipMissing, quiet } = readFlags<WorkFlags, typeof shardRunFlags>(
      command,
      shardRunFlags,
      [],
    ).values;
    const { index } = parseOptions(z.object({ index: integerText(0, 100_000) }), { index: indexText });
    const session = createRunSession(context, { quiet });
    const opened = await openPlannedRun(resolve(context.cwd, run), session.load(workers));
    const stop = () =>
      session.say(
        "Stopping after the sources in progress. Press Ctrl-C again to drop them. The same command continues.",
      );
    context.signal.addEventListener("abort", stop, { once: true });
    try {
      const mark = await runShard(opened, index, { skipMissing, signal: context.signal, ...session.hooks() });
      const { first, end } = shardOf(opened.plan, index);
      if (mark.first === first && mark.end === end) finish(`Shard ${index}`, mark, opened.folder, session);
      else session.say(`Shard ${index} is done, and the run is already merged.`);
      // A shard with only failures still counts as done: a cluster should not repeat it. `merge` reports the failures.
      done(exitCodes.ok);
    } finally {
      context.signal.removeEventListener("abort", stop);
      session.clear();
      await opened.close();
    }
  });
}

function addMerge(shard: Command, context: CliContext, done: Done): void {
  const command = shard.command("merge");
  declareMerge(command).action(async (run: string) => {
    const { parquet, quiet } = readFlags<WorkFlags, typeof mergeFlags>(command, mergeFlags, []).values;
    const session = createRunSession(context, { quiet });
    const opened = await openPlannedRun(resolve(context.cwd, run), session.load(1));
    const mark = await mergeShards(opened, { signal: context.signal, onWait: session.say });
    if (parquet) {
      const rows = await writeParquet(opened.folder, opened.manifest);
      session.say(`${runFiles.parquet}: ${count(rows, "row")}`);
    }
    finish(`Merged ${count(opened.plan.shards.length, "shard")}`, mark, opened.folder, session);
    // As in `whybox run`: some failures are normal. If every source fails, the command fails too.
    done(mark.failures === mark.end - mark.first ? exitCodes.badInput : exitCodes.ok);
  });
}

function finish(what: string, { first, end, failures, detections }: SuccessMark, folder: string, session: RunSession) {
  const failed = failures === 0 ? "" : `, ${failures} failed`;
  session.say(
    `${what}: ${count(end - first, "source")}, ${count(detections, "detection")}${failed}; results in ${session.place(folder)}`,
  );
}
