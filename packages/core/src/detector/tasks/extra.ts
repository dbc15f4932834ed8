import type { RotatedBox } from "../../boxes/rotated-box.js";
import { rowOf } from "../../boxes/row-of.js";
import type { Box, Letterbox } from "../../image/frame.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Detection, Extra, Keypoint, Predictions } from "../detection.js";
import type { DetectorHead } from "../head.js";
import { keypointLayout } from "./keypoints.js";
import { instanceMask } from "./masks.js";
import { cornersOf, pointToImage, regularised } from "./rotated.js";

/** The meaning of the columns after the classes. @param prototypes `[E, h, w]`, of a segmentation model. */
export function extraOf(
  { task, extraCount }: Pick<DetectorHead, "task" | "extraCount">,
  metadata: ReadonlyMap<string, string>,
  prototypes: Tensor | undefined,
): Extra | undefined {
  if (task === "obb" || task === "classify") return { task };
  if (task === "pose") return { task, keypoints: keypointLayout(metadata, extraCount) };
  return task === "segment" && prototypes !== undefined ? { task, prototypes } : undefined;
}

/** First column after the classes. */
export function extraStart({ columns, classes }: Predictions): number {
  return 5 + (classes ?? columns - 5);
}

/** The rotated box of a row; undefined if the task has no rotated boxes. */
export function rotatedBoxOf(predictions: Predictions, row: number): RotatedBox | undefined {
  if (predictions.extra?.task !== "obb") return undefined;
  const values = rowOf(predictions, row);
  const [x, y, width, height] = [values[0]!, values[1]!, values[2]!, values[3]!];
  return { x, y, width, height, angle: values[extraStart(predictions)]! };
}

/** The mask, keypoints or rotated corners of a detection. */
export function extrasOf(
  predictions: Predictions,
  row: number,
  box: Box<"image">,
  letterbox: Letterbox,
): Pick<Detection, "mask" | "keypoints" | "angle" | "corners"> {
  const { extra } = predictions;
  if (extra === undefined || extra.task === "classify") return {};
  const values = rowOf(predictions, row).subarray(extraStart(predictions));
  switch (extra.task) {
    case "segment":
      return { mask: instanceMask(values, extra.prototypes, box, letterbox) };
    case "pose":
      return { keypoints: keypointsOf(values, extra.keypoints, letterbox) };
    case "obb": {
      const rotated = regularised(rotatedBoxOf(predictions, row)!);
      const [a, b, c, d] = cornersOf(rotated);
      const toImage = (corner: typeof a) => pointToImage(corner, letterbox);
      return { angle: rotated.angle, corners: [toImage(a), toImage(b), toImage(c), toImage(d)] };
    }
  }
}

/** The keypoints of a row in image pixels, clipped to the image as in Ultralytics. */
function keypointsOf(
  values: Float32Array,
  { names, dims }: { readonly names: readonly string[]; readonly dims: 2 | 3 },
  letterbox: Letterbox,
): Keypoint[] {
  const [H, W] = letterbox.imageSize;
  return names.map((name, k) => {
    const [x, y] = pointToImage([values[dims * k]!, values[dims * k + 1]!], letterbox);
    const confidence = dims === 3 ? values[dims * k + 2]! : undefined;
    return { name, x: Math.min(Math.max(x, 0), W), y: Math.min(Math.max(y, 0), H), confidence };
  });
}
