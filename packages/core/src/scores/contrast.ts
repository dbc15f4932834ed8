import { WhyboxError } from "../errors.js";
import { keepsNothing } from "../keeps-nothing.js";
import { classLogit } from "./row.js";
import type { Score } from "./score.js";

/** logit(class) − logit(versus) of the target's prediction row. It explains why the box has this class and not the other one. */
export const contrastScore: Score = keepsNothing({
  id: "contrast",
  title: "Class logit against another class's",
  of(view, target, { versus }) {
    if (versus === undefined) {
      throw new WhyboxError(
        "usage",
        'The score "contrast" compares two classes: say with which, by the option versus.',
      );
    }
    if (!view.isFiniteRow(target.row)) return null;
    return view.tape.sub(classLogit(view, target, target.classIndex), classLogit(view, target, versus));
  },
});
