import type { Detection, Predictions } from "../../detector/detection.js";
import { overAll } from "../../metrics/curve-area.js";
import { isInBox } from "../../metrics/energy-in-box.js";
import { heatOrder } from "../../metrics/heat-order.js";
import type { PerturbationCurve } from "../../metrics/metric.js";
import type { MeasuredCurves } from "../result/measurement.js";
import type { Change, ChangedImages } from "./changed-images.js";
import type { Protocol } from "./protocols.js";
import { MIN_SCORE, type Sought, soughtOf, stillThere } from "./still-there.js";

/** Each step halves the interval that a region lies in. */
export const REGION_STEPS = 4;
/** A region decides if it changes the score by this share. */
const HALF = 0.5;

/** The pixels of a map, hottest first: of the whole image, and of the box. */
export interface Orders {
  readonly image: Uint32Array;
  readonly box: Uint32Array;
}

/** The curve in which a region is searched. */
interface RegionSearch {
  readonly protocol: Protocol;
  readonly curve: PerturbationCurve;
  readonly orders: Orders;
}

/** A score for each change of a protocol. */
type Scores<T> = Readonly<Record<Change, T>>;

const none = new Uint32Array(0);

/**
 * Prepares detections of one image for some protocols. Their scores with all pixels replaced come from runs that they share. A detection
 * whose score is 0 on the original image is undefined. @throws runtime, aborted.
 */
export async function openSubjects(
  images: ChangedImages,
  detections: readonly Detection[],
  protocols: readonly Protocol[],
): Promise<(Subject | undefined)[]> {
  const { predictions, letterbox } = images.forward;
  const sought = detections.map((detection) => soughtOf(predictions, detection, letterbox));
  const scores = sought.map((one) => stillThere(predictions, one));
  const subjects = detections.map((detection, i) =>
    scores[i]! < MIN_SCORE ? undefined : new Subject(images, detection, { sought: sought[i]!, score: scores[i]! }),
  );
  if (subjects.every((subject) => subject === undefined)) return subjects;
  for (const protocol of protocols.filter(({ withinBox }) => !withinBox)) {
    const read = (found: Predictions) => sought.map((one) => stillThere(found, one));
    const [deletion] = await images.run(images.blend("deletion", protocol), [images.pixels], read);
    const [insertion] = await images.run(images.blend("insertion", protocol), [none], read);
    for (const [i, subject] of subjects.entries()) {
      subject?.ends.set(protocol, { deletion: deletion![i]!, insertion: insertion![i]! });
    }
  }
  return subjects;
}

/** A detection whose maps are measured. */
export class Subject {
  readonly images: ChangedImages;
  readonly detection: Detection;
  /** The score on the original image. */
  readonly score: number;
  /** The scores with all pixels replaced. */
  readonly ends = new Map<Protocol, Scores<number>>();
  /** Number of changed images that the network ran on. */
  count = 0;
  readonly #sought: Sought;
  readonly #isInBox: (pixel: number) => boolean;
  readonly #outside: Uint32Array;
  readonly #boxPixels: Uint32Array;

  constructor(
    images: ChangedImages,
    detection: Detection,
    { sought, score }: { readonly sought: Sought; readonly score: number },
  ) {
    const [, width] = images.image.size;
    this.images = images;
    this.detection = detection;
    this.score = score;
    this.#sought = sought;
    this.#isInBox = (pixel) => isInBox(pixel % width, Math.floor(pixel / width), detection.boxInput);
    this.#boxPixels = images.pixels.filter(this.#isInBox);
    this.#outside = images.pixels.filter((pixel) => !this.#isInBox(pixel));
  }

  ordersOf(values: Float32Array, seed: number): Orders {
    const image = heatOrder(values, this.images.pixels, seed);
    return { image, box: image.filter(this.#isInBox) };
  }

  /** The curves of a map by each protocol. Protocols with the same fill share batches. */
  async curves(orders: Orders, protocols: readonly Protocol[]): Promise<MeasuredCurves[]> {
    for (const protocol of protocols) if (!this.ends.has(protocol)) await this.#measureEnds(protocol);
    const deletion = await this.#scoresAt("deletion", orders, protocols);
    const insertion = await this.#scoresAt("insertion", orders, protocols);
    return protocols.map((protocol) => {
      const ends = this.ends.get(protocol)!;
      const fractions = [0, ...protocol.shares, 1];
      const curve = (values: readonly number[]): PerturbationCurve => ({
        fractions,
        scores: values.map((value) => value / this.score),
      });
      const deleted = curve([this.score, ...deletion.get(protocol)!, ends.deletion]);
      const inserted = curve([ends.insertion, ...insertion.get(protocol)!, this.score]);
      return { deletion: deleted, insertion: inserted, overAll: overAll(inserted, deleted) };
    });
  }

  /** The smallest share that halves or restores the score: the first interval of the curve with a change, narrowed by bisection. */
  async region(change: Change, { protocol, curve, orders }: RegionSearch): Promise<number | null> {
    const { fractions, scores } = curve;
    const decides = (share: number) => (change === "deletion" ? share <= HALF : share >= HALF);
    const first = scores.findIndex(decides);
    if (first <= 0) return first === 0 ? 0 : null;
    let [low, high] = [fractions[first - 1]!, fractions[first]!];
    for (let step = 0; step < REGION_STEPS; step++) {
      const middle = (low + high) / 2;
      const [score] = await this.#scores(change, protocol, [
        this.#changed(change, protocol, { orders, share: middle }),
      ]);
      if (decides(score! / this.score)) high = middle;
      else low = middle;
    }
    return high;
  }

  /** A share of the image as a multiple of the area of the box. */
  overBox(share: number): number {
    return (share * this.images.pixels.length) / Math.max(1, this.#boxPixels.length);
  }

  async #measureEnds(protocol: Protocol): Promise<void> {
    const [deletion] = await this.#scores("deletion", protocol, [this.#boxPixels]);
    const [insertion] = await this.#scores("insertion", protocol, [this.#outside]);
    this.ends.set(protocol, { deletion: deletion!, insertion: insertion! });
  }

  async #scoresAt(
    change: Change,
    orders: Orders,
    protocols: readonly Protocol[],
  ): Promise<Map<Protocol, readonly number[]>> {
    const found = new Map<Protocol, readonly number[]>();
    for (const fill of new Set(protocols.map((protocol) => protocol[change]))) {
      const alike = protocols.filter((protocol) => protocol[change] === fill);
      const selected = alike.flatMap((protocol) =>
        protocol.shares.map((share) => this.#changed(change, protocol, { orders, share })),
      );
      const scores = await this.#scores(change, alike[0]!, selected);
      for (const protocol of alike) found.set(protocol, scores.splice(0, protocol.shares.length));
    }
    return found;
  }

  /** The pixels that are replaced (deletion), or that are those of the image (insertion). */
  #changed(change: Change, protocol: Protocol, { orders, share }: { orders: Orders; share: number }): Uint32Array {
    if (!protocol.withinBox) return hottest(orders.image, share);
    const pixels = hottest(orders.box, share);
    return change === "deletion" ? pixels : joined(this.#outside, pixels);
  }

  async #scores(change: Change, protocol: Protocol, selected: readonly Uint32Array[]): Promise<number[]> {
    this.count += selected.length;
    const blend = this.images.blend(change, protocol);
    return this.images.run(blend, selected, (predictions) => stillThere(predictions, this.#sought));
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
