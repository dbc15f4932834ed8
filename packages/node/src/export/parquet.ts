import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { type ColumnSource, fileWriter, ParquetWriter, schemaFromColumnData } from "hyparquet-writer";
import { explainDiskFailure } from "../io/disk-failure.js";
import { systemErrorCode } from "../io/system-error.js";
import type { OpenRun } from "../report/read-run.js";
import { runFilesVersion } from "../runs/schema.js";
import { type TableRow, tableColumns, tableRows } from "./table.js";

/** Number of rows in memory, and in a row group. */
const GROUP_ROWS = 50_000;

/**
 * Writes the table as Parquet: a complete file, or none.
 * @throws output; errors of reading the run.
 */
export async function writeParquet(path: string, run: OpenRun, groupRows = GROUP_ROWS): Promise<void> {
  const temporary = join(dirname(path), `.whybox-${randomUUID().slice(0, 8)}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeRows(temporary, run, groupRows);
    const file = await open(temporary, "r+");
    await file.sync().finally(() => file.close());
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first failure is reported
    if (cause instanceof WhyboxError) throw cause;
    const advice = explainDiskFailure(cause, "choose another folder with --out");
    const details = { file: path, reason: systemErrorCode(cause) };
    throw new WhyboxError("output", `Cannot write ${basename(path)} in ${dirname(path)}: ${advice}`, {
      details,
      cause,
    });
  }
}

async function writeRows(path: string, run: OpenRun, groupRows: number): Promise<void> {
  const writer = new ParquetWriter({
    writer: fileWriter(path),
    schema: schemaFromColumnData({ columnData: columnData([]) }),
    kvMetadata: [
      { key: "whybox.schemaVersion", value: String(runFilesVersion) },
      { key: "whybox.model.sha256", value: run.manifest.model.sha256 },
    ],
    createdBy: `whybox version ${run.manifest.versions.whybox}`,
  });
  let rows: TableRow[] = [];
  const flush = () => {
    if (rows.length > 0) writer.write({ columnData: columnData(rows), rowGroupSize: groupRows });
    rows = [];
  };
  for await (const row of tableRows(run)) {
    rows.push(row);
    if (rows.length >= groupRows) flush();
  }
  flush();
  writer.finish();
}

function columnData(rows: readonly TableRow[]): ColumnSource[] {
  return tableColumns.map(([name, type]) => ({ name, type, nullable: true, data: rows.map((row) => row[name]) }));
}
