import type { DownloadProgress, Filled, OptionTable } from "@whybox/core";
import type { Command } from "commander";
import type { LoadOptions, ModelReport } from "../../api.js";
import { type FileOptions, fileOptions } from "../../file-options.js";
import type { Services } from "../../images/services.js";
import { stopIfAborted } from "../../stop-if-aborted.js";
import type { CliContext } from "../context.js";
import { declareFlags, readFlags } from "../flags.js";
import { type InputFlags, inputFlags, inputOf } from "../input-flags.js";
import { inspectionLines } from "../inspect-text.js";
import { createProgress } from "../progress.js";
import { createTerminal, printDocument } from "../terminal.js";

interface InspectFlags extends Pick<FileOptions, "names" | "anchors">, InputFlags {
  readonly json?: boolean;
}

const inspectFlags = {
  ...{ names: fileOptions.names, anchors: fileOptions.anchors },
  ...inputFlags,
  json: {
    what: "print the report as one JSON document, and nothing else",
    kind: "flag",
    default: false,
    group: "Output",
  },
} as const satisfies OptionTable<InspectFlags>;

export function addInspect(program: Command, context: CliContext): void {
  const command = program
    .command("inspect <model>")
    .summary("print the contents of a model")
    .description(
      "Prints the contents of a model on one screen: format, version, task, precision, inputs, outputs, head and levels. It also lists the\n" +
        "layers with their dims, grouped by the levels whose boxes have a gradient there. --json prints everything, such as the names of\n" +
        "values. The model is an ONNX file, a YOLO checkpoint (.pt), a TF.js model, a URL or the name of known weights.",
    );
  declareFlags(command, inspectFlags, [])
    .addHelpText("after", "\nExamples:\n  whybox inspect yolov5s\n  whybox inspect best.onnx --json")
    .action(async (model: string) => {
      await inspect(model, readFlags<InspectFlags, typeof inspectFlags>(command, inspectFlags, []).values, context);
    });
}

async function inspect(
  model: string,
  values: Filled<InspectFlags, typeof inspectFlags>,
  context: CliContext,
): Promise<void> {
  const terminal = createTerminal(context, { quiet: false, json: values.json });
  const progress = createProgress(context, { quiet: false });
  const services = await context.loadServices();
  stopIfAborted(context.signal);
  const input = inputOf(values);
  const options = {
    signal: context.signal,
    onProgress: (state: DownloadProgress) => progress.download(state),
    ...(values.names === undefined ? {} : { names: values.names }),
    ...(values.anchors === undefined ? {} : { anchors: values.anchors }),
    ...(input === undefined ? {} : { input }),
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
