import { type CheckedMap, type CheckResult, type Interval, meanInterval } from "@whybox/core";
import { type CheckId, type CheckVerdict, high, low, MIN_IMAGES } from "./check-rules.js";

/** One check of one method. */
export interface CheckFigures {
  readonly verdict: CheckVerdict;
  /** Number of maps that were compared, and of the images that they belong to. */
  readonly maps: number;
  readonly images: number;
  /** Rank correlation with the original map: the mean over the maps with its interval over images. Null if no map was compared, and for `repeat`. */
  readonly correlation: Interval | null;
  /** For swaps: the share of maps that the swap changes more than noise does, 0..1. Null for other checks. */
  readonly changed: Interval | null;
  /** For `weights`: the correlation within the box beyond a Gaussian at it, when all weights are random. Null for other checks. */
  readonly beyondBox: Interval | null;
  /** For `repeat`: the number of maps that had the same bits. Null for other checks. */
  readonly same: number | null;
  /** For `weights`: the correlation over the image at each stage. Null for other checks. */
  readonly stages: readonly Interval[] | null;
  /** For `weights`: the number of maps without heat when all weights were random. They count as unlike the original. Null for other checks. */
  readonly withoutHeat: number | null;
  /** Why the verdict is "undecided" or "not-possible". Null otherwise. */
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
  const values: Read = (read) =>
    maps.flatMap((map) => {
      const value = read(map);
      return value === undefined ? [] : [{ image: imageOf(map), value }];
    });
  const stays = (read: (map: CheckedMap) => number | undefined, absent: string) =>
    figuresOf(values(read), { absent, judged: intervalOf(values(read)), rule: high });
  return {
    weights: weightCheck(values, result),
    "class-swap": swapCheck(values, ({ classSwap }) => classSwap, "the model has one class"),
    "box-swap": swapCheck(values, ({ boxSwap }) => boxSwap, "no image has a second detection"),
    noise: stays(({ noise }) => noise, "no map was compared"),
    seed: stays(({ seed }) => seed, "the method uses no random numbers"),
    repeat: repeated(maps, imageOf),
  };
}

/** Reads a value of each map. Maps without the value are left out. */
type Read = (read: (map: CheckedMap) => number | undefined) => Value[];

function weightCheck(values: Read, { stages, noStages = "no weight was randomised" }: CheckResult): CheckFigures {
  const last = stages.length - 1;
  const correlations = values(({ weights }) => weights[last]?.image);
  const beyondBox = intervalOf(values(({ weights }) => weights[last]?.beyondBox));
  const figures = figuresOf(correlations, { absent: noStages, judged: beyondBox, rule: low });
  if (last < 0) return figures;
  return {
    ...{ ...figures, beyondBox },
    stages: stages.map((_, stage) => intervalOf(values(({ weights }) => weights[stage]!.image))!),
    withoutHeat: values(({ weights }) => (weights[last]!.hasHeat ? undefined : 0)).length,
  };
}

function swapCheck(values: Read, swapped: (map: CheckedMap) => number | undefined, absent: string): CheckFigures {
  const changes = values((map) => {
    const correlation = swapped(map);
    return correlation === undefined ? undefined : Number(correlation < map.noise);
  });
  const changed = intervalOf(changes);
  return { ...figuresOf(values(swapped), { absent, judged: changed, rule: high }), changed };
}

interface Judgement {
  /** Why there is nothing to judge. */
  readonly absent: string;
  /** The figure that the verdict is made from. */
  readonly judged: Interval | null;
  readonly rule: (interval: Interval) => CheckVerdict;
}

/** The fields that only some checks have. */
const others = { changed: null, beyondBox: null, same: null, stages: null, withoutHeat: null } as const;

function figuresOf(values: readonly Value[], { absent, judged, rule }: Judgement): CheckFigures {
  const images = new Set(values.map(({ image }) => image)).size;
  const common = { maps: values.length, images, correlation: intervalOf(values), ...others };
  if (judged === null) return { ...common, verdict: "not-possible", why: absent };
  if (images < MIN_IMAGES) return { ...common, verdict: "undecided", why: tooFew(images) };
  const verdict = rule(judged);
  return { ...common, verdict, why: verdict === "undecided" ? "the interval contains the limit" : null };
}

function repeated(maps: readonly CheckedMap[], imageOf: (map: CheckedMap) => string): CheckFigures {
  const same = maps.filter((map) => map.repeated).length;
  const images = new Set(maps.map(imageOf)).size;
  const verdict = same === maps.length ? "pass" : "fail";
  return { ...others, verdict, maps: maps.length, images, correlation: null, same, why: null };
}

function intervalOf(values: readonly Value[]): Interval | null {
  if (values.length === 0) return null;
  return meanInterval(
    values.map(({ value }) => value),
    { groups: values.map(({ image }) => image) },
  );
}

function tooFew(images: number): string {
  return `n = ${images}; at least ${MIN_IMAGES} images needed`;
}
