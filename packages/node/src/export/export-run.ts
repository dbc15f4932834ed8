import { join } from "node:path";
import { type OpenRun, openRun } from "../report/read-run.js";
import { counted } from "../report/words.js";
import { cocoText } from "./coco.js";
import { writeFiftyOne } from "./fiftyone.js";
import { writeParquet } from "./parquet.js";
import { csvText } from "./table.js";
import { writeParts } from "./write-parts.js";
import { writeYolo } from "./yolo.js";

/** The formats of an export. */
export const exportFormats = ["coco", "yolo", "csv", "parquet", "fiftyone"] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** A written export. */
export interface WrittenExport {
  readonly path: string;
  /** Notes for the user. */
  readonly notes: readonly string[];
}

/**
 * Writes a run's detections for other tools.
 * @param out Output folder. Each format is a file or a folder in it.
 * @param onDone Called after each format.
 * @throws bad-input when the folder is not a run; output.
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
    const { skipped } = await writeFiftyOne(path, run);
    const what = `${counted(skipped, "video frame or image from a URL was", "video frames or images from URLs were")} skipped`;
    return { path, notes: skipped === 0 ? [] : [`fiftyone: ${what}, because each sample must be a file.`] };
  },
};
