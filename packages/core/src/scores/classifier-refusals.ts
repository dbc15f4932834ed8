import type { Score } from "./score.js";

type Refusal = NonNullable<Score["refuse"]>;

/** Refuses a score of a box for a classifier. */
export const needsBox: Refusal = ({ task }) => (task === "classify" ? "a classifier predicts no boxes" : undefined);

/** Refuses a score that reads the objectness for a classifier. */
export const needsObjectness: Refusal = ({ task }) =>
  task === "classify" ? 'a classifier predicts no objectness; "class" is the logarithm of its probability' : undefined;
