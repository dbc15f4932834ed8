import type { Translate } from "../translation.js";
import { convolutionOps } from "./convolution.js";
import { elementwiseOps } from "./elementwise.js";
import { gatherOps } from "./gather.js";
import { imageOps } from "./image.js";
import { linearOps } from "./linear.js";
import { reductionOps } from "./reduction.js";
import { shapeOps } from "./shape.js";

/** Every TF op that can be translated, sorted. The reader itself handles Placeholder and Const. */
export const translations: ReadonlyMap<string, Translate> = new Map(
  Object.entries({
    ...{ ...convolutionOps, ...elementwiseOps, ...gatherOps, ...imageOps },
    ...{ ...linearOps, ...reductionOps, ...shapeOps },
  }).sort(([a], [b]) => (a < b ? -1 : 1)),
);
