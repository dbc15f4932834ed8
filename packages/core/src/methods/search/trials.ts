import type { Map2D } from "../../tensor/tensor.js";
import type { Blends } from "../method.js";
import { SHARES } from "./cost.js";
import type { SearchCurves } from "./found.js";
import type { Cells, Grid } from "./grid.js";

/** Standard deviation of the blur, as a share of the larger side of the input: 12 of 640 pixels. */
const BLUR = 12 / 640;
/** Weight of the support within the box. */
const WITHIN = 0.5;
/** The threshold of a share is found among about so many pixels, evenly spaced. */
const SAMPLED = 20_000;

/** One changed image for a map. `withinBox`: insertion in the box, with sharp surroundings. */
export interface Trial {
  readonly kind: "deletion" | "insertion" | "withinBox";
  readonly share: number;
}

/** A map and a trial of it. */
export interface TrialOf {
  readonly cells: Cells;
  readonly trial: Trial;
}

export const trials: readonly Trial[] = (["insertion", "deletion", "withinBox"] as const).flatMap((kind) =>
  SHARES.map((share) => ({ kind, share })),
);

/** Runs trials of maps. */
export class TrialRuns {
  readonly #blends: Blends;
  readonly #grid: Grid;
  /** 1 in the box, for the pixels of the grid. */
  readonly #inBox: Uint8Array;
  readonly #boxPixels: number;

  constructor(blends: Blends, grid: Grid) {
    this.#blends = blends;
    this.#grid = grid;
    const { x1, y1, x2, y2 } = blends.box;
    const { width, height, top, left } = grid;
    this.#inBox = Uint8Array.from({ length: height * width }, (_, i) => {
      const [x, y] = [left + (i % width) + 0.5, top + Math.floor(i / width) + 0.5];
      return Number(x >= x1 && x < x2 && y >= y1 && y < y2);
    });
    this.#boxPixels = Math.max(
      1,
      this.#inBox.reduce((sum, value) => sum + value, 0),
    );
  }

  /** The support in the image of each trial, as a share of that in the original image. @throws runtime, aborted. */
  async run(all: readonly TrialOf[]): Promise<Float64Array> {
    const found = new Float64Array(all.length);
    const { input, strength } = this.#blends;
    const sharpened = { from: blurredOf(this.#blends), to: input };
    for (const [isDeletion, blend] of [
      [false, sharpened],
      [true, { from: input, to: this.#blends.mean() }],
    ] as const) {
      const own = [...all.keys()].filter((i) => (all[i]!.trial.kind === "deletion") === isDeletion);
      if (own.length === 0) continue;
      const values = await this.#blends.strengths(blend, own.length, (i, into) => this.#fill(all[own[i]!]!, into));
      for (const [i, place] of own.entries()) found[place] = strength > 0 ? values[i]! / strength : 0;
    }
    return found;
  }

  #fill({ cells, trial: { kind, share } }: TrialOf, into: Float32Array): void {
    const isWithin = kind === "withinBox";
    into.fill(isWithin ? 1 : 0);
    const pixels = this.#grid.pixelsOf(cells);
    const least = this.#threshold(pixels, share, isWithin);
    const { width, height, top, left } = this.#grid;
    const inputWidth = this.#blends.size[1];
    for (let y = 0, i = 0; y < height; y++) {
      const start = (top + y) * inputWidth + left;
      for (let x = 0; x < width; x++, i++) {
        if (!isWithin || this.#inBox[i] === 1) into[start + x] = pixels.data[i]! >= least ? 1 : 0;
      }
    }
  }

  /** The value of the coldest pixel that is changed. */
  #threshold({ data }: Map2D, share: number, isWithin: boolean): number {
    const { width, height } = this.#grid;
    const step = Math.max(1, Math.floor(Math.sqrt((width * height) / SAMPLED)));
    const values: number[] = [];
    for (let y = 0; y < height; y += step) {
      for (let x = 0; x < width; x += step) {
        const i = y * width + x;
        if (!isWithin || this.#inBox[i] === 1) values.push(data[i]!);
      }
    }
    const sorted = Float32Array.from(values).sort();
    const all = isWithin ? this.#boxPixels : width * height;
    const count = Math.round((share * this.#boxPixels * sorted.length) / all);
    return sorted[Math.max(0, sorted.length - Math.max(1, count))] ?? Number.POSITIVE_INFINITY;
  }
}

/** The blurred image, in which pixels are restored. */
export function blurredOf({ size, blurred }: Blends): Float32Array {
  return blurred(BLUR * Math.max(...size));
}

/** The curves of a map, from the values of all `trials`. */
export function curvesOf(values: ArrayLike<number>): SearchCurves {
  const own = (kind: Trial["kind"]) => trials.flatMap((trial, i) => (trial.kind === kind ? [values[i]!] : []));
  const curves = { deletion: own("deletion"), insertion: own("insertion"), withinBox: own("withinBox") };
  return { shares: SHARES, ...curves, quality: qualityOf(trials, values) };
}

/** Support when pixels are restored, minus support when they are removed. */
export function qualityOf(of: readonly Trial[], values: ArrayLike<number>): number {
  const meanOf = (kind: Trial["kind"]): number => {
    const own = of.flatMap((trial, i) => (trial.kind === kind ? [values[i]!] : []));
    return own.reduce((sum, value) => sum + value, 0) / Math.max(1, own.length);
  };
  return meanOf("insertion") + WITHIN * meanOf("withinBox") - meanOf("deletion");
}
