import { createReadStream } from "node:fs";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import type { MeasurementLine, MeasurementSummary } from "@whybox/report";
import { readJsonFile } from "../../io/json-file.js";
import { runFiles } from "../schema.js";
import { textLines } from "../text-lines.js";
import { measurementLineSchema, measurementSummarySchema } from "./schema.js";

/** What was measured in a run. */
export interface RunMeasurements {
  readonly summary: MeasurementSummary;
  readonly lines: readonly MeasurementLine[];
}

/** Reads the summary of a run's measurements; undefined if they are not complete. @throws bad-input when it is damaged. */
export function readMeasurementSummary(folder: string): Promise<MeasurementSummary | undefined> {
  const remedy = "is damaged. Remove it, and whybox run --resume creates it again.";
  return readJsonFile(join(folder, runFiles.measurementSummary), measurementSummarySchema, remedy);
}

/** Reads the measurements of a run; undefined if they are not complete. @throws bad-input when they are damaged. */
export async function readMeasurements(folder: string): Promise<RunMeasurements | undefined> {
  const summary = await readMeasurementSummary(folder);
  if (summary === undefined) return undefined;
  const path = join(folder, runFiles.measurements);
  const lines: MeasurementLine[] = [];
  try {
    for await (const text of textLines(createReadStream(path))) {
      lines.push(measurementLineSchema.parse(JSON.parse(text)));
      if (lines.length > summary.sampled) break;
    }
  } catch (cause) {
    throw damaged(path, `line ${lines.length + 1} is not a measurement`, cause);
  }
  if (lines.length !== summary.sampled)
    throw damaged(path, `it has ${lines.length} lines, and ${runFiles.measurementSummary} says ${summary.sampled}`);
  return { summary, lines };
}

function damaged(path: string, why: string, cause?: unknown): WhyboxError {
  const message = `${path} is damaged: ${why}. Remove it and ${runFiles.measurementSummary}, and whybox run --resume measures again.`;
  return new WhyboxError("bad-input", message, { details: { path }, cause });
}
