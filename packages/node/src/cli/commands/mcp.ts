import { printable } from "@whybox/core";
import type { Command } from "commander";
import { z } from "zod";
import { stopIfAborted } from "../../stop-if-aborted.js";
import { count } from "../../words.js";
import type { CliContext } from "../context.js";
import { integerText, parseOptions } from "../option-schemas.js";

const mcpOptionsSchema = z.strictObject({
  allow: z.array(z.string().min(1, "expected a folder")).default([]),
  allowUrls: z.boolean().default(false),
  models: integerText(1, 16),
});

export function addMcp(program: Command, context: CliContext): void {
  program
    .command("mcp")
    .summary("serve the explanations to an assistant (Model Context Protocol)")
    .description(
      "Serves four tools over stdin and stdout: explain_image, why_not, inspect_model and compare_runs. A client, such as an editor or a\n" +
        "chat, starts this command. It reads files only below the folders of --allow, and writes none, except downloaded and converted\n" +
        "models in the cache. Messages go to stderr. See docs/mcp.md.",
    )
    .option("--allow <dir...>", "folders whose files may be read; default: the current folder")
    .option("--allow-urls", "allow http(s) addresses of images and models, except in private networks")
    .option("--models <number>", "maximum number of models in memory", "2")
    .addHelpText("after", "\nExamples:\n  whybox mcp --allow ~/photos ~/models")
    .action(async (raw: unknown) => {
      await serve(parseOptions(mcpOptionsSchema, raw), context);
    });
}

async function serve(
  { allow, allowUrls, models }: z.infer<typeof mcpOptionsSchema>,
  context: CliContext,
): Promise<void> {
  const { cwd, signal, stderr, version } = context;
  const [{ Allowed }, { DetectorCache }, { OneByOne }, { serveTools }] = await Promise.all([
    import("../../mcp/allowed.js"),
    import("../../mcp/detector-cache.js"),
    import("../../mcp/one-by-one.js"),
    import("../../mcp/serve-tools.js"),
  ]);
  const allowed = await Allowed.open({ folders: allow, cwd, urls: allowUrls });
  const services = await context.loadServices();
  const detectors = new DetectorCache((weights) => services.loadDetector(weights, { allowPrivate: false }), models);
  stopIfAborted(signal);
  const onLog = (line: string) => void stderr.write(`${printable(line)}\n`);
  onLog(`whybox mcp ${version}: serving ${count(4, "tool")} on stdin and stdout.`);
  await serveTools({ ...{ allowed, detectors, services, version, signal, onLog }, queue: new OneByOne() });
  await detectors.close();
}
