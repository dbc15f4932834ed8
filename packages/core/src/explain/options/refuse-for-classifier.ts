import type { DetectorHead } from "../../detector/head.js";
import { WhyboxError } from "../../errors.js";
import { defaultMethods } from "../../methods/index.js";
import type { CamMethod, Evidence } from "../../methods/method.js";
import type { ResolvedExplainOptions } from "./resolve-options.js";

/** Evidence about the places of detections. A classifier has none. */
const PLACES: readonly (keyof Evidence)[] = ["places", "classMaps"];

/** @throws usage for options and methods that need boxes, if the model is a classifier. */
export function refuseForClassifier({ task }: Pick<DetectorHead, "task">, options: ResolvedExplainOptions): void {
  if (task !== "classify") return;
  const { box, method } = options;
  if (box !== undefined) {
    throw new WhyboxError(
      "usage",
      `The model is a classifier: it predicts classes of the whole image and no boxes, so no box can be explained. Name the class instead (classNames; on the command line --class-names): "${box.className}" is then explained for the whole image, even if it is not among the most probable.`,
      { details: { option: "box" } },
    );
  }
  if (!readsPlaces(method)) return;
  const others = defaultMethods.filter((one) => !readsPlaces(one)).map(({ id }) => id);
  throw new WhyboxError(
    "usage",
    `${method.title} needs the places of detections in the image, and a classifier finds its classes in the whole image. Use another method: ${others.join(", ")}.`,
    { details: { method: method.id, expected: others } },
  );
}

function readsPlaces({ needs }: Pick<CamMethod<keyof Evidence>, "needs">): boolean {
  return needs.some((need) => PLACES.includes(need));
}
