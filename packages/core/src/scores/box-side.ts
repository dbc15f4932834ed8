import { keepsNothing } from "../keeps-nothing.js";
import { needsBox } from "./classifier-refusals.js";
import { sidesOnTape } from "./iou.js";
import type { PredictionView, Score, ScoreTarget } from "./score.js";

/** The sides of the box of the target's prediction row, in input pixels: centre ∓ size / 2. For a rotated box: the sides of the axis-aligned rectangle around it. */
export const boxSideScores: readonly Score[] = [
  // In a mirrored image the left side becomes the right side, and its sign changes.
  { ...side("x1", "Left side of the box", 0, -0.5), mirrored: side("x1", "", 0, 0.5, -1) },
  side("y1", "Top side of the box", 1, -0.5),
  { ...side("x2", "Right side of the box", 0, 0.5), mirrored: side("x2", "", 0, -0.5, -1) },
  side("y2", "Bottom side of the box", 1, 0.5),
].map(keepsNothing);

function side(id: string, title: string, axis: 0 | 1, share: number, sign = 1): Score {
  return {
    id,
    title,
    refuse: needsBox,
    of(view: PredictionView, { row }: ScoreTarget) {
      if (!view.isFiniteRow(row)) return null;
      const { tape } = view;
      const size = tape.mul(tape.constant(sign * share), sidesOnTape(view, row)[axis]);
      return tape.add(tape.mul(tape.constant(sign), view.at(row, axis)), size);
    },
  };
}
