import { keepsNothing } from "../keeps-nothing.js";
import { extraStart } from "./columns.js";
import type { Score } from "./score.js";

/** The angle of the prediction row of a rotated box, in radians. It explains the box's direction. */
export const angleScore: Score = keepsNothing({ ...angle(1), mirrored: angle(-1) });

function angle(sign: 1 | -1): Score {
  return {
    id: "angle",
    title: "Angle of a rotated box",
    refuse: ({ task }) => (task === "obb" ? undefined : "it needs a model with rotated boxes (an OBB model)"),
    of(view, { row }) {
      const { predictions, tape } = view;
      if (predictions.extra?.task !== "obb" || !view.isFiniteRow(row)) return null;
      return tape.mul(tape.constant(sign), view.at(row, extraStart(predictions)));
    },
  };
}
