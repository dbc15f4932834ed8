import type { Map2D, Tensor } from "../tensor/tensor.js";
import { largestEigenpair } from "./largest-eigenpair.js";
import { type PrincipalComponent, signed } from "./principal-component.js";

/**
 * Computes the first kernel principal component of a tensor `[C, H, W]`. The cells are the samples. The result is `√λ₁ · u₁` of the doubly
 * centred kernel `K = tanh(x · y / C + 1)`, where `x` and `y` are the channels of two cells minus the mean of each channel (Schölkopf, Smola and
 * Müller, "Nonlinear Component Analysis as a Kernel Eigenvalue Problem", 1998). `gap` is `λ₂ / λ₁`. It is 0 if λ₂ is negative, which is possible
 * because this kernel is not positive definite. NaN counts as zero. The sign follows the rule of `firstComponent`.
 *
 * Only half of the symmetric kernel is stored, in float32: `2 · (H·W)²` bytes, 82 MB for 80 × 80 cells. The kernel takes `C · (H·W)² / 2`
 * multiplications. The result is all zeros when each channel is constant, for example on a single cell.
 */
export function kernelComponent(tensor: Tensor, guide?: Map2D): PrincipalComponent {
  const [C, height, width] = tensor.dims as [number, number, number];
  const n = height * width;
  const kernel = sigmoidKernel(samples(tensor, C, n), C, n);
  const { means, mean } = kernelMeans(kernel, n);
  const zero = { map: { height, width, data: new Float32Array(n) }, gap: 0 };
  const { value, vector, next } = largestEigenpair(n, (v, into) => {
    multiplyHalf(kernel, v, into);
    let total = 0;
    let shift = 0;
    for (let i = 0; i < n; i++) {
      total += v[i]!;
      shift += means[i]! * v[i]!;
    }
    for (let i = 0; i < n; i++) into[i]! += mean * total - shift - means[i]! * total;
  });
  // The kernel is float32. A smaller eigenvalue is only rounding error.
  if (!(value > 1e-6 * Math.abs(mean))) return zero;
  const data = Float32Array.from(vector, (entry) => entry * Math.sqrt(value));
  return { map: signed({ height, width, data }, guide), gap: Math.max(next, 0) / value };
}

/** Returns the centred samples, `[n + 3, C]`. */
function samples({ data }: Tensor, C: number, n: number): Float64Array {
  // Three rows of zeros at the end, because cells are processed four at a time.
  const rows = new Float64Array((n + 3) * C);
  for (let c = 0; c < C; c++) {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const value = data[c * n + i]!;
      rows[i * C + c] = Number.isNaN(value) ? 0 : value;
      sum += rows[i * C + c]!;
    }
    for (let i = 0; i < n; i++) rows[i * C + c]! -= sum / n;
  }
  return rows;
}

/** Returns the rows of the lower triangle, concatenated. Row `i` begins at `i (i + 1) / 2`. */
function sigmoidKernel(rows: Float64Array, C: number, n: number): Float32Array {
  const kernel = new Float32Array((n * (n + 1)) / 2);
  const row = new Float64Array(n + 3);
  for (let i = 0, at = 0; i < n; i++) {
    for (let j = 0; j <= i; j += 4) fourProducts(rows, C, i, j, row);
    for (let j = 0; j <= i; j++) kernel[at++] = Math.tanh(row[j]! / C + 1);
  }
  return kernel;
}

/** Computes `row[k] = rows[i] · rows[k]` for `k` from `j` to `j + 3`. Row `i` is read only once. */
function fourProducts(rows: Float64Array, C: number, i: number, j: number, row: Float64Array): void {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  const a = i * C;
  const b = j * C;
  for (let c = 0; c < C; c++) {
    const value = rows[a + c]!;
    s0 += value * rows[b + c]!;
    s1 += value * rows[b + C + c]!;
    s2 += value * rows[b + 2 * C + c]!;
    s3 += value * rows[b + 3 * C + c]!;
  }
  row[j] = s0;
  row[j + 1] = s1;
  row[j + 2] = s2;
  row[j + 3] = s3;
}

function kernelMeans(kernel: Float32Array, n: number): { readonly means: Float64Array; readonly mean: number } {
  const means = new Float64Array(n);
  multiplyHalf(kernel, new Float64Array(n).fill(1 / n), means);
  let mean = 0;
  for (let i = 0; i < n; i++) mean += means[i]! / n;
  return { means, mean };
}

/** Computes `into = K · v`. Each stored value is used for both of its positions in the symmetric kernel. */
function multiplyHalf(kernel: Float32Array, v: Float64Array, into: Float64Array): void {
  into.fill(0);
  for (let i = 0, at = 0; i < v.length; i++) {
    const vi = v[i]!;
    let sum = 0;
    for (let j = 0; j < i; j++) {
      const k = kernel[at++]!;
      sum += k * v[j]!;
      into[j]! += k * vi;
    }
    into[i]! += sum + kernel[at++]! * vi;
  }
}
