import { join, resolve } from "node:path";
import { printable } from "@whybox/core";
import type { Command } from "commander";
import { z } from "zod";
import { makeReport, type ReportServices, type WrittenReport } from "../../report/make-report.js";
import { stopIfAborted } from "../../stop-if-aborted.js";
import { count } from "../../words.js";
import type { CliContext } from "../context.js";
import { integerText, numberText, parseOptions, plainText } from "../option-schemas.js";
import { createStages } from "../stages.js";
import { createTerminal } from "../terminal.js";

const reportOptionsSchema = z.strictObject({
  out: plainText("a file").optional(),
  truth: plainText('a COCO .json, a YOLO dataset.yaml or "none"').optional(),
  tags: plainText('a file of tags or "none"').optional(),
  misses: integerText(0, 1_000_000),
  budget: numberText(0, 2_000),
  quiet: z.boolean().default(false),
});

export function addReport(program: Command, context: CliContext): void {
  program
    .command("report <run>")
    .summary("make an HTML page of a run, with suspicious detections first")
    .description(
      "Makes a single HTML file that contains all its data: for every detection the crop, the heatmap, and the share of the heat inside\n" +
        "its box. Confident detections whose heat lies elsewhere come first. The file opens from the disk and needs no server. An\n" +
        "unfinished run gives a page of its finished part. With ground truth, the page explains misses and false alarms. See\n" +
        "docs/report.md.",
    )
    .option("--out <file>", "HTML file to write; default: report.html in the run's folder")
    .option(
      "--truth <file>",
      'ground truth: a COCO .json, a YOLO dataset.yaml, or "none"; default: the dataset of the run, or YOLO label files next to the images',
    )
    .option(
      "--tags <file>",
      'tags and notes to show, as the page saves them, or "none"; default: tags.json in the run\'s folder, if it is there',
    )
    .option("--misses <number>", "maximum number of missed objects to ask the model about, the largest first", "100")
    .option("--budget <MB>", "maximum size of the images in the page, the most suspicious first", "128")
    .option("--quiet", "print errors only")
    .addHelpText(
      "after",
      "\nExamples:\n  whybox report night\n  whybox report val --truth instances_val.json --out val.html",
    )
    .action(async (run: string, raw: unknown) => {
      await report(run, parseOptions(reportOptionsSchema, raw), context);
    });
}

async function report(run: string, values: z.infer<typeof reportOptionsSchema>, context: CliContext): Promise<void> {
  stopIfAborted(context.signal);
  const folder = resolve(context.cwd, run);
  const out = values.out === undefined ? join(folder, "report.html") : resolve(context.cwd, values.out);
  const terminal = createTerminal(context, { quiet: values.quiet, json: false });
  const stages = createStages(context, values);
  const services = await context.loadServices();
  const { cwd, signal, version } = context;
  const { truth, misses, budget } = values;
  const tags = values.tags === undefined || values.tags === "none" ? values.tags : resolve(cwd, values.tags);
  const onProgress = (stage: keyof typeof stageTitles, done: number, total: number) =>
    stages.show(stageTitles[stage], done, total);
  const options = { folder, out, truth, tags, cwd, misses, budget: budget * 2 ** 20, version, signal, onProgress };
  const written = await makeReport(options, {
    loadDetector: (weights, load) => services.loadDetector(weights, load),
    decodeImage: (source) => services.decodeImage(source, { signal }),
    readVideo,
  }).finally(() => stages.clear());
  for (const note of written.facts.notes) terminal.notice(`note: ${printable(note)}`);
  terminal.print(summary(written));
}

const readVideo: ReportServices["readVideo"] = async function* (location, { stride, signal }) {
  const { openVideo } = await import("../../runs/video/read-video.js");
  const options = { stride, maxFrames: null, signal: signal ?? new AbortController().signal };
  yield* (await openVideo(location, options)).frames();
};

const stageTitles = { reading: "Reading", asking: "Asking about misses", drawing: "Drawing" } as const;

/** "night/report.html: 52 rows from 12 images, 1.2 MB". */
function summary({ path, bytes, facts }: WrittenReport): string {
  const megabytes = `${(bytes / 1e6).toFixed(1)} MB`;
  return `${printable(path)}: ${count(facts.rows, "row")} from ${count(facts.images, "image")}, ${megabytes}`;
}
