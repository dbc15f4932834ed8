import { createRandom } from "../../algebra/random.js";
import { throwIfAborted } from "../../errors.js";
import type { RgbImage } from "../../image/frame.js";
import type { AnyCamMethod } from "../../methods/index.js";
import { gaussianAtBox } from "../../metrics/gaussian-at-box.js";
import { isFlat, rankCorrelation, rankCorrelationBeyond } from "../../metrics/rank-correlation.js";
import { sampleGrid } from "../../metrics/sample-grid.js";
import type { Map2D } from "../../tensor/tensor.js";
import type { ExplainProgress } from "../progress.js";
import { type CheckedMap, checkControl, type WeightFigures } from "./check-result.js";
import type { MapMaker, MapTarget } from "./map-maker.js";
import type { Subject } from "./subjects.js";

/** Maps are compared on cells: so many along each side of the image, and of the box. */
const CELLS = { image: 64, box: 32 } as const;

/** A map on the cells of the image, and on those of the box. */
interface Cells {
  readonly image: Float32Array;
  readonly box: Float32Array;
}

/** What is checked. */
export interface CheckWork {
  readonly subjects: readonly Subject[];
  readonly methods: readonly AnyCamMethod[];
  readonly classNames: readonly string[];
  /** Number of stages of the randomisation. */
  readonly stages: number;
  readonly seed: number;
  readonly noise: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: ExplainProgress) => void) | undefined;
}

/** One map, with what is known of it so far. */
interface Entry {
  readonly subject: number;
  readonly method: AnyCamMethod | undefined;
  readonly original: Cells;
  readonly figures: Omit<CheckedMap, "detection" | "method" | "weights">;
  readonly weights: WeightFigures[];
}

/** Makes the maps of a check, one image after another, and compares them. It keeps a small grid of each original map. */
export class CheckRun {
  readonly #work: CheckWork;
  readonly #entries: Entry[] = [];
  #done = 0;

  constructor(work: CheckWork) {
    this.#work = work;
  }

  /** The figures of all maps: of each method, of the subjects in order. The control is last. */
  get maps(): CheckedMap[] {
    return this.#entries.map(({ subject, method, figures, weights }) => ({
      ...{ detection: subject, method: method?.id ?? checkControl },
      ...figures,
      weights,
    }));
  }

  /** Compares the maps of a method with those for another class, another detection, a noisy image, another seed, and the same call. */
  async compare(maker: MapMaker, method: AnyCamMethod): Promise<void> {
    this.#report(0);
    const { seed, noise } = this.#work;
    for await (const { image, subject, index } of this.#images()) {
      const noisy = withNoise(image, noise, createRandom(seed, index));
      this.#entries.push(await this.#entry(maker, { subject, index, method, image, noisy }));
    }
  }

  /** The same of the Gaussian at the box. It reads neither image, class nor network. */
  compareControl(): void {
    this.#entries.push(...this.#work.subjects.map(controlEntry));
  }

  /** Compares the maps of a network with random weights with the original ones. */
  async compareStage(maker: MapMaker, method: AnyCamMethod): Promise<void> {
    const own = this.#entries.filter((entry) => entry.method === method);
    for await (const { image, subject, index } of this.#images()) {
      const map = await this.#make(maker, method, { image, target: subject });
      addStage(own[index]!, subject, map);
    }
  }

  /** The same of the Gaussian at the box. */
  compareControlStage(): void {
    const { subjects } = this.#work;
    for (const entry of this.#entries) {
      const subject = subjects[entry.subject]!;
      if (entry.method === undefined) addStage(entry, subject, gaussianAt(subject));
    }
  }

  async #entry(maker: MapMaker, { subject, index, method, image, noisy }: EntryRequest): Promise<Entry> {
    const make = (given: Partial<Made> = {}) => this.#make(maker, method, { image, target: subject, ...given });
    const map = await make();
    const original = cellsOf(map, subject);
    const compared = async (given: Partial<Made>) =>
      rankCorrelation(original.image, cellsOf(await make(given), subject).image);
    const again = await make();
    const otherClass = this.#otherClass(subject);
    return {
      ...{ subject: index, method, original, weights: [] },
      figures: {
        repeated: sameBits(map.data, again.data),
        noise: await compared({ image: noisy }),
        seed: method.usesSeed === true ? await compared({ seed: this.#work.seed + 1 }) : undefined,
        classSwap: otherClass && (await compared({ target: { ...subject, detection: otherClass } })),
        boxSwap: subject.other && (await compared({ target: subject.other })),
      },
    };
  }

  /** The detection as one of its second best class. Undefined if the model has one class. */
  #otherClass({ detection, rows }: Subject) {
    const classIndex = rows.otherClass;
    return classIndex === undefined
      ? undefined
      : { ...detection, classIndex, className: this.#work.classNames[classIndex]! };
  }

  async #make(maker: MapMaker, method: AnyCamMethod, { image, target, seed = this.#work.seed }: Made) {
    throwIfAborted(this.#work.signal);
    const map = await maker.map({ image, method, target, seed });
    this.#report(1);
    return map;
  }

  /** The subjects with their images. One image is in memory at a time. */
  async *#images() {
    let last: { readonly name: string; readonly image: RgbImage } | undefined;
    for (const [index, subject] of this.#work.subjects.entries()) {
      throwIfAborted(this.#work.signal);
      if (last?.name !== subject.image.name) last = { name: subject.image.name, image: await subject.image.open() };
      yield { image: last.image, subject, index };
    }
  }

  #report(made: number): void {
    this.#done += made;
    this.#work.onProgress?.({ done: this.#done, total: mapCount(this.#work) });
  }
}

interface EntryRequest {
  readonly subject: Subject;
  readonly index: number;
  readonly method: AnyCamMethod;
  readonly image: RgbImage;
  readonly noisy: RgbImage;
}

interface Made {
  readonly image: RgbImage;
  readonly target: MapTarget;
  readonly seed?: number;
}

/** The number of maps that a check makes. */
export function mapCount({ subjects, methods, classNames, stages }: CheckWork): number {
  const others = subjects.filter(({ other }) => other !== undefined).length;
  const always = 3 + Number(classNames.length > 1) + stages;
  const seeded = methods.filter(({ usesSeed }) => usesSeed === true).length;
  return methods.length * (subjects.length * always + others) + seeded * subjects.length;
}

/** The Gaussian at the box, compared like a map of a method. */
function controlEntry(subject: Subject, index: number): Entry {
  const [map, again] = [gaussianAt(subject), gaussianAt(subject)];
  const [original, same] = [cellsOf(map, subject), cellsOf(again, subject)];
  const unchanged = rankCorrelation(original.image, same.image);
  const { other } = subject;
  return {
    ...{ subject: index, method: undefined, original, weights: [] },
    figures: {
      ...{ repeated: sameBits(map.data, again.data), noise: unchanged, seed: undefined, classSwap: unchanged },
      boxSwap: other && rankCorrelation(original.image, cellsOf(gaussianAt({ ...subject, ...other }), subject).image),
    },
  };
}

function gaussianAt({ imageSize: [height, width], detection }: Pick<Subject, "imageSize" | "detection">): Map2D {
  return gaussianAtBox(height, width, detection.boxImage);
}

/** Adds the figures of a map of the network with random weights. A map without heat is unlike every map with heat. */
function addStage({ original, weights }: Entry, subject: Subject, map: Map2D): void {
  const [found, gaussian] = [cellsOf(map, subject), cellsOf(gaussianAt(subject), subject)];
  // In a box without heat there is nothing to compare.
  const part = isFlat(original.box) ? "image" : "box";
  weights.push({
    image: rankCorrelation(original.image, found.image),
    beyondBox: rankCorrelationBeyond(original[part], found[part], gaussian[part]),
    hasHeat: !isFlat(found.image),
  });
}

function cellsOf(map: Map2D, { detection }: Pick<Subject, "detection">): Cells {
  return {
    image: sampleGrid(map, { x1: 0, y1: 0, x2: map.width, y2: map.height }, CELLS.image),
    box: sampleGrid(map, detection.boxImage, CELLS.box),
  };
}

/** Whether two maps are equal. NaN differs from NaN: such a map is no success. */
function sameBits(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/** Adds normal noise to each value. @param share its standard deviation, as a share of the largest value. */
function withNoise(
  { height, width, data }: RgbImage,
  share: number,
  random: ReturnType<typeof createRandom>,
): RgbImage {
  // A Uint8ClampedArray rounds and clamps.
  return { height, width, data: Uint8ClampedArray.from(data, (value) => value + 255 * share * random.normal()) };
}
