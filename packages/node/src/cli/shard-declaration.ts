import type { AnyCamMethod } from "@whybox/core";
import type { Command } from "commander";
import { declareFlags } from "./flags.js";
import { planFlags, workFlags } from "./run-options.js";

export const shardCommands = ["plan", "run", "merge"] as const;

/** Declares `whybox shard plan`: the options of `whybox run` that affect results, without those for the machine. */
export function declarePlan(command: Command, methods: readonly AnyCamMethod[]): Command {
  command
    .summary("split a run into shards")
    .description(
      "Prepares a run: lists the sources, writes the manifest, and splits the list into shards of equal size. Nothing is explained yet.\n" +
        "Sources and options are those of whybox run. Repeating the command changes nothing (docs/scale.md).",
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
    .summary("run one shard")
    .description(
      "Explains the remaining sources of one shard and marks the shard with _SUCCESS at the end. You can stop it and run it again at any\n" +
        "time. A finished shard does not change. Images that cannot be explained are reported and counted, and the shard still succeeds.",
    )
    .argument("<run>", "the folder made by whybox shard plan")
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

/** The options of the commands that process shards. */
export const shardRunFlags = working;

/** The options of `whybox shard merge`. */
export const mergeFlags = { parquet: workFlags.parquet, quiet: workFlags.quiet };

/** Declares the options of the commands that process shards. */
export function declareWorking(command: Command): Command {
  return declareFlags(command, shardRunFlags, []);
}

export function declareMerge(command: Command): Command {
  command
    .summary("merge the shards")
    .description(
      "Checks that all shards exist, are finished and complete, and belong to this run. Then it merges them and removes them from the\n" +
        "folder. Except for the times, the folder is then byte for byte what whybox run makes on one machine. You can stop it and run it\n" +
        "again.",
    )
    .argument("<run>", "the folder made by whybox shard plan");
  return declareFlags(command, mergeFlags, []).addHelpText(
    "after",
    "\nExamples:\n  whybox shard merge night\n  whybox shard merge night --parquet",
  );
}
