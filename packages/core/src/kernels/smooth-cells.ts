/** Smooths `[height, width]` cells by a Gaussian of `sigma` cells, which ends at 3 sigma. The edge is repeated. Returns new cells. */
export function smoothCells(
  cells: Float64Array,
  [height, width]: readonly [height: number, width: number],
  sigma: number,
): Float64Array {
  const reach = Math.ceil(3 * sigma);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-0.5 * ((i - reach) / sigma) ** 2));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const along = (from: Float64Array, count: number, step: number): Float64Array =>
    from.map((_, i) => {
      const place = Math.floor(i / step) % count;
      let sum = 0;
      for (let k = -reach; k <= reach; k++) {
        const other = Math.min(Math.max(place + k, 0), count - 1);
        sum += weights[k + reach]! * from[i + (other - place) * step]!;
      }
      return sum / total;
    });
  return along(along(cells, width, 1), height, width);
}
