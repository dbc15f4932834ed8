/** Pearson's correlation, −1..1. It is 0 when `a` or `b` is constant. */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const n = a.length;
  let [meanA, meanB] = [0, 0];
  for (let i = 0; i < n; i++) {
    meanA += a[i]! / n;
    meanB += b[i]! / n;
  }
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [x, y] = [a[i]! - meanA, b[i]! - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  // The variance of a constant is only rounding error.
  if (!(aa > 1e-24 * n * meanA * meanA && bb > 1e-24 * n * meanB * meanB)) return 0;
  const r = ab / Math.sqrt(aa * bb);
  return Math.abs(r) < 1e-9 ? 0 : r;
}
