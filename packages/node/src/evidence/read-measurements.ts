import { join } from "node:path";
import { jsonText, WhyboxError } from "@whybox/core";
import type { MeasurementSummary } from "@whybox/report";
import type { OpenRun } from "../report/read-run.js";
import { damagedRun } from "../runs/damage.js";
import { readMeasurements } from "../runs/sample/read-measurements.js";
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
  const found = await readMeasurements(folder);
  if (found === undefined) return undefined;
  const { summary, lines } = found;
  if (summary.results !== results) {
    const path = join(folder, evidenceFiles.measurementSummary);
    const message = `${path} measures other results than those in ${runFiles.results}. Remove it and ${evidenceFiles.measurements}, and measure again: whybox run --resume --measure.`;
    throw new WhyboxError("bad-input", message, { details: { path } });
  }
  const file = await bundle.create(evidenceFiles.measurements);
  for (const line of lines) {
    const error = line.error && { ...line.error, message: names.message(line.error.message, line.source) };
    await file.write(`${jsonText({ ...line, source: names.source(line.source), error })}\n`);
  }
  await file.end();
  const measured = lines.filter((line) => line.measured !== null).length;
  if (measured !== summary.measured) {
    const what = `it has ${measured} measurements, and ${evidenceFiles.measurementSummary} speaks of ${summary.measured}`;
    throw damagedRun(join(folder, evidenceFiles.measurements), what, folder);
  }
  await bundle.add(evidenceFiles.measurementSummary, [`${jsonText(summary, 2)}\n`]);
  return summary;
}
