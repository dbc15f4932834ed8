import type { Predictions } from "../detector/detection.js";
import type { Box, Size } from "../image/frame.js";
import { extraStart } from "./columns.js";
import type { Score } from "./score.js";
import { LEAST_LOGARITHM } from "./weighted.js";

/**
 * log of the mean mask probability of the one row that the box is, over the cells of its own mask: why is the mask here, and this sure? The gradient
 * flows to the row's mask coefficients and to the prototypes. The cells stay those of the untouched picture.
 */
export const maskScore: Score = {
  id: "mask",
  title: "Mask probability inside the mask",
  keepsNothing: true,
  missing: LEAST_LOGARITHM,
  readsMask: true,
  absent: "The masks are empty, so there is no score to explain.",
  refuse: ({ task }) => (task === "segment" ? undefined : "it needs a model with masks (a segmentation model)"),
  of(view, { row, maskCells = [] }) {
    return maskCells.length === 0 ? null : view.tape.log(view.maskProbability(row, maskCells));
  },
};

/**
 * Cells of the prototypes `[h, w]`, row by row, inside the box where the mask of a row is on, as Ultralytics' `process_mask` at the prototypes' own
 * size has them. Empty for a model without masks.
 */
export function maskCellsOf(predictions: Predictions, row: number, box: Box<"input">, inputSize: Size): number[] {
  const { extra } = predictions;
  if (extra?.task !== "segment") return [];
  const [, h, w] = extra.prototypes.dims as [number, number, number];
  const [sy, sx] = [h / inputSize[0], w / inputSize[1]];
  const cells: number[] = [];
  for (let y = Math.max(0, Math.ceil(box.y1 * sy)); y < Math.min(h, box.y2 * sy); y++) {
    for (let x = Math.max(0, Math.ceil(box.x1 * sx)); x < Math.min(w, box.x2 * sx); x++) {
      const cell = y * w + x;
      if (maskLogit(predictions, row, cell) > 0) cells.push(cell);
    }
  }
  return cells;
}

/** Coefficients of the row · prototypes at a cell. */
function maskLogit(predictions: Predictions, row: number, cell: number): number {
  const { data, columns, extra } = predictions;
  if (extra?.task !== "segment") return Number.NaN;
  const { dims, data: prototypes } = extra.prototypes;
  const [E, h, w] = dims as [number, number, number];
  const first = row * columns + extraStart(predictions);
  let logit = 0;
  for (let e = 0; e < E; e++) logit += data[first + e]! * prototypes[e * h * w + cell]!;
  return logit;
}

/** The mean mask probability over some cells, with its slopes. */
export interface MaskMean {
  readonly value: number;
  /** By mask coefficient. */
  readonly coefficientSlopes: Float64Array;
  /** By the logit of each cell: its slope by prototype e is this times coefficient e. */
  readonly cellSlopes: Float64Array;
  readonly coefficients: readonly number[];
}

/** mean σ(Σₑ coefficientₑ · prototypeₑ(cell)) over the cells. */
export function maskMean(predictions: Predictions, row: number, cells: readonly number[]): MaskMean {
  const { data, columns, extra } = predictions;
  const prototypes = extra?.task === "segment" ? extra.prototypes : { dims: [0, 1, 1], data: new Float32Array(0) };
  const [E, h, w] = prototypes.dims as [number, number, number];
  const first = row * columns + extraStart(predictions);
  const coefficients = Array.from({ length: E }, (_, e) => data[first + e]!);
  const coefficientSlopes = new Float64Array(E);
  let value = 0;
  const cellSlopes = Float64Array.from(cells, (cell) => {
    const probability = 1 / (1 + Math.exp(-maskLogit(predictions, row, cell)));
    value += probability / cells.length;
    const slope = (probability * (1 - probability)) / cells.length;
    for (let e = 0; e < E; e++) coefficientSlopes[e]! += slope * prototypes.data[e * h * w + cell]!;
    return slope;
  });
  return { value, coefficientSlopes, cellSlopes, coefficients };
}
