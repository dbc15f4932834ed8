import type { Detection } from "../../detector/detection.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { ResolvedExplainOptions } from "../options/resolve-options.js";
import type { AskedAnswer } from "../result/result.js";
import { askBox } from "./ask-box.js";
import { chosenDetections } from "./choose-detections.js";
import type { Scene } from "./detection-score.js";

/** Groups of detections. Each group is explained by one map. */
export type Groups = readonly (readonly Detection[])[];

/** The targets of an explanation. */
export interface Targets {
  /** The detections to explain, or the one box drawn by a person. */
  readonly explained: readonly Detection[];
  readonly groups: Groups;
  /** With a drawn box: whether and why it was detected. */
  readonly asked: AskedAnswer | undefined;
}

export interface TargetQuestion {
  readonly scene: Scene;
  readonly detections: readonly Detection[];
  readonly options: ResolvedExplainOptions;
  /** Indices of the classes to explain. Empty: all classes. */
  readonly classes: readonly number[];
  /** What is explained, if that is known before. */
  readonly targets?: readonly Detection[];
}

/** Chooses the detections to explain and groups them. @throws usage for a missing detection, a box outside the image, or an unknown class. */
export function chooseTargets(loaded: LoadedModel, question: TargetQuestion): Targets {
  const { scene, detections, options, classes, targets } = question;
  if (targets !== undefined) return { explained: targets, groups: groupsOf(targets, options), asked: undefined };
  if (options.box === undefined) {
    const explained = chosenDetections(detections, options, classes);
    return { explained, groups: groupsOf(explained, options), asked: undefined };
  }
  const { target, answer } = askBox(loaded, { scene, detections, asked: options.box, options });
  return { explained: [target], groups: groupsOf([target], options), asked: answer };
}

function groupsOf(explained: readonly Detection[], { per, backwardPerClass }: ResolvedExplainOptions): Groups {
  if (explained.length === 0) return [];
  if (per === "detection") return explained.map((one) => [one]);
  if (per === "class" || backwardPerClass) return byClass(explained);
  return [explained];
}

/** Groups detections by class. Classes are in the order of their best detection. */
function byClass(detections: readonly Detection[]): Groups {
  const classes = [...new Set(detections.map((detection) => detection.classIndex))];
  return classes.map((classIndex) => detections.filter((detection) => detection.classIndex === classIndex));
}
