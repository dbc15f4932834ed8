import { relative, resolve, sep } from "node:path";
import { WhyboxError } from "@whybox/core";
import type { Command } from "commander";
import type { Detector, LoadOptions } from "../../api.js";
import type { ImageProgress } from "../../images/explain-image.js";
import { explainImages, type SourceOutcome } from "../../images/explain-images.js";
import {
  createOutputFolder,
  defaultOutputParent,
  type OutputFolder,
  openOutputFolder,
} from "../../images/output-folder.js";
import type { Services } from "../../images/services.js";
import type { ImageSettings } from "../../images/settings.js";
import { type ExpandedSources, expandSources } from "../../images/sources.js";
import { stopIfAborted } from "../../stop-if-aborted.js";
import type { CliContext } from "../context.js";
import { refuseContradictions } from "../contradictions.js";
import type { ExitCode } from "../exit-codes.js";
import { declareExplain } from "../explain-declaration.js";
import { type ExplainFlags, type ExplainValues, explainFlags, toSettings } from "../explain-options.js";
import { explanationLines, savedLine } from "../explain-text.js";
import { printError, reportFailure } from "../failure.js";
import { readFlags, type TypedOptions } from "../flags.js";
import { createProgress, type Progress } from "../progress.js";
import { createRunLog, type RunLog } from "../run-log.js";
import { createTerminal, type Terminal } from "../terminal.js";
import { count, printable } from "../text.js";

/** Adds `whybox explain` to the program; `done` gets the exit code. */
export function addExplain(program: Command, context: CliContext, done: (code: ExitCode) => void): void {
  const command = program.command("explain <source...>");
  declareExplain(command, context.methods).action(async (inputs: string[]) => {
    const line = readFlags<ExplainFlags, typeof explainFlags>(command, explainFlags, context.methods);
    refuseContradictions({ ...line, sources: inputs }, context.methods);
    done(await explain(inputs, line, context));
  });
}

/** Adds the class of `--class` to the box. */
function withClass(values: ExplainValues): ExplainValues {
  const { box, class: className } = values;
  return box === undefined ? values : { ...values, box: { ...box, className: className! } };
}

interface Run {
  readonly context: CliContext;
  readonly values: ExplainValues;
  readonly settings: ImageSettings;
  readonly terminal: Terminal;
  readonly progress: Progress;
  readonly log: RunLog;
}

async function explain(
  inputs: readonly string[],
  { values, typed }: TypedOptions<ExplainValues>,
  context: CliContext,
): Promise<ExitCode> {
  const run: Run = {
    context,
    values,
    settings: toSettings(withClass(values), typed),
    terminal: createTerminal(context, values),
    progress: createProgress(context, values),
    log: createRunLog(context.version, { requireDetections: values.requireDetections, keepResults: values.json }),
  };
  try {
    await explainAll(inputs, run);
  } catch (error) {
    run.log.stopped(error);
    run.progress.clear();
    reportFailure(error, context);
  }
  finish(run);
  return run.log.exitCode();
}

async function explainAll(inputs: readonly string[], run: Run): Promise<void> {
  const expanded = await expandSources(inputs, { cwd: run.context.cwd });
  reportExpansion(expanded, run);
  refuseManyForBox(expanded, run);
  if (expanded.sources.length === 0) return;
  // Before the model: a folder that cannot be written should not cause a download.
  const folder = await openOutput(run);
  try {
    await explainInto(folder, expanded, run);
  } finally {
    await folder.discardIfEmpty();
  }
}

/** A box needs a single image, but a folder or a glob can contain several. */
function refuseManyForBox({ sources }: ExpandedSources, { values }: Run): void {
  if (values.box === undefined || sources.length <= 1) return;
  throw new WhyboxError("usage", `--box needs a single image, but the source contains ${sources.length} images.`);
}

function openOutput({ context, values }: Run): Promise<OutputFolder> {
  return values.out === undefined
    ? createOutputFolder(resolve(context.cwd, defaultOutputParent))
    : openOutputFolder(resolve(context.cwd, values.out));
}

async function explainInto(folder: OutputFolder, { sources }: ExpandedSources, run: Run): Promise<void> {
  const { context, settings, log, progress } = run;
  log.begin(folder.path, sources.length);
  const services = await context.loadServices();
  const detector = await load(services, run);
  try {
    const shared = {
      detector,
      services,
      settings,
      folder: folder.path,
      existing: folder.existing,
      version: context.version,
      signal: context.signal,
      onProgress: (state: ImageProgress) => progress.image(state),
    };
    progress.sources(0, sources.length);
    for await (const outcome of explainImages(sources, shared)) {
      progress.clear();
      reportOutcome(outcome, folder, run);
      progress.sources(log.done(), sources.length);
    }
  } finally {
    progress.clear();
    await detector.dispose();
  }
}

async function load(services: Services, { context, settings, progress, terminal }: Run): Promise<Detector> {
  stopIfAborted(context.signal);
  const options: LoadOptions = {
    device: settings.device,
    signal: context.signal,
    prepare: settings.explain,
    onProgress: (state) => progress.download(state),
    ...(settings.threads === undefined ? {} : { threads: settings.threads }),
    ...(settings.names === undefined ? {} : { names: settings.names }),
    ...(settings.anchors === undefined ? {} : { anchors: settings.anchors }),
    ...(settings.input === undefined ? {} : { input: settings.input }),
  };
  const detector = await services.loadDetector(settings.weights, options);
  progress.clear();
  const { notice } = detector.report;
  if (notice !== undefined) terminal.notice(printable(notice));
  return detector;
}

function reportExpansion({ failures, repeated, passedOver }: ExpandedSources, { context, log, terminal }: Run): void {
  for (const { source, error } of failures) {
    log.failed(source, error);
    reportFailure(error, context, [source]);
  }
  for (const message of passedOver) terminal.notice(printable(message));
  if (repeated > 0) terminal.notice(`${count(repeated, "source")} named more than once. Each is explained once.`);
}

function reportOutcome(outcome: SourceOutcome, folder: OutputFolder, { context, log, terminal }: Run): void {
  const { source } = outcome;
  if ("error" in outcome) {
    log.failed(source.input, outcome.error);
    reportFailure(outcome.error, context, [source.input, source.location]);
    return;
  }
  log.explained(outcome.document);
  const [heading, ...rest] = explanationLines(outcome.document);
  terminal.print(terminal.style("bold", heading!));
  for (const line of rest) terminal.print(line);
  terminal.print(terminal.style("dim", savedLine(outcome.document, relative(context.cwd, folder.path) || ".", sep)));
}

/** Prints the final output: the summary of several sources, and the document of `--json`. */
function finish({ context, log, terminal, values }: Run): void {
  const { summary, outputFolder } = log.document();
  if (values.json) context.stdout.write(`${JSON.stringify(log.document(), null, 2)}\n`);
  const total = summary.explained + summary.empty + summary.failed + summary.notTried;
  if (total > 1) {
    const parts = [
      `${summary.explained} explained`,
      `${summary.empty} without a heatmap`,
      `${summary.failed} failed`,
      ...(summary.notTried > 0 ? [`${summary.notTried} not tried`] : []),
    ];
    const place =
      summary.explained + summary.empty > 0 && outputFolder !== null ? `; results in ${printable(outputFolder)}` : "";
    terminal.notice(`${count(total, "source")}: ${parts.join(", ")}${place}`);
  }
  if (values.requireDetections && log.withoutDetections() > 0) {
    const images = count(log.withoutDetections(), "image");
    printError(`nothing was detected in ${images}, and --require-detections was given.`, context);
  }
}
