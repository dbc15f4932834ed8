import { keepsNothing } from "../keeps-nothing.js";
import { classesOf } from "./columns.js";
import { classLogit } from "./row.js";
import type { Score } from "./score.js";
import type { Scalar } from "./tape.js";

/** Number of classes to compare with. */
const COMPARED = 3;

/**
 * Finer-CAM's score on the target's prediction row: `Σ_c p_c (s_n − s_c) / (Σ_c p_c + 1e-9)` over the three classes whose logits
 * `s_c` are nearest to the target's `s_n`, with `p` the softmax of all logits. It explains the difference between the class and the most
 * similar classes. Zhang et al., "Finer-CAM: Spotting the Difference Reveals Finer Details for Visual Explanation", CVPR 2025.
 */
export const finerScore: Score = keepsNothing({
  id: "finer",
  title: "Class logit against the three most similar classes'",
  of(view, target) {
    const { predictions, tape } = view;
    if (!view.isFiniteRow(target.row)) return null;
    const logits = Array.from({ length: classesOf(predictions) }, (_, c) => classLogit(view, target, c));
    const own = logits[target.classIndex]!;
    const others = logits.filter((_, c) => c !== target.classIndex);
    const near = others.sort((a, b) => Math.abs(a.value - own.value) - Math.abs(b.value - own.value));
    const compared = near.slice(0, COMPARED);
    if (compared.length === 0) return own;
    // The softmax is shifted by the largest logit. The shift cancels out.
    const most = tape.constant(Math.max(...logits.map((logit) => logit.value)));
    const share = (logit: Scalar): Scalar => tape.exp(tape.sub(logit, most));
    const total = tape.sum(logits.map(share));
    const weights = compared.map((logit) => tape.div(share(logit), total));
    const weighted = tape.sum(compared.map((logit, i) => tape.mul(weights[i]!, tape.sub(own, logit))));
    return tape.div(weighted, tape.add(tape.sum(weights), tape.constant(1e-9)));
  },
});
