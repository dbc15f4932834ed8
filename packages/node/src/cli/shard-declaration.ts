import type { AnyCamMethod } from "@whybox/core";
import type { Command } from "commander";
import { declareFlags } from "./flags.js";
import { planFlags, workFlags } from "./run-options.js";

export const shardCommands = ["plan", "run", "merge"] as const;

/** Declares `whybox shard plan`: the options of `whybox run` that say what is done, not those that say how. */
export function declarePlan(command: Command, methods: readonly AnyCamMethod[]): Command {
  command
    .summary("cut a run into shards")
    .description(
      "Begins a run without doing it: lists the sources, writes the manifest, and cuts the list into shards of equal size.\n" +
        "Sources and options are those of whybox run. The same command again changes nothing (docs/scale.md).",
    );
  return declareFlags(command, planFlags, methods).addHelpText(
    "after",
    `
Examples:
  whybox shard plan photos --recursive --shards 32 --out night
  whybox shard plan data.yaml --split val --weights /data/best.onnx --shards 100 --out /data/val`,
  );
}

export function declareShardRun(command: Command): Command {
  command
    .summary("do one shard")
    .description(
      "Does what is not done yet of one shard, and marks it with _SUCCESS at the end. It may be killed and run again at any time; a shard\n" +
        "that is done is left as it is. Pictures that cannot be explained are told and counted; the shard is done all the same.",
    )
    .argument("<run>", "the folder that whybox shard plan made")
    .argument("<index>", "number of the shard, from 0");
  return declareWorking(command).addHelpText(
    "after",
    `
Examples:
  whybox shard run night 0
  whybox shard run /data/night $SLURM_ARRAY_TASK_ID --workers $SLURM_CPUS_PER_TASK
  whybox shard run /data/night $JOB_COMPLETION_INDEX`,
  );
}

const { parquet: _, ...working } = workFlags;

/** The options of commands that work on shards. */
export const shardRunFlags = working;

/** The options of `whybox shard merge`. */
export const mergeFlags = { parquet: workFlags.parquet, quiet: workFlags.quiet };

/** Declares the options of commands that work on shards. */
export function declareWorking(command: Command): Command {
  return declareFlags(command, shardRunFlags, []);
}

export function declareMerge(command: Command): Command {
  command
    .summary("put the shards together")
    .description(
      "Verifies that all shards are there, done, of this run and whole, and puts them together: the folder is then what whybox run on one\n" +
        "machine had made, byte for byte, the times apart, and the shards are gone from it. May be killed and run again.",
    )
    .argument("<run>", "the folder that whybox shard plan made");
  return declareFlags(command, mergeFlags, []).addHelpText(
    "after",
    "\nExamples:\n  whybox shard merge night\n  whybox shard merge night --parquet",
  );
}
