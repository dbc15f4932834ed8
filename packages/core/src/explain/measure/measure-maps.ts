import type { Detection, Predictions } from "../../detector/detection.js";
import { blurPart } from "../../image/blur.js";
import type { Size } from "../../image/frame.js";
import { contentOf, GREY } from "../../image/letterbox.js";
import { overAll } from "../../metrics/curve-area.js";
import { isInBox } from "../../metrics/energy-in-box.js";
import { gaussianAtBox } from "../../metrics/gaussian-at-box.js";
import { heatOrder } from "../../metrics/heat-order.js";
import type { PerturbationCurve } from "../../metrics/metric.js";
import type { Map2D } from "../../tensor/tensor.js";
import type { ExplainJob } from "../job.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import type { MapFigures, MeasuredCurves, Measurement, RegionFigures } from "../result/measurement.js";
import type { Groups } from "../targets/choose-targets.js";
import { ASKED } from "../targets/detection-score.js";
import { type Blend, BlendRuns } from "./blend-runs.js";
import { MIN_SCORE, stillThere } from "./still-there.js";

/** Shares of the image whose pixels are changed: (i / 10)^1.5 for i = 1, 2, 3, 5, 7. */
const SHARES = [1, 2, 3, 5, 7].map((i) => (i / 10) ** 1.5);
/** Shares of the box. */
const BOX_SHARES = [0.15, 0.35, 0.65];
/** Standard deviation of the blur, in input pixels. */
const BLUR = 20;
/** Each step halves the interval that a region lies in. */
const REGION_STEPS = 4;
/** A region decides if it changes the score by this share. */
const HALF = 0.5;

/** Changed images of the whole image (all grey and all blurred), of each detection, and of each map at most. */
const IMAGES = { image: 2, detection: 2, map: 2 * (SHARES.length + BOX_SHARES.length), regions: 2 * REGION_STEPS };

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
  const subjects = groups.flatMap(([detection], group) => {
    const score = stillThere(forward.predictions, detection!);
    return score < MIN_SCORE ? [] : [{ detection: detection!, score, group }];
  });
  if (subjects.length === 0) return [];
  const images = new ChangedImages(job, forward);
  const read = (predictions: Predictions) => subjects.map(({ detection }) => stillThere(predictions, detection));
  const [grey] = await images.run(images.deletion, [images.pixels], read);
  const [blurred] = await images.run(images.insertion, [none], read);
  const measured: Measurement[] = [];
  for (const [i, { group, ...subject }] of subjects.entries()) {
    const ends = { deletion: grey![i]!, insertion: blurred![i]! };
    measured.push(await new Subject(images, { ...subject, ends }).measure(mapOf(group), job.options.seed));
  }
  return measured;
}

const none = new Uint32Array(0);

/** The image and what replaces its pixels. The padding never changes. */
class ChangedImages extends BlendRuns {
  readonly size: Size;
  /** All pixels of the image in the input. */
  readonly pixels: Uint32Array;
  /** Selected pixels become grey. */
  readonly deletion: Blend;
  /** Selected pixels become sharp. */
  readonly insertion: Blend;

  constructor(job: ExplainJob, forward: ForwardResult) {
    super(job, forward);
    const { input, letterbox } = forward;
    const [height, width] = letterbox.inputSize;
    const part = contentOf(letterbox);
    this.size = letterbox.inputSize;
    this.pixels = Uint32Array.from({ length: part.height * part.width }, (_, i) => {
      return (part.top + Math.floor(i / part.width)) * width + part.left + (i % part.width);
    });
    this.deletion = { from: input, to: new Float32Array(3 * height * width).fill(GREY / 255) };
    this.insertion = { from: blurPart(input, this.size, part, BLUR), to: input };
  }
}

/** Scores if all pixels are replaced. */
interface Ends {
  readonly deletion: number;
  readonly insertion: number;
}

/** A detection to measure. */
interface SubjectFacts {
  readonly detection: Detection;
  readonly score: number;
  readonly ends: Ends;
}

/** The pixels of a map, hottest first: of the whole image, and of the box. */
interface Orders {
  readonly image: Uint32Array;
  readonly box: Uint32Array;
}

/** Measures maps of one detection. */
class Subject {
  readonly #images: ChangedImages;
  readonly #facts: SubjectFacts;
  readonly #isInBox: (pixel: number) => boolean;
  readonly #outside: Uint32Array;
  readonly #boxPixels: Uint32Array;
  #count = 0;

  constructor(images: ChangedImages, facts: SubjectFacts) {
    const { boxInput } = facts.detection;
    const [, width] = images.size;
    this.#images = images;
    this.#facts = facts;
    this.#isInBox = (pixel) => isInBox(pixel % width, Math.floor(pixel / width), boxInput);
    this.#boxPixels = images.pixels.filter(this.#isInBox);
    this.#outside = images.pixels.filter((pixel) => !this.#isInBox(pixel));
  }

  async measure(map: Map2D, seed: number): Promise<Measurement> {
    const { detection, score } = this.#facts;
    const [height, width] = this.#images.size;
    // One order breaks the ties of all maps. It is also the random map.
    const orders = [map.data, gaussianAtBox(height, width, detection.boxInput).data, new Float32Array(height * width)];
    const [own, gaussian, random] = orders.map((values) => this.#ordersOf(values, seed)) as [Orders, Orders, Orders];
    const boxEnds = await this.#boxEnds();
    const figures = [await this.#figures(own, boxEnds), await this.#figures(gaussian, boxEnds)] as const;
    return {
      detections: detection.index === ASKED ? [] : [detection.index],
      className: detection.className,
      score,
      map: await this.#withRegions(figures[0], own),
      gaussian: await this.#withRegions(figures[1], gaussian),
      random: await this.#figures(random, boxEnds),
      images: this.#count,
    };
  }

  #ordersOf(values: Float32Array, seed: number): Orders {
    const image = heatOrder(values, this.#images.pixels, seed);
    return { image, box: image.filter(this.#isInBox) };
  }

  async #boxEnds(): Promise<Ends> {
    const [deletion] = await this.#scores("deletion", [this.#boxPixels]);
    const [insertion] = await this.#scores("insertion", [this.#outside]);
    return { deletion: deletion!, insertion: insertion! };
  }

  async #figures({ image, box }: Orders, boxEnds: Ends): Promise<MapFigures> {
    const parts = SHARES.map((share) => hottest(image, share));
    const boxParts = BOX_SHARES.map((share) => hottest(box, share));
    const sharp = boxParts.map((pixels) => joined(this.#outside, pixels));
    const { ends } = this.#facts;
    const deletion = await this.#scores("deletion", [...parts, ...boxParts]);
    const insertion = await this.#scores("insertion", [...parts, ...sharp]);
    const [count, end] = [SHARES.length, deletion.length];
    const whole = { deletion: deletion.slice(0, count), insertion: insertion.slice(0, count) };
    const within = { deletion: deletion.slice(count, end), insertion: insertion.slice(count, end) };
    return { ...this.#curves(SHARES, whole, ends), withinBox: this.#curves(BOX_SHARES, within, boxEnds) };
  }

  #curves(
    shares: readonly number[],
    scores: Readonly<Record<"deletion" | "insertion", readonly number[]>>,
    ends: Ends,
  ): MeasuredCurves {
    const { score } = this.#facts;
    const fractions = [0, ...shares, 1];
    const curve = (values: readonly number[]): PerturbationCurve => ({
      fractions,
      scores: values.map((value) => value / score),
    });
    const deletion = curve([score, ...scores.deletion, ends.deletion]);
    const insertion = curve([ends.insertion, ...scores.insertion, score]);
    return { deletion, insertion, overAll: overAll(insertion, deletion) };
  }

  async #withRegions(figures: MapFigures, { image }: Orders): Promise<RegionFigures> {
    const removal = await this.#region("deletion", figures.deletion, image);
    const sufficient = await this.#region("insertion", figures.insertion, image);
    const overBox = (sufficient! * image.length) / Math.max(1, this.#boxPixels.length);
    return { ...figures, removal, sufficient: sufficient!, sufficientOverBox: overBox };
  }

  /** The smallest share that halves or restores the score: the first interval of the curve with a change, narrowed by bisection. */
  async #region(
    kind: keyof Ends,
    { fractions, scores }: PerturbationCurve,
    order: Uint32Array,
  ): Promise<number | null> {
    const decides = (share: number) => (kind === "deletion" ? share <= HALF : share >= HALF);
    const first = scores.findIndex(decides);
    if (first <= 0) return first === 0 ? 0 : null;
    let [low, high] = [fractions[first - 1]!, fractions[first]!];
    for (let step = 0; step < REGION_STEPS; step++) {
      const middle = (low + high) / 2;
      const [score] = await this.#scores(kind, [hottest(order, middle)]);
      if (decides(score! / this.#facts.score)) high = middle;
      else low = middle;
    }
    return high;
  }

  async #scores(kind: keyof Ends, selected: readonly Uint32Array[]): Promise<number[]> {
    this.#count += selected.length;
    const blend = this.#images[kind];
    return this.#images.run(blend, selected, (predictions) => stillThere(predictions, this.#facts.detection));
  }
}

function hottest(order: Uint32Array, share: number): Uint32Array {
  return order.subarray(0, Math.round(share * order.length));
}

function joined(a: Uint32Array, b: Uint32Array): Uint32Array {
  const all = new Uint32Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
