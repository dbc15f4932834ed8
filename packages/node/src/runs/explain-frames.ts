import { type ExplainResult, jsonText } from "@whybox/core";
import { explainPixels } from "../images/explain-image.js";
import { drawWhole } from "../images/plan-outputs.js";
import { createStageClock } from "../images/stage-clock.js";
import { carryMaps } from "./carry-maps.js";
import { type Measured, measure, plainDetection } from "./measure.js";
import { type FrameLine, type MapLine, noTime, runFilesVersion } from "./schema.js";
import type { Outcome, Task } from "./task.js";
import { failure, perDetection, type TaskContext } from "./task-context.js";
import type { VideoFrame } from "./video/read-video.js";

type Done = Extract<Outcome, { ok: true }>;

/** An explained frame. Its maps are copied to the following frames. */
interface KeyFrame {
  readonly frame: number;
  readonly result: ExplainResult;
  readonly measured: Measured;
}

/**
 * Explains the first frame. The other frames only run the detection, and get its maps. A frame is explained too when its size
 * differs, or when it contains no object of the explained frame (a cut). The frames after it get its maps. Stops at the first
 * failure.
 */
export async function explainFrames(
  { item, frames }: Extract<Task, { kind: "frames" }>,
  context: TaskContext,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  let key: KeyFrame | undefined;
  try {
    for (const frame of frames) {
      const carried = key === undefined ? undefined : await carryFrame(item, frame, key, context);
      if (carried === undefined) {
        const explained = await explainFrame(item, frame, context);
        key = explained.key;
        outcomes.push(explained.outcome);
      } else outcomes.push(carried);
    }
  } catch (error) {
    outcomes.push(failure(error, context));
  }
  return outcomes;
}

async function explainFrame(item: number, { frame, time, image }: VideoFrame, context: TaskContext) {
  const clock = createStageClock(noTime);
  const result = await explainPixels(image, context, clock);
  const measured = await clock.of("measure", () => measure(result, { perDetection: perDetection(context) }));
  const { services, settings } = context;
  const overlay = await clock.of("write", () => drawWhole({ image, result, services, settings }));
  const lines = linesOf({ v: runFilesVersion, item, frame, time, ...measured.found }, measured.maps);
  const outcome: Done = { ok: true, ...lines, ms: clock.ms, files: [], overlay };
  return { outcome, key: { frame, result, measured } };
}

/** Returns undefined when the frame must be explained. */
async function carryFrame(
  item: number,
  { frame, time, image }: VideoFrame,
  key: KeyFrame,
  { alone, detector, settings, services }: TaskContext,
): Promise<Done | undefined> {
  const [height, width] = key.result.letterbox.imageSize;
  if (image.height !== height || image.width !== width) return undefined;
  const clock = createStageClock(noTime);
  const { detections } = await alone(() => clock.of("explain", () => detector.detect(image, settings.explain)));
  const carried = carryMaps(key.measured, detections.map(plainDetection));
  if (detections.length > 0 && carried.matched.length === 0) return undefined;
  const isEmpty = detections.length === 0;
  const { classNames } = settings.explain;
  // New objects have a box but no heat.
  const shown = carried.detections.flatMap(({ explained, name }, i) => {
    const isNew = !carried.matched.includes(i) && (classNames.length === 0 || classNames.includes(name));
    return explained || isNew ? [i] : [];
  });
  const line: FrameLine = {
    ...{ v: runFilesVersion, item, frame, time },
    ...(isEmpty ? {} : { mapFrame: key.frame }),
    size: key.measured.found.size,
    detections: carried.detections,
    empty: isEmpty ? { reason: "no-detection", message: NOTHING } : key.measured.found.empty,
    messages: isEmpty ? [] : key.measured.found.messages,
  };
  const overlay = await clock.of("write", () =>
    drawWhole({
      ...{ image, services, settings, caption: `map of frame ${key.frame}` },
      result: { ...key.result, detections, explained: shown },
    }),
  );
  return { ok: true, ...linesOf(line, carried.maps), ms: clock.ms, files: [], overlay };
}

const NOTHING = "Nothing was detected in this frame.";

function linesOf(line: FrameLine, maps: MapLine["maps"]) {
  const mapLine: MapLine = { v: runFilesVersion, item: line.item, frame: line.frame, maps };
  return { result: jsonText(line), maps: JSON.stringify(mapLine), detections: line.detections.length };
}
