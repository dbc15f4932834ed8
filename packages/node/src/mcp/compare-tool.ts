import { z } from "zod";
import { type CompareValues, compareOptions } from "../compare/compare-options.js";
import { compareRuns } from "../compare/compare-runs.js";
import { comparisonSchema } from "../compare/comparison.js";
import { drawPair } from "../compare/draw-pair.js";
import { readPairImage, WorstPairs } from "../compare/page.js";
import { medianSentence, summaryLines } from "../compare/texts.js";
import { inputShape } from "../io/input-shape.js";
import { locate, openRun } from "../report/read-run.js";
import { pngContent } from "./png-content.js";
import { answer, MAX_PIXELS, type ToolCall, type ToolContext } from "./tool.js";

/** Maximum number of entries of each list in an answer. */
const MAX_ENTRIES = 20;

const run = (which: string) => z.string().min(1).max(4096).describe(`Folder of ${which}, written by \`whybox run\`.`);

export const compareInput = z.strictObject({
  runA: run("the run to compare with"),
  runB: run("the run that is checked"),
  ...inputShape(compareOptions),
});

/** As `whybox compare --json`, with short lists. */
export const compareOutput = comparisonSchema;

/** Compares two runs. */
export async function compareTool(given: z.infer<typeof compareInput>, context: ToolContext, call: ToolCall) {
  const { allowed, services } = context;
  const { signal, onProgress } = call;
  const [a, b] = [await allowed.run(given.runA), await allowed.run(given.runB)];
  const worst = new WorstPairs(1);
  const comparison = await compareRuns({
    ...{ a, b, limits: limitsOf(given), signal },
    mayRead: (path) => allowed.has(path),
    onProgress: (done, total) => onProgress(done, total, "Images"),
    onPair: (pair, seen) => worst.add(pair, seen),
  });
  const images = [];
  for (const { pair, seen } of worst.list()) {
    const location = seen.first.frame === undefined ? locate(await openRun(a), pair.source) : undefined;
    const mayRead = location !== undefined && (await allowed.has(location));
    const decodeImage = (path: string) => services.decodeImage(path, { signal, maxPixels: MAX_PIXELS });
    const image = mayRead ? await readPairImage(location, seen.first.size, decodeImage) : undefined;
    const drawn = await drawPair(pair, seen, image);
    images.push(await pngContent(drawn.a), await pngContent(drawn.b));
  }
  const { pairs, lost, gained, images: matched } = comparison;
  const cut = <T>(list: readonly T[]) => list.slice(0, MAX_ENTRIES);
  const structured = {
    ...comparison,
    ...{ pairs: cut(pairs), lost: cut(lost), gained: cut(gained) },
    images: {
      ...{ compared: matched.compared, onlyInA: cut(matched.onlyInA) },
      ...{ onlyInB: cut(matched.onlyInB), changed: cut(matched.changed) },
    },
  };
  const verdict = comparison.passed ? ["The attention did not move."] : comparison.problems;
  const text = [...verdict, ...summaryLines(comparison), medianSentence(comparison)].filter(
    (line) => line !== undefined,
  );
  return answer(text.join(" "), structured, images);
}

function limitsOf(given: Readonly<Record<string, unknown>>): CompareValues {
  const rows = Object.entries(compareOptions).map(([name, row]) => {
    return [name, given[name] ?? ("default" in row ? row.default : undefined)];
  });
  return Object.fromEntries(rows) as CompareValues;
}
