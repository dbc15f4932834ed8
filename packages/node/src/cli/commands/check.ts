import {
  type CheckOptions,
  checkMethods,
  checkOptions,
  type DownloadProgress,
  type Filled,
  jsonText,
  methodCost,
  type OptionTable,
  printable,
  WhyboxError,
} from "@whybox/core";
import { type CheckDocument, checkTable, minCheckedImages, stageTable, type TextTable } from "@whybox/report";
import type { Command } from "commander";
import { checkModel } from "../../check/check-model.js";
import { checkSchema } from "../../check/check-schema.js";
import { type FileOptions, fileOptions } from "../../file-options.js";
import type { Services } from "../../images/services.js";
import { expandSources } from "../../images/sources.js";
import { stopIfAborted } from "../../stop-if-aborted.js";
import { count } from "../../words.js";
import type { CliContext } from "../context.js";
import { type ExitCode, exitCodes } from "../exit-codes.js";
import { declareFlags, readFlags } from "../flags.js";
import { type InputFlags, inputFlags, inputOf } from "../input-flags.js";
import { createProgress } from "../progress.js";
import { createStages } from "../stages.js";
import { formatTable } from "../table.js";
import { createTerminal } from "../terminal.js";

interface CheckFlags
  extends Pick<CheckOptions, keyof typeof checkOptions>,
    Pick<FileOptions, "names" | "anchors" | "device" | "threads">,
    InputFlags {
  readonly images?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const checkFlags = {
  images: {
    what: "folder with images, a quoted glob, or an image; subfolders are not searched",
    kind: "text",
    expected: "a folder with images",
    group: "Sources",
    shown: "folder",
  },
  ...checkOptions,
  ...{ names: fileOptions.names, anchors: fileOptions.anchors },
  ...{ device: fileOptions.device, threads: fileOptions.threads },
  ...inputFlags,
  strict: {
    what: "end with exit code 9 unless every method passes and the control fails",
    kind: "flag",
    default: false,
    group: "Limits",
  },
  json: {
    what: "print the checks as one JSON document, and nothing else",
    kind: "flag",
    default: false,
    group: "Output",
  },
  quiet: { what: "print errors only", kind: "flag", default: false, group: "Output" },
} as const satisfies OptionTable<CheckFlags>;

type CheckValues = Filled<CheckFlags, typeof checkFlags>;

export function addCheck(program: Command, context: CliContext, done: (code: ExitCode) => void): void {
  const command = program
    .command("check <model>")
    .summary("check that heatmaps depend on the model: sanity checks of methods")
    .description(
      "Makes the heatmaps of some detections again with random weights, for another class, for another detection, with noise, with another\n" +
        "seed and unchanged, and compares them. It says for each method what passes, what fails and what it means, beside a control that\n" +
        "must fail: a Gaussian at the box. See docs/sanity-checks.md.",
    );
  declareFlags(command, checkFlags, context.methods)
    .addHelpText(
      "after",
      "\nExamples:\n  whybox check yolov5s --images photos\n  whybox check best.onnx --images photos --methods tap-fusion D-RISE --limit 10 --json > check.json",
    )
    .action(async (model: string) => {
      const { values } = readFlags<CheckFlags, typeof checkFlags>(command, checkFlags, context.methods);
      done(await check(model, values, context));
    });
}

async function check(model: string, values: CheckValues, context: CliContext): Promise<ExitCode> {
  const { images, strict, json, quiet } = values;
  if (images === undefined) {
    throw new WhyboxError("usage", "--images is missing. Give a folder with images that the model detects objects in.");
  }
  const terminal = createTerminal(context, { quiet, json });
  const { sources, failures } = await expandSources([images], { cwd: context.cwd });
  for (const { error } of failures) throw error;
  const services = await context.loadServices();
  stopIfAborted(context.signal);
  const document = await checkWith(services, { model, values, sources, context });
  if (json) context.stdout.write(`${jsonText(document, 2)}\n`);
  for (const line of checkLines(document)) terminal.print(line);
  const isShown = document.verdict === "pass" && document.control === "fail";
  return strict && !isShown ? exitCodes.beyondLimits : exitCodes.ok;
}

interface CheckRequest {
  readonly model: string;
  readonly values: CheckValues;
  readonly sources: Awaited<ReturnType<typeof expandSources>>["sources"];
  readonly context: CliContext;
}

async function checkWith(
  services: Services,
  { model, values, sources, context }: CheckRequest,
): Promise<CheckDocument> {
  const { quiet, json, limit, seed, noise, methods, imageSize, confidence } = values;
  const terminal = createTerminal(context, { quiet, json });
  const [stages, progress] = [createStages(context, { quiet }), createProgress(context, { quiet, json })];
  const { signal, version } = context;
  const input = inputOf(values);
  const { names, anchors, device, threads } = values;
  const detector = await services
    .loadDetector(model, {
      ...{ signal, device, onProgress: (state: DownloadProgress) => progress.download(state) },
      ...(threads === undefined ? {} : { threads }),
      ...(names === undefined ? {} : { names }),
      ...(anchors === undefined ? {} : { anchors }),
      ...(input === undefined ? {} : { input }),
    })
    .finally(() => progress.clear());
  try {
    const options = {
      ...{ limit, seed, noise, signal },
      ...(methods === undefined ? {} : { methods }),
      ...(imageSize === undefined ? {} : { imageSize }),
      ...(confidence === undefined ? {} : { confidence }),
      onProgress: ({ done, total }: { readonly done: number; readonly total: number }) => {
        if (done === 0) {
          terminal.notice(costNote(total, methods ?? checkMethods, context));
          if (sources.length < minCheckedImages) terminal.notice(fewNote(sources.length));
        }
        stages.show("Checking", done, total);
      },
    };
    const document = await checkModel({
      ...{ detector, sources, options, version },
      decodeImage: services.decodeImage,
    });
    return checkSchema.parse(document);
  } finally {
    stages.clear();
    await detector.dispose();
  }
}

/** What the check costs, before it starts. */
function costNote(maps: number, ids: readonly string[], { methods }: CliContext): string {
  const slow = methods.filter((method) => ids.includes(method.id) && methodCost(method).cost === "slow");
  const slowly = slow.map((method) => `${method.id} takes ${methodCost(method).passes} for each of its maps`);
  return `note: ${[`the check makes ${count(maps, "heatmap")}`, ...slowly].join("; ")}.`;
}

/** Before the check starts, so that nobody waits for it in vain. */
function fewNote(images: number): string {
  return `note: ${count(images, "image")} decide${images === 1 ? "s" : ""} only the check "repeat"; the others need at least ${minCheckedImages}.`;
}

function checkLines(document: CheckDocument): string[] {
  const { detections, images, methods, randomisation, refused, limits } = document;
  const isOpen = methods.some(({ checks }) => Object.values(checks).some(({ verdict }) => verdict === "undecided"));
  const cascade = stageTable(document);
  const first = `${count(detections.length, "detection")} of ${count(images.checked.length, "image")}. Figures are mean rank correlations with the original heatmap.`;
  return [
    first,
    ...tableLines(checkTable(document)),
    ...(isOpen ? ["  ? undecided"] : []),
    ...(cascade === undefined ? [`No random weights: ${randomisation.refused}.`] : ["", ...tableLines(cascade)]),
    "",
    ...methods.map(({ sentence }) => sentence),
    ...refused.map(({ method, why }) => `${method}: ${why}`),
    ...images.failures.map(({ source, message }) => `${source}: ${message}`),
    limits[0]!,
  ].map(printable);
}

function tableLines({ titles, rows }: TextTable): string[] {
  const columns = titles.map((title) => ({ title }));
  return formatTable(columns, rows).map((line) => `  ${line}`);
}
