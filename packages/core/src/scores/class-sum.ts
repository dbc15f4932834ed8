import { keepsNothing } from "../keeps-nothing.js";
import { CLASS_COLUMN } from "./columns.js";
import type { Score } from "./score.js";

/** Σ p(class) over all prediction rows: the first target of the reference explainer. The box is not used. */
export const classSumScore: Score = keepsNothing({
  id: "class_sum",
  title: "Class probability summed over all rows",
  perClass: true,
  readsAllRows: true,
  refuse: ({ task }) => (task === "classify" ? 'a classifier has one row; "row" is its probability' : undefined),
  of(view, { classIndex }) {
    const { rows } = view.predictions;
    const terms = [];
    for (let row = 0; row < rows; row++) {
      const term = view.at(row, CLASS_COLUMN + classIndex);
      if (Number.isFinite(term.value)) terms.push(term);
    }
    return view.tape.sum(terms);
  },
});
