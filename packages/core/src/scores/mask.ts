import type { Predictions } from "../detector/detection.js";
import type { Box, Size } from "../image/frame.js";
import { keepsNothing } from "../keeps-nothing.js";
import { extraStart } from "./columns.js";
import type { Score } from "./score.js";
import { MIN_LOGARITHM } from "./weighted.js";

/**
 * log of the mean mask probability of the target's prediction row, over the cells of its own mask. It explains the position and the confidence of the
 * mask. The gradient flows to the row's mask coefficients and to the prototypes. The cells are always those of the original image.
 */
export const maskScore: Score = keepsNothing({
  id: "mask",
  title: "Mask probability inside the mask",
  missing: MIN_LOGARITHM,
  readsMask: true,
  absent: "The masks are empty, so there is no score to explain.",
  refuse: ({ task }) => (task === "segment" ? undefined : "it needs a model with masks (a segmentation model)"),
  of(view, { row, maskCells = [] }) {
    return maskCells.length === 0 ? null : view.tape.log(view.maskProbability(row, maskCells));
  },
});

/**
 * Returns the cells of the prototypes `[h, w]`, row-major, that are inside the box and inside the mask of a row, as in Ultralytics' `process_mask` at
 * the size of the prototypes. Empty for a model without masks.
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

/** Returns the mask logit at a cell: coefficients of the row · prototypes. */
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

/** The mean mask probability over some cells, and its derivatives. */
export interface MaskMean {
  readonly value: number;
  /** Derivative by each mask coefficient. */
  readonly coefficientSlopes: Float64Array;
  /** Derivative by the logit of each cell. Times coefficient e, it is the derivative by prototype e. */
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
