import { axesToInput, dft, slice, split, topK } from "./axes.js";
import { clip, pad } from "./bounds.js";
import { batchNormalization, dropout, groupNormalization } from "./normalisation-layers.js";
import { resize, upsample } from "./resize.js";
import type { Rewrite } from "./rewrite.js";
import { flattenedSoftmax } from "./softmax.js";
import { gridSample, roiAlign, scan, scatter } from "./spelling.js";

const REDUCTIONS = [
  "ReduceL1",
  "ReduceL2",
  "ReduceLogSum",
  "ReduceLogSumExp",
  "ReduceMax",
  "ReduceMean",
  "ReduceMin",
  "ReduceProd",
  "ReduceSumSquare",
];

/**
 * Every op of the ONNX domain whose meaning or form changed between opset 7 and opset 26. All other changes
 * added element types, or attributes and inputs whose default is the old meaning (compared with ONNX's list
 * of operator schemas).
 */
export const rewrites: ReadonlyMap<string, Rewrite> = new Map<string, Rewrite>([
  ["BatchNormalization", batchNormalization],
  ["Clip", clip],
  ["DFT", dft],
  ["Dropout", dropout],
  ["GridSample", gridSample],
  ["GroupNormalization", groupNormalization],
  ["Hardmax", flattenedSoftmax],
  ["LogSoftmax", flattenedSoftmax],
  ["Pad", pad],
  ["ReduceSum", axesToInput(13)],
  ...REDUCTIONS.map((op) => [op, axesToInput(18)] as const),
  ["Resize", resize],
  ["RoiAlign", roiAlign],
  ["Scan", scan],
  ["Scatter", scatter],
  ["Slice", slice],
  ["Softmax", flattenedSoftmax],
  ["Split", split],
  ["Squeeze", axesToInput(13)],
  ["TopK", topK],
  ["Unsqueeze", axesToInput(13)],
  ["Upsample", upsample],
]);
