import { join, resolve } from "node:path";
import { printable } from "@whybox/core";
import type { Command } from "commander";
import { z } from "zod";
import { exportFormats, exportRun, type WrittenExport } from "../../export/export-run.js";
import { stopIfAborted } from "../../stop-if-aborted.js";
import type { CliContext } from "../context.js";
import { choiceText, parseOptions, plainText } from "../option-schemas.js";
import { createTerminal } from "../terminal.js";

const exportOptionsSchema = z.strictObject({
  to: z.array(choiceText(exportFormats)),
  out: plainText("a folder").optional(),
  tags: plainText('a file of tags or "none"').optional(),
  quiet: z.boolean().default(false),
});

export function addExport(program: Command, context: CliContext): void {
  program
    .command("export <run>")
    .summary("write a run's detections for other tools: COCO, YOLO, CSV, Parquet, FiftyOne")
    .description(
      "Writes the detections of a run, each with the share of its heat inside its box and a suspicion score. The formats:\n" +
        "coco.json (COCO with additional fields), yolo/ (label files with confidences), detections.csv, detections.parquet,\n" +
        "fiftyone/ (a dataset for FiftyOne, with heatmaps). See docs/report.md.",
    )
    .requiredOption("--to <format...>", `one or more of ${exportFormats.join(", ")}`)
    .option("--out <dir>", "output folder; default: export in the run's folder")
    .option(
      "--tags <file>",
      'tags and notes for FiftyOne, as the page of a report saves them, or "none"; default: tags.json in the run\'s folder, if it is there',
    )
    .option("--quiet", "print errors only")
    .addHelpText(
      "after",
      "\nExamples:\n  whybox export night --to coco csv\n  whybox export night --to fiftyone --out datasets/night",
    )
    .action(async (run: string, raw: unknown) => {
      await exportTo(run, parseOptions(exportOptionsSchema, raw), context);
    });
}

async function exportTo(run: string, values: z.infer<typeof exportOptionsSchema>, context: CliContext): Promise<void> {
  stopIfAborted(context.signal);
  const folder = resolve(context.cwd, run);
  const out = values.out === undefined ? join(folder, "export") : resolve(context.cwd, values.out);
  const terminal = createTerminal(context, { quiet: values.quiet, json: false });
  const tags = values.tags === undefined || values.tags === "none" ? values.tags : resolve(context.cwd, values.tags);
  const onDone = ({ path, notes }: WrittenExport) => {
    stopIfAborted(context.signal);
    terminal.print(printable(path));
    for (const note of notes) terminal.notice(`note: ${printable(note)}`);
  };
  const { finished } = await exportRun(folder, [...new Set(values.to)], { out, tags, onDone });
  if (!finished) terminal.notice("note: The run is not finished. Only its finished part was exported.");
}
