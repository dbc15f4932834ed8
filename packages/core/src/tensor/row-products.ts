import { kernelsIn } from "./kernels-memory.js";

/** Values that the kernel takes at a time. */
const STEP = 8;

/** Products of the rows of a matrix that stays with vectors that come. */
export type RowProducts = (firstRow: number, rows: number, vector: Float32Array) => Float32Array;

/**
 * Makes a matrix `[R, C]` ready to be multiplied: the result takes a vector `[C]` and gives Σ row · vector in float32 for some rows; it is good
 * until the next call. The matrix is copied where there is WebAssembly, and must stay as it is elsewhere.
 */
export function createRowProducts(matrix: Float32Array, columns: number): RowProducts {
  const rows = matrix.length / columns;
  const length = Math.ceil(columns / STEP) * STEP;
  const [vectorAt, productsAt] = [rows * length, (rows + 1) * length];
  const kernels = kernelsIn(4 * (productsAt + rows));
  if (kernels === undefined) return (first, count, vector) => plainProducts(matrix, columns, first, count, vector);
  const { floats } = kernels;
  for (let row = 0; row < rows; row++) floats.set(matrix.subarray(row * columns, (row + 1) * columns), row * length);
  return (first, count, vector) => {
    floats.set(vector, vectorAt);
    if (count > 0) kernels.rowProducts(4 * first * length, 4 * length, count, 4 * vectorAt, 4 * productsAt);
    return floats.subarray(productsAt, productsAt + count);
  };
}

/** The same in JavaScript: the kernel's eight sums, each rounded to float32 as there. */
function plainProducts(
  matrix: Float32Array,
  columns: number,
  first: number,
  count: number,
  vector: Float32Array,
): Float32Array {
  const sums = new Float32Array(STEP);
  return Float32Array.from({ length: count }, (_, i) => {
    const start = (first + i) * columns;
    sums.fill(0);
    for (let c = 0; c < columns; c++) sums[c % STEP]! += Math.fround(matrix[start + c]! * vector[c]!);
    const lanes = [0, 1, 2, 3].map((lane) => Math.fround(sums[lane]! + sums[lane + 4]!));
    return Math.fround(lanes[0]! + lanes[1]!) + Math.fround(lanes[2]! + lanes[3]!);
  });
}
