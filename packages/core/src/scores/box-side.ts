import type { PredictionView, Score, ScoreTarget } from "./score.js";
import { isFiniteRow } from "./weighted.js";

/** The sides of the box of the one row behind it, in input pixels: centre ∓ size / 2. */
export const boxSideScores: readonly Score[] = [
  side("x1", "Left side of the box", 0, -0.5),
  side("y1", "Top side of the box", 1, -0.5),
  side("x2", "Right side of the box", 0, 0.5),
  side("y2", "Bottom side of the box", 1, 0.5),
];

function side(id: string, title: string, centreColumn: number, share: number): Score {
  return {
    id,
    title,
    of(view: PredictionView, { row }: ScoreTarget) {
      if (!isFiniteRow(view.predictions, row)) return null;
      const { tape } = view;
      return tape.add(view.at(row, centreColumn), tape.mul(tape.constant(share), view.at(row, centreColumn + 2)));
    },
  };
}
