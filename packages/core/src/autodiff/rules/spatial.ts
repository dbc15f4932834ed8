import type { GradRule } from "../rule.js";
import { averagePoolRule, globalAveragePoolRule } from "./average-pool.js";
import { batchNormalizationRule } from "./batch-normalization.js";
import { concatRule } from "./concat.js";
import { convRule } from "./conv.js";
import { convTransposeRule } from "./conv-transpose.js";
import { depthToSpaceRule, spaceToDepthRule } from "./depth-space.js";
import { einsumRule } from "./einsum.js";
import { expandRule, tileRule } from "./expand.js";
import { gatherElementsRule, gatherNdRule, gatherRule } from "./gather.js";
import { gridSampleRule } from "./grid-sample.js";
import { globalMaxPoolRule, maxPoolRule } from "./max-pool.js";
import {
  groupNormalizationRule,
  instanceNormalizationRule,
  layerNormalizationRule,
  rmsNormalizationRule,
} from "./normalisation.js";
import { padRule } from "./pad.js";
import { dequantizeLinearRule, quantizeLinearRule } from "./quantize.js";
import { flattenRule, reshapeRule, squeezeRule, unsqueezeRule } from "./reshape.js";
import { resizeRule } from "./resize.js";
import { scatterElementsRule, scatterNdRule } from "./scatter-ops.js";
import { sliceRule } from "./slice.js";
import { splitRule } from "./split.js";
import { topKRule } from "./top-k.js";
import { transposeRule } from "./transpose.js";
import { triluRule } from "./trilu.js";

/** Rules of the ops that move or window data (convolution, pooling, sampling, slicing, reshaping), normalise it, or change its number format. */
export const spatialRules: readonly GradRule[] = [
  averagePoolRule,
  batchNormalizationRule,
  concatRule,
  convRule,
  convTransposeRule,
  depthToSpaceRule,
  dequantizeLinearRule,
  einsumRule,
  expandRule,
  flattenRule,
  gatherElementsRule,
  gatherNdRule,
  gatherRule,
  globalAveragePoolRule,
  globalMaxPoolRule,
  gridSampleRule,
  groupNormalizationRule,
  instanceNormalizationRule,
  layerNormalizationRule,
  maxPoolRule,
  padRule,
  quantizeLinearRule,
  reshapeRule,
  resizeRule,
  rmsNormalizationRule,
  scatterElementsRule,
  scatterNdRule,
  sliceRule,
  spaceToDepthRule,
  splitRule,
  squeezeRule,
  tileRule,
  topKRule,
  transposeRule,
  triluRule,
  unsqueezeRule,
];
