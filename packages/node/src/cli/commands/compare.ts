import { resolve } from "node:path";
import type { Filled, OptionTable } from "@whybox/core";
import { printable, shown } from "@whybox/core";
import type { Command } from "commander";
import { type CompareOptions, compareOptions } from "../../compare/compare-options.js";
import { compareRuns } from "../../compare/compare-runs.js";
import type { Comparison } from "../../compare/comparison.js";
import { comparePage, WorstPairs } from "../../compare/page.js";
import { figureTexts, medianSentence, summaryLines } from "../../compare/texts.js";
import { writeParts } from "../../export/write-parts.js";
import { openRun } from "../../report/read-run.js";
import { stopIfAborted } from "../../stop-if-aborted.js";
import type { CliContext } from "../context.js";
import { type ExitCode, exitCodes } from "../exit-codes.js";
import { printError } from "../failure.js";
import { declareFlags, readFlags } from "../flags.js";
import { createStages } from "../stages.js";
import { formatTable } from "../table.js";
import { createTerminal, printDocument } from "../terminal.js";

interface CompareFlags extends CompareOptions {
  readonly html?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const compareFlags = {
  ...compareOptions,
  html: {
    what: "write an HTML page with both heatmaps of the detections that changed most",
    kind: "text",
    expected: "a file",
    otherwise: "no page",
    group: "Output",
    shown: "file",
  },
  json: {
    what: "print the comparison as one JSON document, and nothing else",
    kind: "flag",
    default: false,
    group: "Output",
  },
  quiet: { what: "print errors only", kind: "flag", default: false, group: "Output" },
} as const satisfies OptionTable<CompareFlags>;

type CompareValues = Filled<CompareFlags, typeof compareFlags>;

/** Maximum number of table rows. The JSON contains all pairs. */
const MAX_ROWS = 20;

export function addCompare(program: Command, context: CliContext, done: (code: ExitCode) => void): void {
  const command = program
    .command("compare <run-a> <run-b>")
    .summary("check that two models look at the same places: compare two runs")
    .description(
      "Compares two runs on the same images, such as those of the model in use and of a new one. It pairs their detections by class and IoU,\n" +
        "and compares the small heatmaps that each run contains. The exit code is 9 when more heatmaps moved than --max-moved allows, or\n" +
        "another limit is exceeded. Both runs need the same method and layers. See docs/compare.md.",
    );
  declareFlags(command, compareFlags, [])
    .addHelpText(
      "after",
      "\nExamples:\n  whybox compare runs/old runs/new\n  whybox compare runs/old runs/new --max-moved 0.1 --max-lost 0.02 --html compare.html",
    )
    .action(async (a: string, b: string) => {
      const { values } = readFlags<CompareFlags, typeof compareFlags>(command, compareFlags, []);
      done(await compare([a, b], values, context));
    });
}

async function compare(runs: readonly [string, string], values: CompareValues, context: CliContext): Promise<ExitCode> {
  stopIfAborted(context.signal);
  const { html, json, quiet, ...limits } = values;
  const [a, b] = runs.map((run) => resolve(context.cwd, run)) as [string, string];
  const terminal = createTerminal(context, { quiet, json });
  const stages = createStages(context, { quiet });
  const worst = html === undefined ? undefined : new WorstPairs();
  const comparison = await compareRuns({
    ...{ a, b, limits, signal: context.signal },
    onProgress: (done, total) => stages.show("Comparing", done, total),
    ...(worst === undefined ? {} : { onPair: (pair, seen) => worst.add(pair, seen) }),
  }).finally(() => stages.clear());
  if (worst !== undefined) await writePage(resolve(context.cwd, html!), { a, comparison, worst, context });
  for (const note of comparison.notes) terminal.notice(`note: ${printable(note)}`);
  for (const line of comparisonLines(comparison)) terminal.print(line);
  if (json) printDocument(context, comparison);
  for (const problem of comparison.problems) printError(printable(problem), context);
  return comparison.passed ? exitCodes.ok : exitCodes.beyondLimits;
}

interface PageParts {
  readonly a: string;
  readonly comparison: Comparison;
  readonly worst: WorstPairs;
  readonly context: CliContext;
}

async function writePage(path: string, { a, comparison, worst, context }: PageParts): Promise<void> {
  const services = await context.loadServices();
  const { signal } = context;
  const decodeImage = (location: string) => services.decodeImage(location, { signal });
  await writeParts(path, comparePage({ comparison, worst, run: await openRun(a), decodeImage }));
}

function comparisonLines(comparison: Comparison): string[] {
  const medians = medianSentence(comparison);
  const moved = comparison.pairs.filter((pair) => pair.moved.length > 0);
  const listed = moved.slice(0, MAX_ROWS);
  const lines = [...summaryLines(comparison), ...(medians === undefined ? [] : [medians])];
  if (listed.length === 0) return lines;
  const table = formatTable(
    [
      { title: "moved" },
      { title: "class" },
      { title: "correlation", align: "right" },
      { title: "overlap", align: "right" },
      { title: "shift", align: "right" },
      { title: "in box", align: "right" },
    ],
    listed.map((pair) => {
      const { source, frame, a, name } = pair;
      const texts = figureTexts(pair).map(({ text }) => text.replace(/ (of the diagonal|points)$/, ""));
      return [`${shown(source)}${frame === null ? "" : ` frame ${frame}`} #${a.index}`, shown(name, 40), ...texts];
    }),
  ).map((line) => `  ${line}`);
  const rest = moved.length - listed.length;
  return [...lines, ...table, ...(rest > 0 ? [`  … and ${rest} more. The JSON contains all.`] : [])];
}
