import { WhyboxError } from "../../errors.js";
import { parseNames } from "../python-names.js";

/** How keypoints are stored in the columns after the classes. */
export interface KeypointLayout {
  /** One name for each keypoint, in column order. */
  readonly names: readonly string[];
  /** Values per keypoint. 2: x and y. 3: x, y and a confidence (a probability). */
  readonly dims: 2 | 3;
}

/** The keypoint names of COCO, in order. Lin et al., "Microsoft COCO: Common Objects in Context" (2014). */
export const COCO_KEYPOINTS: readonly string[] = (
  "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist " +
  "left_hip right_hip left_knee right_knee left_ankle right_ankle"
).split(" ");

/** The number and names of the keypoints of a pose model: from `kpt_shape` and `kpt_names` in its metadata, else from the number of columns. */
export function keypointLayout(metadata: ReadonlyMap<string, string>, columns: number): KeypointLayout {
  const [declared, declaredDims] = (metadata.get("kpt_shape")?.match(/\d{1,4}/g) ?? []).map(Number);
  const fits =
    declared !== undefined && (declaredDims === 2 || declaredDims === 3) && declared * declaredDims === columns;
  const dims = fits ? declaredDims : columns % 3 === 0 ? 3 : 2;
  const count = columns / dims;
  return { dims, names: declaredNames(metadata, count) ?? defaultNames(count) };
}

/** The keypoint names of the first class; undefined if they are missing or do not fit. */
function declaredNames(metadata: ReadonlyMap<string, string>, count: number): string[] | undefined {
  const list = metadata.get("kpt_names")?.match(/\[[^[\]]*\]/)?.[0];
  if (list === undefined) return undefined;
  try {
    const names = parseNames(list);
    return names.length === count && new Set(names).size === count ? names : undefined;
  } catch (error) {
    if (error instanceof WhyboxError && error.code === "bad-input") return undefined;
    throw error;
  }
}

function defaultNames(count: number): string[] {
  if (count === COCO_KEYPOINTS.length) return [...COCO_KEYPOINTS];
  return Array.from({ length: count }, (_, index) => `keypoint${index}`);
}
