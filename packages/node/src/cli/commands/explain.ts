import { relative, sep } from "node:path";
import { WhyboxError } from "@whybox/core";
import type { Command } from "commander";
import type { SourceOutcome } from "../../images/explain-images.js";
import { explainToFolder } from "../../images/explain-to-folder.js";
import type { ImageSettings } from "../../images/settings.js";
import { type ExpandedSources, expandSources } from "../../images/sources.js";
import { count, notesOnNames } from "../../words.js";
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
import { printable } from "../text.js";

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
    run.progress.clear();
    run.log.stopped(error);
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

function reportOutcome(outcome: SourceOutcome, folder: string, { context, log, terminal }: Run): void {
  const { source } = outcome;
  if ("error" in outcome) {
    log.failed(source.input, outcome.error);
    reportFailure(outcome.error, context, [source.input, source.location]);
    return;
  }
  log.explained(outcome.document);
  const [heading, ...rest] = explanationLines(outcome.document, context.methods);
  terminal.print(terminal.style("bold", heading!));
  for (const line of rest) terminal.print(line);
  terminal.print(terminal.style("dim", savedLine(outcome.document, relative(context.cwd, folder) || ".", sep)));
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
