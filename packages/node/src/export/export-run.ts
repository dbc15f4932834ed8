import { join } from "node:path";
import { type OpenRun, openRun } from "../report/read-run.js";
import { count } from "../words.js";
import { cocoText } from "./coco.js";
import { writeFiftyOne } from "./fiftyone.js";
import { writeParquet } from "./parquet.js";
import { csvText } from "./table.js";
import { writeParts } from "./write-parts.js";
import { writeYolo } from "./yolo.js";

export const exportFormats = ["coco", "yolo", "csv", "parquet", "fiftyone"] as const;
export type ExportFormat = (typeof exportFormats)[number];

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
  for (const format of formats) {
    const path = join(out, names[format]);
    const notes: string[] = [];
    await writers[format](path, run, (text) => notes.push(text));
    onDone({ path, notes });
  }
  return { finished: run.finished };
}

/** The file or folder of each format. */
const names: Readonly<Record<ExportFormat, string>> = {
  coco: "coco.json",
  yolo: "yolo",
  csv: "detections.csv",
  parquet: "detections.parquet",
  fiftyone: "fiftyone",
};

/** Writes a format. `note` takes notes for the user. */
type Writer = (path: string, run: OpenRun, note: (text: string) => void) => Promise<void>;

const writers: Readonly<Record<ExportFormat, Writer>> = {
  coco: (path, run) => writeParts(path, cocoText(run)),
  yolo: writeYolo,
  csv: (path, run) => writeParts(path, csvText(run)),
  parquet: (path, run) => writeParquet(path, run),
  fiftyone: async (path, run, note) => {
    const skipped = await writeFiftyOne(path, run);
    const what = `${count(skipped, "video frame or image from a URL was", "video frames or images from URLs were")} skipped`;
    if (skipped > 0) note(`fiftyone: ${what}, because each sample must be a file.`);
  },
};
