import type { GradRule } from "../rule.js";

/** Rules of the ops that move or window data (convolution, pooling, resizing, slicing, reshaping). */
export const spatialRules: readonly GradRule[] = [];
