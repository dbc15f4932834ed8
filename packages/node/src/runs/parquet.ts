import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { type BasicType, type ColumnSource, fileWriter, ParquetWriter, schemaFromColumnData } from "hyparquet-writer";
import { explainDiskFailure } from "../io/disk-failure.js";
import { type FrameLine, type Manifest, type RunDetection, runFiles, runFilesVersion } from "./schema.js";
import { readResults } from "./success.js";
import { textLines } from "./text-lines.js";

/** Number of rows in memory, and in a row group. */
const GROUP_ROWS = 50_000;

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

interface Column {
  readonly name: string;
  readonly type: BasicType;
  readonly of: (row: Row) => unknown;
}

const column = (name: string, type: BasicType, of: Column["of"]): Column => ({ name, type, of });

/** Each number has its own column, because some readers do not support lists. */
const columns: readonly Column[] = [
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
 * Writes detections.parquet from a run's results: one row per detection, including detections in video frames. It keeps one group of
 * 50 000 rows in memory.
 * @returns The number of rows.
 * @throws output.
 */
export async function writeParquet(folder: string, manifest: Manifest, groupRows = GROUP_ROWS): Promise<number> {
  const tmp = join(folder, runFiles.temporary);
  const temporary = join(tmp, runFiles.parquet);
  try {
    await mkdir(tmp, { recursive: true });
    const rows = await write(temporary, folder, manifest, groupRows);
    const file = await open(temporary, "r+");
    await file.sync().finally(() => file.close());
    await rename(temporary, join(folder, runFiles.parquet));
    return rows;
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    const advice = explainDiskFailure(cause, "choose another folder");
    throw new WhyboxError("output", `Cannot write ${runFiles.parquet} in ${folder}: ${advice}`, { cause });
  } finally {
    await rm(tmp, { recursive: true, force: true });
  }
}

async function write(path: string, folder: string, manifest: Manifest, groupRows: number): Promise<number> {
  const writer = new ParquetWriter({
    writer: fileWriter(path),
    schema: schemaFromColumnData({ columnData: columnData([]) }),
    kvMetadata: [
      { key: "whybox.schemaVersion", value: String(runFilesVersion) },
      { key: "whybox.model.sha256", value: manifest.model.sha256 },
    ],
    createdBy: `whybox version ${manifest.versions.whybox}`,
  });
  let rows: Row[] = [];
  let count = 0;
  const flush = () => {
    if (rows.length > 0) writer.write({ columnData: columnData(rows), rowGroupSize: groupRows });
    count += rows.length;
    rows = [];
  };
  for await (const row of rowsOf(folder)) {
    rows.push(row);
    if (rows.length >= groupRows) flush();
  }
  flush();
  writer.finish();
  return count;
}

function columnData(rows: readonly Row[]): ColumnSource[] {
  return columns.map(({ name, type, of }) => ({ name, type, nullable: true, data: rows.map(of) }));
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
