import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { replaceFile, syncFile } from "../io/write-file.js";
import type { OpenRun } from "../report/read-run.js";
import { type Column, writeParquetFile } from "../runs/parquet-file.js";
import { type TableRow, tableColumns, tableRows } from "./table.js";

const columns = tableColumns.map(([name, type]): Column<TableRow> => ({ name, type, of: (row) => row[name] }));

/** Writes the table as Parquet: a complete file, or none. @throws output; errors of reading the run. */
export async function writeParquet(path: string, run: OpenRun, groupRows?: number): Promise<void> {
  await replaceFile(path, async (temporary) => {
    await mkdir(dirname(path), { recursive: true });
    await writeParquetFile(temporary, { columns, rows: tableRows(run), manifest: run.manifest, groupRows });
    await syncFile(temporary);
  });
}
