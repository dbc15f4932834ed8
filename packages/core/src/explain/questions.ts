import { resolveClasses } from "../detector/names.js";
import type { Question } from "./explain.js";
import type { LoadedModel } from "./model/loaded-model.js";
import type { ExplainOptions } from "./options/options.js";
import { refuseForClassifier } from "./options/refuse-for-classifier.js";
import { type OptionChoices, resolveExplainOptions } from "./options/resolve-options.js";
import type { DetectorPlans } from "./plan/detector-plans.js";
import { refuseScores } from "./targets/detection-score.js";

/** What questions are checked against. */
export interface Asked extends OptionChoices {
  readonly loaded: LoadedModel;
  readonly plans: () => Promise<DetectorPlans>;
}

/**
 * Checks the options of an explanation against the model and plans its passes.
 * @throws usage for invalid options; no-gradient if an op between a layer and the predictions has no rule.
 */
export async function questionOf({ loaded, plans, ...choices }: Asked, given: ExplainOptions): Promise<Question> {
  const { head, classNames } = loaded;
  const options = resolveExplainOptions(given, choices, { task: head.task, classNames });
  refuseForClassifier(head, options);
  refuseScores(loaded, options.scores);
  const classes = resolveClasses(options.classNames, classNames);
  return { options, plan: (await plans()).explanation(options), classes, onProgress: given.onProgress };
}
