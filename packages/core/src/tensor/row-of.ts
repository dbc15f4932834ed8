/** A table `[rows, columns]` of which a row may be computed when it is asked for. */
interface RowTable {
  readonly columns: number;
  /** Row-major. */
  readonly data: Float32Array;
  /** One row, where `data` would be computed for it. */
  row?(row: number): Float32Array;
}

/** One row of a table: no other is computed for it. */
export function rowOf(table: RowTable, row: number): Float32Array {
  const { columns } = table;
  return table.row?.(row) ?? table.data.subarray(row * columns, (row + 1) * columns);
}
