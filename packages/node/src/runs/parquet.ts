import { createReadStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BasicType } from "hyparquet-writer";
import { replaceFile, syncFile } from "../io/write-file.js";
import { type Column, writeParquetFile } from "./parquet-file.js";
import { type FrameLine, type Manifest, type RunDetection, runFiles } from "./schema.js";
import { readResults } from "./success.js";
import { textLines } from "./text-lines.js";

interface Row {
  readonly item: number;
  readonly source: string;
  readonly frame: number | null;
  readonly time: number | null;
  readonly index: number;
  readonly height: number;
  readonly width: number;
  readonly found: RunDetection;
}

const column = (name: string, type: BasicType, of: (row: Row) => unknown): Column<Row> => ({ name, type, of });

/** Each number has its own column, because some readers do not support lists. */
const columns: readonly Column<Row>[] = [
  column("item", "INT32", (row) => row.item),
  column("source", "STRING", (row) => row.source),
  column("frame", "INT32", (row) => row.frame),
  column("time", "DOUBLE", (row) => row.time),
  column("height", "INT32", (row) => row.height),
  column("width", "INT32", (row) => row.width),
  column("detection", "INT32", (row) => row.index),
  column("class", "INT32", ({ found }) => found.class),
  column("name", "STRING", ({ found }) => found.name),
  column("score", "DOUBLE", ({ found }) => found.score),
  ...(["x1", "y1", "x2", "y2"] as const).map((name, i) => column(name, "DOUBLE", ({ found }) => found.box[i])),
  column("level", "INT32", ({ found }) => found.level),
  column("explained", "BOOLEAN", ({ found }) => found.explained),
  column("blind", "BOOLEAN", ({ found }) => found.blind.length > 0),
  column("in_box", "DOUBLE", ({ found }) => found.heat?.inBox ?? null),
  column("area", "DOUBLE", ({ found }) => found.heat?.area ?? null),
  column("ratio", "DOUBLE", ({ found }) => found.heat?.ratio ?? null),
  column("peak_x", "DOUBLE", ({ found }) => found.heat?.peak[0] ?? null),
  column("peak_y", "DOUBLE", ({ found }) => found.heat?.peak[1] ?? null),
  column("peak_in_box", "BOOLEAN", ({ found }) => found.heat?.peakInBox ?? null),
  column("maximum", "DOUBLE", ({ found }) => found.heat?.maximum ?? null),
];

/**
 * Writes detections.parquet from a run's results: one row per detection, including detections in video frames.
 * @returns The number of rows.
 * @throws output.
 */
export async function writeParquet(folder: string, manifest: Manifest): Promise<number> {
  const tmp = join(folder, runFiles.temporary);
  let count = 0;
  const write = async (temporary: string) => {
    await mkdir(tmp, { recursive: true });
    count = await writeParquetFile(temporary, { columns, rows: rowsOf(folder), manifest });
    await syncFile(temporary);
  };
  try {
    await replaceFile(join(folder, runFiles.parquet), write, { folder: tmp, elsewhere: "choose another folder" });
    return count;
  } finally {
    await rm(tmp, { recursive: true, force: true });
  }
}

async function* rowsOf(folder: string): AsyncGenerator<Row> {
  for await (const line of readResults(folder)) {
    const { item, source } = line;
    if (line.kind === "picture") yield* rowsIn(line, { item, source, frame: null, time: null });
    if (line.kind !== "video") continue;
    for await (const text of textLines(createReadStream(join(folder, line.files.frames), "utf8"))) {
      const one = JSON.parse(text) as FrameLine;
      yield* rowsIn(one, { item, source, frame: one.frame, time: one.time });
    }
  }
}

function* rowsIn(
  { size: [height, width], detections }: Pick<FrameLine, "size" | "detections">,
  place: Pick<Row, "item" | "source" | "frame" | "time">,
): Generator<Row> {
  for (const [index, found] of detections.entries()) yield { ...place, index, height, width, found };
}
