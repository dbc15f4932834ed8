import { resolve } from "node:path";
import { printable } from "@whybox/core";
import type { Command } from "commander";
import { z } from "zod";
import { type Conversion, convertModel } from "../../models/convert-model.js";
import { stopIfAborted } from "../../stop-if-aborted.js";
import type { CliContext } from "../context.js";
import { parseOptions } from "../option-schemas.js";
import { createTerminal, printDocument } from "../terminal.js";

const convertOptionsSchema = z.strictObject({ json: z.boolean().default(false) });

export function addConvert(program: Command, context: CliContext): void {
  program
    .command("convert <model> <onnx>")
    .summary("convert a PyTorch checkpoint to an ONNX file")
    .description(
      "Converts a YOLO checkpoint from training (.pt, see docs/models.md) to an ONNX file, without Python. The file has folded\n" +
        "BatchNorm, float32 weights, a dynamic size, and the node names of the official export. The pickle is read as data and never\n" +
        "executed. An ONNX file with its weights in other files (model.onnx.data) becomes one file. `explain` and `inspect` read both\n" +
        "directly; use convert for other tools. Existing files are not overwritten.",
    )
    .option("--json", "print what was converted as one JSON document, and nothing else")
    .addHelpText("after", "\nExamples:\n  whybox convert best.pt best.onnx\n  whybox convert model.onnx single.onnx")
    .action(async (model: string, onnx: string, raw: unknown) => {
      await convert(model, onnx, parseOptions(convertOptionsSchema, raw), context);
    });
}

async function convert(
  source: string,
  target: string,
  { json }: z.infer<typeof convertOptionsSchema>,
  context: CliContext,
): Promise<void> {
  stopIfAborted(context.signal);
  const conversion = await convertModel(resolve(context.cwd, source), resolve(context.cwd, target));
  const terminal = createTerminal(context, { quiet: false, json });
  terminal.print(conversionLine(target, conversion));
  if (json) printDocument(context, { source, target, ...conversion });
}

/** "best.onnx: models.yolo.DetectionModel (ema), 80 classes, strides 8 16 32, 29.0 MB". */
function conversionLine(target: string, { checkpoint, joined = [], bytes }: Conversion): string {
  const from = checkpoint === undefined ? [`joined with ${joined.join(", ")}`] : checkpointFacts(checkpoint);
  const facts = [...from, `${(bytes / 1e6).toFixed(1)} MB`];
  return `${printable(target)}: ${printable(facts.join(", "))}`;
}

function checkpointFacts({ modelClass, from, names, strides }: NonNullable<Conversion["checkpoint"]>): string[] {
  return [
    `${modelClass}${from === "ema" ? " (ema)" : ""}`,
    ...(names === undefined ? [] : [`${names.length} classes`]),
    ...(strides === undefined ? [] : [`strides ${strides.join(" ")}`]),
  ];
}
