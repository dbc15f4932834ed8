import type { Command } from "commander";
import { z } from "zod";
import type { CliContext } from "../context.js";
import { declareFlags, readFlags } from "../flags.js";
import { integerText, parseOptions } from "../option-schemas.js";
import { shardFlags, type WorkFlags } from "../run-options.js";
import { createRunSession, markText } from "../run-session.js";

const schema = z.object({
  queue: z.string().optional(),
  stalledAfter: integerText(1, 3600),
});

export function addWorker(program: Command, context: CliContext): void {
  const command = program
    .command("worker")
    .summary("run shards from a queue until stopped")
    .description(
      "Runs the shards that whybox submit puts into a queue, one after the other, until Ctrl-C or SIGTERM. An unfinished shard then goes back\n" +
        "to the queue. Start one worker per machine, at any time. If a worker dies, another one continues its shard.\n" +
        "Needs Redis, and the packages bullmq and ioredis (docs/scale.md).",
    )
    .option(
      "--queue <url>",
      "redis://[user:password@]host[:port][/database], or rediss://; default: the environment variable WHYBOX_QUEUE",
    )
    .option("--stalled-after <seconds>", "time without a sign of life after which a worker counts as dead", "30");
  declareFlags(command, shardFlags, [])
    .addHelpText(
      "after",
      "\nExamples:\n  whybox worker --queue redis://127.0.0.1:6379\n  WHYBOX_QUEUE=rediss://fleet:secret@queue.example.org whybox worker --workers 8",
    )
    .action(async (raw: unknown) => {
      const { queue, stalledAfter } = parseOptions(schema, raw);
      const { values } = readFlags<WorkFlags, typeof shardFlags>(command, shardFlags, []);
      const { workers, skipMissing } = values;
      const { readQueueAddress } = await import("../../fleet/address.js");
      const { loadQueueLibrary } = await import("../../fleet/library.js");
      const { connectQueue } = await import("../../fleet/connect.js");
      const { workFleet } = await import("../../fleet/work.js");
      const address = readQueueAddress(queue, context.env.WHYBOX_QUEUE);
      const library = await loadQueueLibrary();
      const session = createRunSession(context, values);
      const { say } = session;
      const connection = await connectQueue(address, library, say);
      const { signal } = context;
      const stopping = "Stopping after the sources in progress. The unfinished shard goes back to the queue.";
      signal.addEventListener("abort", () => say(stopping), { once: true });
      try {
        say(`Waiting for shards at ${address.shown}.`);
        await workFleet({
          ...{ library, connection, signal, skipMissing, say },
          ...{ load: session.load(workers), stalledMs: 1_000 * stalledAfter, hooks: session.hooks },
          onDone: ({ run, shard }, mark) => say(`Shard ${shard} of ${session.place(run)}: ${markText(mark, ", ")}`),
        });
      } finally {
        session.clear();
        connection.close();
      }
    });
}
