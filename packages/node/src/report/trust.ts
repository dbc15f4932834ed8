import { existsSync } from "node:fs";
import { join } from "node:path";
import { measureSentence, type TrustFacts } from "@whybox/report";
import { readMeasurements } from "../runs/sample/read-measurements.js";
import { runFiles } from "../runs/schema.js";
import type { Collected } from "./collect.js";

const SHOWN_FAILURES = 50;

export interface FoundTrust {
  readonly trust: TrustFacts | null;
  readonly notes: readonly string[];
}

/** What was measured of the run's maps, with the rows of the report. @throws bad-input when the measurements are damaged. */
export async function findTrust(folder: string, { images }: Collected): Promise<FoundTrust> {
  const found = await readMeasurements(folder);
  if (found === undefined) {
    const begun = existsSync(join(folder, runFiles.sample));
    const note =
      "The measurements of the maps are not finished, so they are not shown. whybox run --resume continues them.";
    return { trust: null, notes: begun ? [note] : [] };
  }
  const imageOf = new Map(images.filter(({ frame }) => frame === undefined).map((image) => [image.source, image]));
  const measured = found.lines.flatMap(({ source, detection, measured: one }) => {
    const row = imageOf.get(source)?.rows[detection];
    if (one === null || row === undefined) return [];
    const { map, gaussian } = one;
    return [
      {
        row,
        image: [map.overAll, gaussian.overAll] as const,
        withinBox: [map.withinBox.overAll, gaussian.withinBox.overAll] as const,
        sentence: measureSentence(one),
      },
    ];
  });
  const failures = found.lines.flatMap(({ source, name, error }) =>
    error === null ? [] : [{ source, name, message: error.message }],
  );
  return { trust: { summary: found.summary, measured, failures: failures.slice(0, SHOWN_FAILURES) }, notes: [] };
}
