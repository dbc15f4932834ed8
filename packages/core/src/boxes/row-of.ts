/** A table `[rows, columns]`, row-major. */
interface RowTable {
  readonly columns: number;
  readonly data: Float32Array;
  /** One row of a table that computes its rows when they are read. */
  readonly row?: (row: number) => Float32Array;
}

/** Returns one row of a table. It may be a view of the table. */
export function rowOf(table: RowTable, row: number): Float32Array {
  return table.row?.(row) ?? table.data.subarray(row * table.columns, (row + 1) * table.columns);
}

/** Returns one value of a table. */
export function tableValue(table: RowTable, row: number, column: number): number | undefined {
  return table.row === undefined ? table.data[row * table.columns + column] : table.row(row)[column];
}
