import { join, relative, sep } from "node:path";
import { jsonText, printable, type ResultDocument, WhyboxError } from "@whybox/core";
import type { Command } from "commander";
import type { SourceOutcome } from "../../images/explain-images.js";
import { explainToFolder } from "../../images/explain-to-folder.js";
import type { ImageSettings } from "../../images/settings.js";
import { type ExpandedSources, expandSources, type Source } from "../../images/sources.js";
import { capital, count, notesOnNames } from "../../words.js";
import type { CliContext } from "../context.js";
import { refuseContradictions } from "../contradictions.js";
import type { ExitCode } from "../exit-codes.js";
import { declareExplain } from "../explain-declaration.js";
import { type ExplainFlags, type ExplainValues, explainFlags, toSettings } from "../explain-options.js";
import { explanationLines, savedLine, speedLine } from "../explain-text.js";
import { printError, reportFailure } from "../failure.js";
import { readFlags, type TypedOptions } from "../flags.js";
import { anyLong, type LongSources, longSources, manyImages } from "../long-sources.js";
import { createProgress, type Progress } from "../progress.js";
import { createRunLog, type RunLog } from "../run-log.js";
import { type Shown, show } from "../show.js";
import { createTerminal, type Terminal } from "../terminal.js";

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
  /** The first result; the folder after more than one. */
  result?: Shown;
}

async function explain(
  inputs: readonly string[],
  line: TypedOptions<ExplainValues>,
  context: CliContext,
): Promise<ExitCode> {
  const long = await longSources(inputs, context.cwd);
  if (anyLong(long)) return asRun(inputs, line, context, long);
  const expanding = expandSources(inputs, { cwd: context.cwd });
  // A failure is reported below.
  const images = await expanding.then(
    ({ sources }) => sources.length,
    () => 0,
  );
  const isForRun = images > manyImages && !line.values.json && !line.values.requireDetections;
  return isForRun && line.values.box === undefined
    ? asRun(inputs, line, context, { ...long, images })
    : explainImages(expanding, line, context);
}

/** Videos, streams, cameras, lists and many images are explained as `whybox run` does. Its modules are loaded only here. */
async function asRun(
  inputs: readonly string[],
  line: TypedOptions<ExplainValues>,
  context: CliContext,
  { videos, live, lists, images = 0 }: LongSources & { readonly images?: number },
): Promise<ExitCode> {
  const parts = [
    [videos, "video"],
    [live, "stream"],
    [lists, "list"],
  ] as const;
  const named = parts.filter(([found]) => found.length > 0).map(([, name]) => `a ${name}`);
  const reason = capital(images > 0 ? count(images, "image") : named.join(" and "));
  const { explainAsRun } = await import("../explain-run.js");
  const run = { inputs, line, reason, isLive: live.length > 0, hasLists: lists.length > 0 };
  return explainAsRun(run, context, (shown) => conclude(shown, line.values, context));
}

/** Opens the result on request, and tells a person what to do next. */
async function conclude(shown: Shown, values: ExplainValues, context: CliContext): Promise<void> {
  if (values.show) await show(shown, context);
  if (context.stdout.isTTY && !values.json) createTerminal(context, values).notice(`Next: ${printable(shown.next)}`);
}

async function explainImages(
  expanding: Promise<ExpandedSources>,
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
    await explainAll(await expanding, run);
  } catch (error) {
    run.progress.clear();
    run.log.stopped(error);
    reportFailure(error, context);
  }
  finish(run);
  if (run.result !== undefined) await conclude(run.result, values, context);
  return run.log.exitCode();
}

async function explainAll(expanded: ExpandedSources, run: Run): Promise<void> {
  reportExpansion(expanded, run);
  refuseManyForBox(expanded, run);
  if (expanded.sources.length === 0) return;
  const { context, values, settings, log, progress, terminal } = run;
  await explainToFolder({
    ...{ sources: expanded.sources, settings, out: values.out, cwd: context.cwd },
    ...{ version: context.version, signal: context.signal, loadServices: context.loadServices },
    onFolder: (folder) => log.begin(folder, expanded.sources.length),
    onDownload: (state) => progress.download(state),
    onLoaded: (model) => {
      progress.clear();
      const { notice } = model;
      for (const text of [...(notice === undefined ? [] : [notice]), ...notesOnNames(model)]) {
        terminal.notice(printable(text));
      }
      progress.sources(0, expanded.sources.length);
    },
    onProgress: (state) => progress.image(state),
    onNote: (text) => {
      progress.clear();
      terminal.notice(printable(text));
    },
    onOutcome: (outcome, folder) => {
      progress.clear();
      reportOutcome(outcome, folder, run);
      progress.sources(log.done(), expanded.sources.length);
    },
  });
}

/** A box needs a single image, but a folder or a glob can contain several. */
function refuseManyForBox({ sources }: ExpandedSources, { values }: Run): void {
  if (values.box === undefined || sources.length <= 1) return;
  throw new WhyboxError("usage", `--box needs a single image, but the source contains ${sources.length} images.`);
}

function reportExpansion({ failures, repeated, passedOver }: ExpandedSources, { context, log, terminal }: Run): void {
  for (const { source, error } of failures) {
    log.failed(source, error);
    reportFailure(error, context, [source]);
  }
  for (const message of passedOver) terminal.notice(printable(message));
  if (repeated > 0) terminal.notice(`${count(repeated, "source")} named more than once. Each is explained once.`);
}

function reportOutcome(outcome: SourceOutcome, folder: string, run: Run): void {
  const { context, log, terminal } = run;
  const { source } = outcome;
  if ("error" in outcome) {
    log.failed(source.input, outcome.error);
    reportFailure(outcome.error, context, [source.input, source.location]);
    return;
  }
  log.explained(outcome.document);
  run.result = shownOf(outcome.document, source, folder, run);
  const [heading, ...rest] = explanationLines(outcome.document, context.methods);
  terminal.print(terminal.style("bold", heading!));
  for (const line of rest) terminal.print(line);
  terminal.print(terminal.style("dim", speedLine(outcome.document)));
  terminal.print(terminal.style("dim", savedLine(outcome.document, relative(context.cwd, folder) || ".", sep)));
}

/** What `--show` opens, and the next step. After the second image, it is the folder. */
function shownOf({ files, detections }: ResultDocument, { input }: Source, folder: string, { result }: Run): Shown {
  const image = files.sheet ?? files.png;
  const path = result === undefined && image !== null ? join(folder, image) : folder;
  const more = detections.length === 0 ? " --conf 0.1" : " --box LEFT TOP RIGHT BOTTOM --class NAME";
  return {
    path,
    next:
      result === undefined
        ? `whybox ui, or whybox explain ${input}${more}`
        : `whybox run … --out FOLDER, then whybox report FOLDER`,
  };
}

/** Prints the final output: the summary of several sources, and the document of `--json`. */
function finish({ context, log, terminal, values }: Run): void {
  const { summary, outputFolder } = log.document();
  if (values.json) context.stdout.write(`${jsonText(log.document(), 2)}\n`);
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
