/** A table `[rows, columns]`, row-major. */
interface RowTable {
  readonly columns: number;
  readonly data: Float32Array;
}

/** The values of one row of a table, as a view. */
export function rowOf({ columns, data }: RowTable, row: number): Float32Array {
  return data.subarray(row * columns, (row + 1) * columns);
}
