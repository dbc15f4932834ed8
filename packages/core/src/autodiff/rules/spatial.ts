import type { GradRule } from "../rule.js";
import { averagePoolRule, globalAveragePoolRule } from "./average-pool.js";
import { batchNormalizationRule } from "./batch-normalization.js";
import { concatRule } from "./concat.js";
import { convRule } from "./conv.js";
import { convTransposeRule } from "./conv-transpose.js";
import { depthToSpaceRule, spaceToDepthRule } from "./depth-space.js";
import { expandRule, tileRule } from "./expand.js";
import { gatherElementsRule, gatherNdRule, gatherRule } from "./gather.js";
import { globalMaxPoolRule, maxPoolRule } from "./max-pool.js";
import { padRule } from "./pad.js";
import { flattenRule, reshapeRule, squeezeRule, unsqueezeRule } from "./reshape.js";
import { resizeRule } from "./resize.js";
import { sliceRule } from "./slice.js";
import { splitRule } from "./split.js";
import { transposeRule } from "./transpose.js";

/** Rules of the ops that move or window data (convolution, pooling, resizing, slicing, reshaping). */
export const spatialRules: readonly GradRule[] = [
  averagePoolRule,
  batchNormalizationRule,
  concatRule,
  convRule,
  convTransposeRule,
  depthToSpaceRule,
  expandRule,
  flattenRule,
  gatherElementsRule,
  gatherNdRule,
  gatherRule,
  globalAveragePoolRule,
  globalMaxPoolRule,
  maxPoolRule,
  padRule,
  reshapeRule,
  resizeRule,
  sliceRule,
  spaceToDepthRule,
  splitRule,
  squeezeRule,
  tileRule,
  transposeRule,
  unsqueezeRule,
];
