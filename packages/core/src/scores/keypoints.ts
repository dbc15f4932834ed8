import { didYouMean } from "../errors.js";
import { keepsNothing } from "../keeps-nothing.js";
import { extraStart } from "./columns.js";
import type { PredictionView, Score, ScoredModel } from "./score.js";
import { MIN_LOGARITHM, weightedMean, weightedRows } from "./weighted.js";

/**
 * log Σ wᵢ · (mean confidence of the keypoints)ᵢ over the target's rows. It explains the pose. With a name or a number after a
 * colon (`keypoint:nose`, `keypoint:0`), it is the confidence of only that keypoint.
 */
export const keypointsScore: Score = keepsNothing({
  ...confidenceOf(undefined),
  id: "keypoints",
  aliases: ["keypoint"],
  title: "Confidence of the keypoints; keypoint:<name or number> of one",
  part: (name) => keepsNothing({ ...confidenceOf(name), mirrored: confidenceOf(name, { isMirrored: true }) }),
});

function confidenceOf(name: string | undefined, { isMirrored = false } = {}): Score {
  return {
    id: `keypoint:${name}`,
    title: `Confidence of the keypoint ${name}`,
    missing: MIN_LOGARITHM,
    refuse: (model) => refusal(model, name),
    of(view, target, options) {
      const columns = columnsOf(view, name, { isMirrored });
      const found = columns.length === 0 ? null : weightedRows(view, target, options);
      if (found === null) return null;
      const { tape } = view;
      const sum = tape.sum(columns.map((column) => weightedMean(view, found, column)));
      return tape.log(tape.mul(sum, tape.constant(1 / columns.length)));
    },
  };
}

function refusal({ task, keypoints }: ScoredModel, name: string | undefined): string | undefined {
  if (task !== "pose" || keypoints === undefined) return "it needs a model with keypoints (a pose model)";
  if (keypoints.dims === 2) return "the model's keypoints have no confidence, only places";
  if (name === undefined || placeOf(keypoints.names, name) !== undefined) return undefined;
  return `the model has no keypoint "${name}".${didYouMean(name, keypoints.names)} It has: ${keypoints.names.join(", ")}`;
}

/** Finds a keypoint by its name (case-insensitive), or by its number from 0. */
function placeOf(names: readonly string[], name: string): number | undefined {
  const found = names.findIndex((one) => one.toLowerCase() === name.toLowerCase());
  if (found >= 0) return found;
  return /^\d{1,4}$/.test(name) && Number(name) < names.length ? Number(name) : undefined;
}

/** Columns of the confidences. In a mirror image the left one of a pair is the right one. */
function columnsOf(
  { predictions }: PredictionView,
  name: string | undefined,
  { isMirrored }: { readonly isMirrored: boolean },
): number[] {
  const { extra } = predictions;
  if (extra?.task !== "pose" || extra.keypoints.dims === 2) return [];
  const { names } = extra.keypoints;
  const own = name === undefined ? names.map((_, k) => k) : [placeOf(names, name)].filter((k) => k !== undefined);
  const places = isMirrored ? own.map((k) => placeOf(names, otherSide(names[k]!)) ?? k) : own;
  return places.map((k) => extraStart(predictions) + 3 * k + 2);
}

function otherSide(name: string): string {
  return name.replace(/left|right/i, (side) => (side.toLowerCase() === "left" ? "right" : "left"));
}
