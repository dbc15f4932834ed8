import type { BasicType, ColumnSource } from "hyparquet-writer";
import { type Manifest, runFilesVersion } from "./schema.js";

/** Number of rows in memory, and in a row group. */
const GROUP_ROWS = 50_000;

export interface Column<Row> {
  readonly name: string;
  readonly type: BasicType;
  readonly of: (row: Row) => unknown;
}

export interface ParquetTable<Row> {
  readonly columns: readonly Column<Row>[];
  readonly rows: AsyncIterable<Row>;
  /** The run that the rows belong to. */
  readonly manifest: Manifest;
  readonly groupRows?: number | undefined;
}

/** Writes a table of a run as a Parquet file. It keeps one group of rows in memory. @returns The number of rows. */
export async function writeParquetFile<Row>(path: string, table: ParquetTable<Row>): Promise<number> {
  const { fileWriter, ParquetWriter, schemaFromColumnData } = await import("hyparquet-writer");
  const { columns, rows, manifest, groupRows = GROUP_ROWS } = table;
  const data = (part: readonly Row[]): ColumnSource[] =>
    columns.map(({ name, type, of }) => ({ name, type, nullable: true, data: part.map(of) }));
  const writer = new ParquetWriter({
    writer: fileWriter(path),
    schema: schemaFromColumnData({ columnData: data([]) }),
    kvMetadata: [
      { key: "whybox.schemaVersion", value: String(runFilesVersion) },
      { key: "whybox.model.sha256", value: manifest.model.sha256 },
    ],
    createdBy: `whybox version ${manifest.versions.whybox}`,
  });
  let held: Row[] = [];
  let count = 0;
  const flush = () => {
    if (held.length > 0) writer.write({ columnData: data(held), rowGroupSize: groupRows });
    count += held.length;
    held = [];
  };
  for await (const row of rows) {
    held.push(row);
    if (held.length >= groupRows) flush();
  }
  flush();
  writer.finish();
  return count;
}
