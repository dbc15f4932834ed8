import { join } from "node:path";
import { type OpenRun, openRun } from "../report/read-run.js";
import { counted } from "../report/words.js";
import { cocoText } from "./coco.js";
import { writeFiftyOne } from "./fiftyone.js";
import { writeParquet } from "./parquet.js";
import { csvText } from "./table.js";
import { writeParts } from "./write-parts.js";
import { writeYolo } from "./yolo.js";

/** What a run can be exported to. */
export const exportFormats = ["coco", "yolo", "csv", "parquet", "fiftyone"] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** What was written. */
export interface WrittenExport {
  readonly path: string;
  /** What a person should know. */
  readonly notes: readonly string[];
}

/**
 * Writes a run's detections for other tools.
 * @param out folder in which the file or the folder of each format goes.
 * @param onDone called with what was written, format by format.
 * @throws bad-input for a folder that is no run; output.
 */
export async function exportRun(
  folder: string,
  formats: readonly ExportFormat[],
  out: string,
  onDone: (written: WrittenExport) => void,
): Promise<{ readonly finished: boolean }> {
  const run = await openRun(folder);
  for (const format of formats) onDone(await writers[format](run, out));
  return { finished: run.finished };
}

const writers: Readonly<Record<ExportFormat, (run: OpenRun, out: string) => Promise<WrittenExport>>> = {
  async coco(run, out) {
    const path = join(out, "coco.json");
    await writeParts(path, cocoText(run));
    return { path, notes: [] };
  },
  async yolo(run, out) {
    const path = join(out, "yolo");
    await writeYolo(path, run);
    return { path, notes: [] };
  },
  async csv(run, out) {
    const path = join(out, "detections.csv");
    await writeParts(path, csvText(run));
    return { path, notes: [] };
  },
  async parquet(run, out) {
    const path = join(out, "detections.parquet");
    await writeParquet(path, run);
    return { path, notes: [] };
  },
  async fiftyone(run, out) {
    const path = join(out, "fiftyone");
    const { leftOut } = await writeFiftyOne(path, run);
    const what = `${counted(leftOut, "frame or picture behind an address is", "frames and pictures behind addresses are")} left out`;
    return { path, notes: leftOut === 0 ? [] : [`fiftyone: ${what}: a sample is a file.`] };
  },
};
