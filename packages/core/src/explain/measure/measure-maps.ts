import { gaussianAtBox } from "../../metrics/gaussian-at-box.js";
import type { Map2D } from "../../tensor/tensor.js";
import type { ExplainJob } from "../job.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import type { MapFigures, Measurement, RegionFigures } from "../result/measurement.js";
import type { Groups } from "../targets/choose-targets.js";
import { ASKED } from "../targets/detection-score.js";
import { ChangedImages } from "./changed-images.js";
import { type Orders, openSubjects, REGION_STEPS, type Subject } from "./measured-subject.js";
import { PROTOCOL_A, PROTOCOL_W } from "./protocols.js";

/** The protocols of a measurement: over the whole image, and within the box. */
const PROTOCOLS = [PROTOCOL_A, PROTOCOL_W];
const SHARES = PROTOCOL_A.shares.length + PROTOCOL_W.shares.length;

/** Changed images of the whole image (all grey and all blurred), of each detection, and of each map at most. */
const IMAGES = { image: 2, detection: 2, map: 2 * SHARES, regions: 2 * REGION_STEPS };

/** The maximum number of runs that a measurement of so many maps takes. */
export function measurementRuns(maps: number): number {
  return maps === 0 ? 0 : IMAGES.image + maps * (IMAGES.detection + 3 * IMAGES.map + 2 * IMAGES.regions);
}

/** The maps to measure. */
export interface MeasuredMaps {
  readonly forward: ForwardResult;
  /** One detection in each group. */
  readonly groups: Groups;
  /** The map of a group over the input. Any scale. */
  readonly mapOf: (group: number) => Map2D;
}

/** Measures the map of each group. A detection whose score is 0 on the original image has no measurement. @throws runtime, aborted. */
export async function measureMaps(job: ExplainJob, { forward, groups, mapOf }: MeasuredMaps): Promise<Measurement[]> {
  const detections = groups.map(([detection]) => detection!);
  const subjects = await openSubjects(new ChangedImages(job, forward), detections, PROTOCOLS);
  const measured: Measurement[] = [];
  for (const [group, subject] of subjects.entries()) {
    if (subject !== undefined) measured.push(await measure(subject, mapOf(group), job.options.seed));
  }
  return measured;
}

async function measure(subject: Subject, map: Map2D, seed: number): Promise<Measurement> {
  const { detection, score, images } = subject;
  const [height, width] = images.image.size;
  // One order breaks the ties of all maps. It is also the random map.
  const values = [map.data, gaussianAtBox(height, width, detection.boxInput).data, new Float32Array(height * width)];
  const [own, gaussian, random] = values.map((one) => subject.ordersOf(one, seed)) as [Orders, Orders, Orders];
  const figures = [await figuresOf(subject, own), await figuresOf(subject, gaussian)] as const;
  return {
    detections: detection.index === ASKED ? [] : [detection.index],
    className: detection.className,
    score,
    map: await withRegions(subject, figures[0], own),
    gaussian: await withRegions(subject, figures[1], gaussian),
    random: await figuresOf(subject, random),
    images: subject.count,
  };
}

async function figuresOf(subject: Subject, orders: Orders): Promise<MapFigures> {
  const [image, withinBox] = await subject.curves(orders, PROTOCOLS);
  return { ...image!, withinBox: withinBox! };
}

async function withRegions(subject: Subject, figures: MapFigures, orders: Orders): Promise<RegionFigures> {
  const removal = await subject.region("deletion", { protocol: PROTOCOL_A, curve: figures.deletion, orders });
  const sufficient = await subject.region("insertion", { protocol: PROTOCOL_A, curve: figures.insertion, orders });
  const sufficientOverBox = subject.overBox(sufficient!);
  return { ...figures, removal, sufficient: sufficient!, sufficientOverBox };
}
