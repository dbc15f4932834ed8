import { join } from "node:path";
import { jsonText, WhyboxError } from "@whybox/core";
import type { MeasurementSummary } from "@whybox/report";
import { readJsonFile } from "../io/json-file.js";
import type { OpenRun } from "../report/read-run.js";
import { damagedRun } from "../runs/damage.js";
import { readLines } from "../runs/read-lines.js";
import { measurementLineSchema, measurementSummarySchema } from "../runs/sample/schema.js";
import { runFiles } from "../runs/schema.js";
import type { BundleFolder } from "./bundle-folder.js";
import type { PublicNames } from "./public-names.js";
import { evidenceFiles } from "./schema.js";

/**
 * Copies the measurements of a run. Returns their summary; undefined when the run was not measured, or not to the end.
 * @param results SHA-256 of the run's results.
 * @throws bad-input if they are damaged, or measure other results.
 */
export async function copyMeasurements(
  { folder }: OpenRun,
  bundle: BundleFolder,
  { names, results }: { readonly names: PublicNames; readonly results: string },
): Promise<MeasurementSummary | undefined> {
  const path = join(folder, evidenceFiles.summary);
  const remedy = "is damaged. Remove it, and whybox run --resume --measure creates it again.";
  const summary = await readJsonFile(path, measurementSummarySchema, remedy);
  if (summary === undefined) return undefined;
  if (summary.results !== results) {
    const message = `${path} measures other results than those in ${runFiles.results}. Remove it and ${evidenceFiles.measurements}, and measure again: whybox run --resume --measure.`;
    throw new WhyboxError("bad-input", message, { details: { path } });
  }
  const file = await bundle.create(evidenceFiles.measurements);
  let [sampled, measured] = [0, 0];
  for await (const line of readLines({ folder, finished: true }, evidenceFiles.measurements, measurementLineSchema)) {
    const error = line.error && { ...line.error, message: names.message(line.error.message, line.source) };
    await file.write(`${jsonText({ ...line, source: names.source(line.source), error })}\n`);
    sampled++;
    if (line.measured !== null) measured++;
  }
  await file.end();
  if (sampled !== summary.sampled || measured !== summary.measured) {
    const found = `it has ${measured} measurements of ${sampled} detections, and ${evidenceFiles.summary} speaks of ${summary.measured} of ${summary.sampled}`;
    throw damagedRun(join(folder, evidenceFiles.measurements), found, folder);
  }
  await bundle.add(evidenceFiles.summary, [`${jsonText(summary, 2)}\n`]);
  return summary;
}
