import { type Detection, type ExplainResult, plainResult, printable } from "@whybox/core";
import type { PlainMeasurement } from "@whybox/report";
import { withPrivateHint } from "../refuse-private.js";
import type { MeasureOutcome, MeasureTask } from "../task.js";
import { failure, type TaskContext } from "../task-context.js";

/** Boxes of a run are rounded to 0.001 pixels. */
const SAME = 0.01;

/** Measures the maps of some detections of an image. Errors become an outcome. */
export async function measureTask(task: MeasureTask, context: TaskContext): Promise<MeasureOutcome> {
  const withoutPath = (message: string) => message.replaceAll(printable(task.location), printable(task.source));
  try {
    return { ok: true, measured: await measureImage(task, context) };
  } catch (error) {
    const failed = failure(withPrivateHint(error), context, withoutPath);
    // The options are those of the finished run. So an error in them is about this image: it has no such detection any more.
    return { ...failed, endsTheRun: failed.endsTheRun && failed.code !== "usage" };
  }
}

async function measureImage(
  { location, detections }: MeasureTask,
  { services, detector, settings, setup, alone }: TaskContext,
): Promise<(PlainMeasurement | string)[]> {
  const image = await services.decodeImage(location, { allowPrivate: setup.allowPrivate });
  const asked = detections.map(({ detection }) => detection);
  const options = { ...settings.explain, classNames: [], detections: asked, frames: "image", measure: true } as const;
  const result = await alone(() => detector.explain(image, options));
  const { measured } = plainResult(result);
  return detections.map((chosen) => {
    const problem = changed(chosen, result);
    const found = measured.find(({ detections: [index] }) => index === chosen.detection);
    return problem ?? found ?? "The network shows too little of this detection at its box to be measured.";
  });
}

/** Whether the image has another detection now. */
function changed(
  { detection, name, box }: MeasureTask["detections"][number],
  result: ExplainResult,
): string | undefined {
  const found = result.detections[detection];
  if (
    found !== undefined &&
    found.className === name &&
    boxOf(found).every((side, i) => Math.abs(side - box[i]!) <= SAME)
  )
    return undefined;
  return `Detection ${detection} is another one now: the image has changed since the run.`;
}

function boxOf({ boxImage: { x1, y1, x2, y2 } }: Detection): number[] {
  return [x1, y1, x2, y2];
}
