/** A table `[rows, columns]`, row-major. */
interface RowTable {
  readonly columns: number;
  readonly data: Float32Array;
}

/** Returns a view of one row of a table. */
export function rowOf({ columns, data }: RowTable, row: number): Float32Array {
  return data.subarray(row * columns, (row + 1) * columns);
}
