import type { Predictions } from "../../detector/detection.js";
import type { LazyPredictions } from "../../detector/lazy-predictions.js";
import type { PrototypeGradient, ScoreResult } from "../../scores/score.js";
import type { Tensor } from "../../tensor/tensor.js";

/** The gradient of a score: by prediction row, in float64 (missing rows have the gradient zero), and on the mask prototypes. */
export interface Seed {
  readonly rows: ReadonlyMap<number, Float64Array>;
  readonly prototypes: readonly PrototypeGradient[];
}

/** Sums the sparse gradients of several scores. */
export function sumGradients(parts: readonly ScoreResult[], columns: number): Seed {
  const rows = new Map<number, Float64Array>();
  for (const { rows: indices, gradient } of parts) {
    indices.forEach((row, i) => {
      const sum = rows.get(row) ?? new Float64Array(columns);
      for (let c = 0; c < columns; c++) sum[c]! += gradient[i * columns + c]!;
      rows.set(row, sum);
    });
  }
  return { rows, prototypes: parts.flatMap((part) => part.prototypes) };
}

/** Rows `start` to `end` of each seed, `[seeds, end - start, columns]`. Missing rows are zeros. */
export function denseRows(seeds: readonly Seed[], [start, end]: readonly [number, number], columns: number): Tensor {
  const size = (end - start) * columns;
  const data = new Float32Array(seeds.length * size);
  seeds.forEach(({ rows }, i) => {
    for (const [row, values] of rows) {
      if (row >= start && row < end) data.set(values.subarray(0, columns), i * size + (row - start) * columns);
    }
  });
  return { dims: [seeds.length, end - start, columns], data };
}

/** The seeds on the head input of a level, `[seeds, C, h, w]`. */
export function denseFeatures(seeds: readonly Seed[], predictions: LazyPredictions, level: number): Tensor {
  const dims = predictions.featureDims(level);
  const [channels, height, width] = dims;
  const cells = height * width;
  const data = new Float32Array(seeds.length * channels * cells);
  seeds.forEach(({ rows }, i) => {
    for (const [row, gradient] of rows) {
      if (predictions.levelOf(row) !== level) continue;
      const { cell, values } = predictions.onFeatures(row, gradient);
      for (let c = 0, at = i * channels * cells + cell; c < channels; c++, at += cells) data[at]! += values[c]!;
    }
  });
  return { dims: [seeds.length, ...dims], data };
}

/** The seeds on the mask prototypes, `[seeds, E, h, w]`. */
export function densePrototypes(seeds: readonly Seed[], { extra }: Predictions): Tensor {
  const own = extra?.task === "segment" ? extra.prototypes.dims : [0, 0, 0];
  const [E, h, w] = own as [number, number, number];
  const data = new Float32Array(seeds.length * E * h * w);
  seeds.forEach(({ prototypes }, i) => {
    for (const { coefficients, cells, slopes } of prototypes) {
      coefficients.forEach((coefficient, e) => {
        const plane = (i * E + e) * h * w;
        cells.forEach((cell, n) => {
          data[plane + cell]! += coefficient * slopes[n]!;
        });
      });
    }
  });
  return { dims: [seeds.length, E, h, w], data };
}
