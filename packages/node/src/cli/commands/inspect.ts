import type { Command } from "commander";
import { z } from "zod";
import type { DownloadProgress, LoadOptions, ModelReport } from "../../api.js";
import { fileOptions } from "../../file-options.js";
import type { Services } from "../../images/services.js";
import { stopIfAborted } from "../../stop-if-aborted.js";
import type { CliContext } from "../context.js";
import { inspectionLines } from "../inspect-text.js";
import { parseOptions, plainText } from "../option-schemas.js";
import { createProgress } from "../progress.js";
import { createTerminal, printDocument } from "../terminal.js";

const inspectOptionsSchema = z.strictObject({
  names: plainText("a file of class names").optional(),
  anchors: plainText(fileOptions.anchors.expected).optional(),
  json: z.boolean().default(false),
});

export function addInspect(program: Command, context: CliContext): void {
  program
    .command("inspect <model>")
    .summary("print the contents of a model")
    .description(
      "Prints the contents of a model on one screen: format, version, task, precision, inputs, outputs, head and levels. It also lists the\n" +
        "layers with their dims, grouped by the levels whose boxes have a gradient there. --json prints everything, such as the names of\n" +
        "values. The model is an ONNX file, a YOLO checkpoint (.pt), a TF.js model, a URL or the name of known weights.",
    )
    .option(
      "--names <file>",
      "class names: a text file with one name per line, or a YOLO data.yaml; default: those in the model",
    )
    .option("--anchors <text>", `${fileOptions.anchors.what}; default: ${fileOptions.anchors.otherwise}`)
    .option("--json", "print the report as one JSON document, and nothing else")
    .addHelpText("after", "\nExamples:\n  whybox inspect yolov5s\n  whybox inspect best.onnx --json")
    .action(async (model: string, raw: unknown) => {
      await inspect(model, parseOptions(inspectOptionsSchema, raw), context);
    });
}

async function inspect(
  model: string,
  values: z.infer<typeof inspectOptionsSchema>,
  context: CliContext,
): Promise<void> {
  const terminal = createTerminal(context, { quiet: false, json: values.json });
  const progress = createProgress(context, { quiet: false });
  const services = await context.loadServices();
  stopIfAborted(context.signal);
  const options = {
    signal: context.signal,
    onProgress: (state: DownloadProgress) => progress.download(state),
    ...(values.names === undefined ? {} : { names: values.names }),
    ...(values.anchors === undefined ? {} : { anchors: values.anchors }),
  };
  const report = await inspectModel(services, model, options).finally(() => progress.clear());
  for (const line of inspectionLines(report)) terminal.print(line);
  if (values.json) printDocument(context, { model: report });
}

async function inspectModel(services: Services, model: string, options: LoadOptions): Promise<ModelReport> {
  const detector = await services.loadDetector(model, options);
  try {
    return await detector.inspect();
  } finally {
    await detector.dispose();
  }
}
