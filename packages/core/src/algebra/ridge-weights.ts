/**
 * Ridge regression of values on subsets of some items, each 0 or 1, in and out of a subset: the weights `w` that minimise `Σ_n (v_n − mean − Σ_i w_i (s_ni − ½))² + ridge · Σ_i w_i²`. By conjugate
 * gradients (Hestenes and Stiefel, 1952). No weights without subsets.
 */
export function ridgeWeights(subsets: readonly Uint8Array[], values: readonly number[], ridge: number): Float64Array {
  const count = subsets[0]?.length ?? 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const weights = new Float64Array(count);
  let residual = new Float64Array(count);
  subsets.forEach((subset, n) => {
    for (let i = 0; i < count; i++) residual[i]! += (subset[i]! - 0.5) * (values[n]! - mean);
  });
  let direction = residual.slice();
  let size = dot(residual, residual);
  const enough = 1e-18 * size;
  for (let step = 0; step < 2 * count && size > enough; step++) {
    const moved = direction.map((value) => ridge * value);
    for (const subset of subsets) {
      const along = direction.reduce((sum, value, i) => sum + (subset[i]! - 0.5) * value, 0);
      for (let i = 0; i < count; i++) moved[i]! += (subset[i]! - 0.5) * along;
    }
    const length = size / dot(direction, moved);
    for (let i = 0; i < count; i++) weights[i]! += length * direction[i]!;
    residual = residual.map((value, i) => value - length * moved[i]!);
    const next = dot(residual, residual);
    direction = residual.map((value, i) => value + (next / size) * direction[i]!);
    size = next;
  }
  return weights;
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}
