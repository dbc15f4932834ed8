import { join } from "node:path";
import type { TagsFile } from "@whybox/report";
import { type OpenRun, openRun } from "../report/read-run.js";
import { findTags } from "../report/tags.js";
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

export interface ExportOptions {
  /** Output folder. Each format is a file or a folder in it. */
  readonly out: string;
  /** Path of a file of tags, or "none". Undefined uses the one in the run's folder, if there is one. */
  readonly tags?: string | undefined;
  /** Called after each format. */
  readonly onDone: (written: WrittenExport) => void;
}

/**
 * Writes a run's detections for other tools.
 * @throws bad-input when the folder is not a run; output.
 */
export async function exportRun(
  folder: string,
  formats: readonly ExportFormat[],
  { out, tags, onDone }: ExportOptions,
): Promise<{ readonly finished: boolean }> {
  const run = await openRun(folder);
  const tagged = await findTags(folder, tags);
  for (const format of formats) {
    const path = join(out, names[format]);
    const notes: string[] = [];
    await writers[format](path, run, { note: (text) => notes.push(text), tags: tagged });
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

interface WriterContext {
  /** Takes notes for the user. */
  readonly note: (text: string) => void;
  readonly tags: TagsFile | undefined;
}

type Writer = (path: string, run: OpenRun, context: WriterContext) => Promise<void>;

const writers: Readonly<Record<ExportFormat, Writer>> = {
  coco: (path, run) => writeParts(path, cocoText(run)),
  yolo: writeYolo,
  csv: (path, run) => writeParts(path, csvText(run)),
  parquet: (path, run) => writeParquet(path, run),
  fiftyone: async (path, run, { note, tags }) => {
    const skipped = await writeFiftyOne(path, run, tags);
    const what = `${count(skipped, "video frame or image from a URL was", "video frames or images from URLs were")} skipped`;
    if (skipped > 0) note(`fiftyone: ${what}, because each sample must be a file.`);
  },
};
