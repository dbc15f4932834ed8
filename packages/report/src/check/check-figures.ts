import { type CheckedMap, type CheckResult, type Interval, meanInterval } from "@whybox/core";
import {
  agreement,
  type CheckId,
  type CheckVerdict,
  difference,
  MIN_IMAGES,
  margin as marginRule,
} from "./check-rules.js";

/** One check of one method. */
export interface CheckFigures {
  readonly verdict: CheckVerdict;
  /** Number of maps that were compared, and of the images that they belong to. */
  readonly maps: number;
  readonly images: number;
  /** Rank correlation with the original map: the mean over the maps with its interval over images. Null if no map was compared, and for `repeat`. */
  readonly correlation: Interval | null;
  /** For swaps: the correlation under noise minus that of the swap, of the same map. Null for other checks. */
  readonly margin: Interval | null;
  /** For `repeat`: the number of maps that had the same bits. Null for other checks. */
  readonly same: number | null;
  /** For `weights`: the correlation at each stage. Null for other checks. */
  readonly stages: readonly (Interval | null)[] | null;
  /** Why the verdict is "not-decided" or "not-possible". Null otherwise. */
  readonly why: string | null;
}

/** A value of one map, and the image of the map. */
interface Value {
  readonly image: string;
  readonly value: number;
}

/** Judges all checks of one method. */
export function judge(method: string, result: CheckResult): Record<CheckId, CheckFigures> {
  const maps = result.maps.filter((map) => map.method === method);
  const imageOf = ({ detection }: CheckedMap) => result.detections[detection]!.image;
  const values = (read: (map: CheckedMap) => number | undefined): Value[] =>
    maps.flatMap((map) => {
      const value = read(map);
      return value === undefined ? [] : [{ image: imageOf(map), value }];
    });
  const swap = (read: (map: CheckedMap) => number | undefined, absent: string): CheckFigures => {
    const correlations = values(read);
    const margins = values((map) => {
      const swapped = read(map);
      return swapped === undefined ? undefined : map.noise - swapped;
    });
    const margin = intervalOf(margins);
    return decided(correlations, { absent, margin, verdict: margin && marginRule(margin) });
  };
  const compared = (found: readonly Value[], rule: (interval: Interval) => CheckVerdict, absent: string) => {
    const interval = intervalOf(found);
    return decided(found, { absent, verdict: interval && rule(interval) });
  };
  const last = result.stages.length - 1;
  const stages = result.stages.map((_, stage) => intervalOf(values((map) => map.weights[stage])));
  const weights = compared(
    values((map) => map.weights[last]),
    difference,
    result.noStages ?? "no weight was randomised",
  );
  return {
    repeat: repeated(maps, imageOf),
    noise: compared(
      values(({ noise }) => noise),
      agreement,
      "no map was compared",
    ),
    seed: compared(
      values(({ seed }) => seed),
      agreement,
      "the method uses no random numbers",
    ),
    weights: { ...weights, stages: result.noStages === undefined ? stages : null },
    "class-swap": swap(({ classSwap }) => classSwap, "the model has one class"),
    "box-swap": swap(({ boxSwap }) => boxSwap, "no image has a second detection"),
  };
}

interface Decision {
  readonly absent: string;
  readonly margin?: Interval | null;
  readonly verdict: CheckVerdict | null;
}

function decided(values: readonly Value[], { absent, margin = null, verdict }: Decision): CheckFigures {
  const images = imagesOf(values);
  const common = { maps: values.length, images, correlation: intervalOf(values), margin, same: null, stages: null };
  if (verdict === null) return { ...common, verdict: "not-possible", why: absent };
  if (images < MIN_IMAGES) return { ...common, verdict: "not-decided", why: tooFew(images) };
  return { ...common, verdict, why: verdict === "not-decided" ? "the interval contains the limit" : null };
}

function repeated(maps: readonly CheckedMap[], imageOf: (map: CheckedMap) => string): CheckFigures {
  const same = maps.filter((map) => map.repeated).length;
  const images = new Set(maps.map(imageOf)).size;
  const verdict = same === maps.length ? "pass" : "fail";
  return { verdict, maps: maps.length, images, correlation: null, margin: null, same, stages: null, why: null };
}

function intervalOf(values: readonly Value[]): Interval | null {
  if (values.length === 0) return null;
  return meanInterval(
    values.map(({ value }) => value),
    { groups: values.map(({ image }) => image) },
  );
}

function imagesOf(values: readonly Value[]): number {
  return new Set(values.map(({ image }) => image)).size;
}

function tooFew(images: number): string {
  return `${images} image${images === 1 ? "" : "s"}; ${MIN_IMAGES} are needed`;
}
