import { largestEigenpair } from "./largest-eigenpair.js";
import { type PrincipalComponent, signed } from "./principal-component.js";
import type { Map2D, Tensor } from "./tensor.js";

/**
 * The first kernel principal component of `[C, H, W]`, the cells being the samples: `√λ₁ · u₁` of the doubly centred `K = tanh(x · y / C + 1)`, where `x` and `y` are the
 * cells' channels with the channels' means taken off (Schölkopf, Smola and Müller, "Nonlinear Component Analysis as a Kernel Eigenvalue Problem", 1998). `gap` is `λ₂ / λ₁`
 * (0 where λ₂ is negative: this kernel is not positive definite). NaN counts as zero. The sign is that of `firstComponent`.
 *
 * Half the kernel is kept, in float32: `2 · (H·W)²` bytes, 82 MB for 80 × 80 cells; it takes `C · (H·W)² / 2` multiplications. All zeros when every channel is
 * constant, as on a single cell.
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
  // The kernel is float32: a smaller eigenvalue than this is its rounding.
  if (!(value > 1e-6 * Math.abs(mean))) return zero;
  const data = Float32Array.from(vector, (entry) => entry * Math.sqrt(value));
  return { map: signed({ height, width, data }, guide), gap: Math.max(next, 0) / value };
}

/** `[n, C]`, centred. */
function samples({ data }: Tensor, C: number, n: number): Float64Array {
  const rows = new Float64Array(n * C);
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

/** Rows of the lower triangle one after the other: row `i` begins at `i (i + 1) / 2`. */
function sigmoidKernel(rows: Float64Array, C: number, n: number): Float32Array {
  const kernel = new Float32Array((n * (n + 1)) / 2);
  for (let i = 0, at = 0; i < n; i++) {
    const a = i * C;
    for (let j = 0; j <= i; j++) {
      const b = j * C;
      let [s0, s1] = [0, 0];
      let c = 0;
      for (; c + 1 < C; c += 2) {
        s0 += rows[a + c]! * rows[b + c]!;
        s1 += rows[a + c + 1]! * rows[b + c + 1]!;
      }
      if (c < C) s0 += rows[a + c]! * rows[b + c]!;
      kernel[at++] = Math.tanh((s0 + s1) / C + 1);
    }
  }
  return kernel;
}

function kernelMeans(kernel: Float32Array, n: number): { readonly means: Float64Array; readonly mean: number } {
  const means = new Float64Array(n);
  multiplyHalf(kernel, new Float64Array(n).fill(1 / n), means);
  let mean = 0;
  for (let i = 0; i < n; i++) mean += means[i]! / n;
  return { means, mean };
}

/** `into = K · v`, each stored value used for both of its places. */
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
