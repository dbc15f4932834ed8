import type { DownloadProgress } from "@whybox/core";
import type { Command } from "commander";
import { z } from "zod";
import { stopIfAborted } from "../../stop-if-aborted.js";
import { openBrowser } from "../../ui/open-browser.js";
import { listPageFiles } from "../../ui/page-files.js";
import { servePage } from "../../ui/page-server.js";
import { findPageWeights, type PageWeights } from "../../ui/page-weights.js";
import type { CliContext } from "../context.js";
import { reportFailure } from "../failure.js";
import { parseOptions } from "../option-schemas.js";
import { createProgress } from "../progress.js";

const uiOptionsSchema = z.strictObject({
  port: z
    .string()
    .regex(/^\d{1,5}$/, "expected a number from 0 to 65535")
    .transform(Number)
    .refine((port) => port <= 65_535, "expected a number from 0 to 65535")
    .default(0),
  open: z.boolean().default(true),
});

export function addUi(program: Command, context: CliContext): void {
  program
    .command("ui")
    .summary("open the playground in the browser")
    .description(
      "Serves the playground on this machine (127.0.0.1), prints its address and, in a terminal, opens it in the default browser.\n" +
        "Photos and models stay in the browser: nothing is uploaded. The default weights come from the cache. Without them, the page\n" +
        "asks for a model file. Press Ctrl-C to stop it.",
    )
    .option("--port <number>", "port of the server; 0 selects a free port", "0")
    .option("--no-open", "print the address, but open no browser")
    .addHelpText("after", "\nExamples:\n  whybox ui\n  whybox ui --port 8080 --no-open")
    .action(async (raw: unknown) => {
      await serve(parseOptions(uiOptionsSchema, raw), context);
    });
}

async function serve({ port, open }: z.infer<typeof uiOptionsSchema>, context: CliContext): Promise<void> {
  const files = await listPageFiles();
  const weights = await weightsOrNone(context);
  stopIfAborted(context.signal);
  const server = await servePage({ files, weights, port });
  context.stdout.write(`${server.address}\n`);
  // A script that reads the address does not need a window.
  if (open && context.stdout.isTTY) await openBrowser(server.address);
  try {
    await new Promise<void>((resolve) => context.signal.addEventListener("abort", () => resolve(), { once: true }));
  } finally {
    await server.close();
  }
}

/** The page also works without weights: it says how to get them, and accepts a file. */
async function weightsOrNone(context: CliContext): Promise<PageWeights | undefined> {
  const progress = createProgress(context, { quiet: false });
  const onProgress = (state: DownloadProgress) => progress.download(state);
  try {
    return await findPageWeights({ signal: context.signal, env: context.env, cwd: context.cwd, onProgress });
  } catch (error) {
    stopIfAborted(context.signal);
    progress.clear();
    reportFailure(error, context);
    return undefined;
  } finally {
    progress.clear();
  }
}
