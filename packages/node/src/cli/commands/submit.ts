import { resolve } from "node:path";
import { WhyboxError } from "@whybox/core";
import type { Command } from "commander";
import { z } from "zod";
import { mergeShards } from "../../runs/shards/merge.js";
import { openPlannedRun, type PlannedRun } from "../../runs/shards/plan.js";
import { count } from "../../words.js";
import type { CliContext } from "../context.js";
import { type ExitCode, exitCodes } from "../exit-codes.js";
import { integerText, parseOptions } from "../option-schemas.js";
import { createRunSession, markExitCode, markText, type RunSession } from "../run-session.js";

const schema = z.strictObject({
  queue: z.string().optional(),
  attempts: integerText(1, 1000),
  wait: z.boolean(),
  merge: z.boolean().default(false),
  quiet: z.boolean().default(false),
});

type Values = z.infer<typeof schema>;

/** Adds `whybox submit` to the program; `done` gets the exit code. */
export function addSubmit(program: Command, context: CliContext, done: (code: ExitCode) => void): void {
  program
    .command("submit")
    .summary("put the shards of a run into a queue and show their progress")
    .description(
      "Puts the unfinished shards of a run into a queue for whybox worker, and shows the progress until all are done. Ctrl-C only stops\n" +
        "the display, and the same command shows it again. A shard is never queued twice. A failed shard is tried again.\n" +
        "Needs Redis, and the packages bullmq and ioredis (docs/scale.md).",
    )
    .argument("<run>", "the folder made by whybox shard plan, at the same path on all machines")
    .option(
      "--queue <url>",
      "redis://[user:password@]host[:port][/database], or rediss://; default: the environment variable WHYBOX_QUEUE",
    )
    .option("--attempts <n>", "maximum number of attempts per shard, with increasing waits in between", "8")
    .option("--no-wait", "exit as soon as the shards are in the queue")
    .option("--merge", "merge the shards at the end, like whybox shard merge")
    .option("--quiet", "print errors only")
    .addHelpText(
      "after",
      "\nExamples:\n  whybox submit /data/night --queue redis://127.0.0.1:6379 --merge\n  whybox submit /data/night --queue redis://127.0.0.1:6379 --no-wait",
    )
    .action(async (run: string, raw: unknown) => {
      const values = parseOptions(schema, raw);
      if (values.merge && !values.wait)
        throw new WhyboxError("usage", "--merge needs to wait for the shards. Remove --no-wait.");
      done(await submit(resolve(context.cwd, run), values, context));
    });
}

async function submit(folder: string, values: Values, context: CliContext): Promise<ExitCode> {
  const { readQueueAddress } = await import("../../fleet/address.js");
  const { loadQueueLibrary } = await import("../../fleet/library.js");
  const { connectQueue } = await import("../../fleet/connect.js");
  const { submitRun } = await import("../../fleet/submit.js");
  const address = readQueueAddress(values.queue, context.env.WHYBOX_QUEUE);
  const session = createRunSession(context, values);
  const run = await openPlannedRun(folder, session.load(1));
  const library = await loadQueueLibrary();
  const connection = await connectQueue(address, library, session.say);
  const { signal } = context;
  const { onProgress } = session.hooks();
  signal.addEventListener("abort", connection.close, { once: true });
  try {
    const submitted = await submitRun(run, { library, connection, attempts: values.attempts, signal });
    const { queued, waiting, done } = submitted;
    session.say(
      `${count(queued, "shard")} put into the queue at ${address.shown}, ${waiting} already in it, ${done} done.`,
    );
    try {
      if (values.wait) await submitted.wait(onProgress);
    } finally {
      await submitted.close();
    }
  } finally {
    signal.removeEventListener("abort", connection.close);
    session.clear();
    connection.close();
  }
  return values.wait ? finish(run, values, session, signal) : exitCodes.ok;
}

async function finish(run: PlannedRun, { merge }: Values, session: RunSession, signal: AbortSignal): Promise<ExitCode> {
  const place = session.place(run.folder);
  if (!merge) {
    session.say(`All shards are done. To merge them: whybox shard merge ${place}`);
    return exitCodes.ok;
  }
  const mark = await mergeShards(run, { signal, onWait: session.say });
  session.say(`${markText(mark)}; results in ${place}`);
  return markExitCode(mark);
}
