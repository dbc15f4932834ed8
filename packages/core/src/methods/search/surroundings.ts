import { resizeBilinear } from "../../kernels/resample.js";
import type { Map2D } from "../../tensor/tensor.js";
import type { Blends } from "../method.js";
import type { SearchSurroundings } from "./found.js";
import { type Cells, Grid } from "./grid.js";
import { FLOOR } from "./parts.js";
import { blurredOf } from "./trials.js";

/** Gradients are smoothed by so many cells. */
const SMOOTHING = 0.5;
/** Weight of the sum of the gradients. */
const GRADIENTS = 0.1;
/** Areas that are sharp in the trials, in areas of the grid. Each contains the grid. */
const AREAS = [2, 4];
/** At most this share of the image is sharp. */
const MOST = 0.9;

/** What the order of the pixels outside the grid starts from. */
export interface SurroundingsRequest {
  readonly blends: Blends;
  readonly grid: Grid;
  /** The map of tap fusion over the input, if any depth has heat. */
  readonly fused: Map2D | undefined;
}

/**
 * The order of the pixels outside the grid. Either by the distance from the box alone, or also by the network: by the logarithm of the fused depths, and by the gradients along
 * the path, which reach beyond the grid. Both are measured, with the grid and the first pixels around it sharp.
 */
export class Surroundings {
  readonly #request: SurroundingsRequest;
  /** Cells over the whole image, without padding. */
  readonly #whole: Grid;
  readonly #sum: Cells;

  constructor(request: SurroundingsRequest) {
    const { size, part } = request.blends;
    const box = { x1: part.left, y1: part.top, x2: part.left + part.width, y2: part.top + part.height };
    this.#request = request;
    this.#whole = new Grid({ box, part, size });
    this.#sum = this.#whole.cellsOf(() => 0);
  }

  /** Adds a gradient over the input, each with the same mean square outside the grid. */
  add(gradient: Map2D): void {
    const own = this.#whole.smooth(this.#whole.meansOf(gradient), SMOOTHING);
    const isOutside = this.#whole.cellsOf((x, y) => (this.#request.grid.contains(x, y) ? 0 : 1));
    const count = isOutside.reduce((sum, one) => sum + one, 0);
    const size = Math.sqrt(own.reduce((sum, value, i) => sum + isOutside[i]! * value * value, 0) / count);
    if (!(size > 0 && Number.isFinite(size))) return;
    for (let i = 0; i < own.length; i++) this.#sum[i]! += own[i]! / size;
  }

  /** By the distance alone: the logarithm of a value that falls with the distance from the box, in boxes. Undefined in the padding. */
  byDistance(): Float32Array {
    const { box } = this.#request.blends;
    const [middleX, middleY] = [(box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2];
    const [width, height] = [Math.max(1, box.x2 - box.x1), Math.max(1, box.y2 - box.y1)];
    return this.#filled((x, y) => -Math.log(1 + ((x - middleX) / width) ** 2 + ((y - middleY) / height) ** 2));
  }

  /** By the distance and the network. Undefined without heat and without gradients. */
  #byNetwork(distance: Float32Array): Float32Array | undefined {
    const { blends, fused } = this.#request;
    if (fused === undefined && this.#sum.every((value) => value === 0)) return undefined;
    const [height, width] = blends.size;
    const depths = fused && resizeBilinear(fused, height, width).data;
    const most = depths?.reduce((high, value) => Math.max(high, value), 0) ?? 0;
    const gradients = this.#whole.pixelsOf(this.#sum).data;
    let i = 0;
    return this.#filled((_x, _y, at) => {
      const heat = depths && most > 0 ? Math.log(Math.max(depths[at]!, 0) / most + FLOOR) : 0;
      return distance[at]! + heat + GRADIENTS * gradients[i++]!;
    });
  }

  /** The better order, as values of the pixels of the input. The network runs on 8 images. @throws runtime, aborted. */
  async choose(): Promise<{ readonly by: SearchSurroundings; readonly values: Float32Array }> {
    const { blends, grid } = this.#request;
    const distance = this.byDistance();
    const areas = AREAS.map((times) => times * grid.height * grid.width).map((area) =>
      Math.min(Math.round(area), Math.floor(MOST * blends.part.height * blends.part.width)),
    );
    const network = areas[0]! > grid.height * grid.width ? this.#byNetwork(distance) : undefined;
    if (network === undefined) return { by: "distance", values: distance };
    const masks = [distance, network].flatMap((values) => this.#masks(values, areas));
    const scores = masks.map(() => 0);
    for (const from of [blurredOf(blends), blends.mean()]) {
      const blend = { from, to: blends.input };
      const own = await blends.strengths(blend, masks.length, (i, into) => into.set(masks[i]!));
      for (let i = 0; i < scores.length; i++) scores[i]! += own[i]!;
    }
    const sum = (some: readonly number[]) => some.reduce((total, value) => total + value, 0);
    return sum(scores.slice(AREAS.length)) > sum(scores.slice(0, AREAS.length))
      ? { by: "network", values: network }
      : { by: "distance", values: distance };
  }

  /** 1 in the grid and at the first pixels around it, so that each area is reached. */
  #masks(values: Float32Array, areas: readonly number[]): Float32Array[] {
    const { grid } = this.#request;
    const ordered = this.#filled((x, y, at) => (grid.contains(x, y) ? Number.POSITIVE_INFINITY : values[at]!));
    const sorted = ordered.slice().sort();
    return areas.map((area) => {
      const least = sorted[sorted.length - area]!;
      return ordered.map((value) => (value >= least ? 1 : 0));
    });
  }

  /** The value at each pixel of the image, row by row. Lower than all others in the padding. */
  #filled(value: (x: number, y: number, at: number) => number): Float32Array {
    const { size, part } = this.#request.blends;
    const data = new Float32Array(size[0] * size[1]).fill(Number.NEGATIVE_INFINITY);
    for (let y = part.top; y < part.top + part.height; y++) {
      for (let x = part.left; x < part.left + part.width; x++) {
        const at = y * size[1] + x;
        data[at] = value(x + 0.5, y + 0.5, at);
      }
    }
    return data;
  }
}
