import { resizeBilinear } from "../../kernels/resample.js";
import { smoothCells } from "../../kernels/smooth-cells.js";
import type { Map2D } from "../../tensor/tensor.js";
import type { Blends } from "../method.js";

/** The grid covers the box, enlarged so many times along each side. */
const ENLARGED = 1.5;
/** The box, enlarged so many times, has no part in the rim. */
const FREE = 1.1;
/** About so many cells. */
const CELLS = 400;
const MAX_SIDE = 60;

/** Values on the cells of a grid, row-major. */
export type Cells = Float64Array;

/** Cells over a box and its surroundings, within the image. */
export class Grid {
  readonly rows: number;
  readonly columns: number;
  /** The pixels of the input that the grid covers. */
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
  readonly box: Blends["box"];
  readonly #size: Blends["size"];

  constructor({ box, part, size }: Pick<Blends, "box" | "part" | "size">) {
    const along = (low: number, high: number, start: number, length: number): [first: number, count: number] => {
      const reach = (ENLARGED * Math.max(high - low, 1)) / 2;
      const middle = (low + high) / 2;
      const clamp = (value: number) => Math.min(Math.max(value, start), start + length);
      const first = Math.min(clamp(Math.floor(middle - reach)), start + length - 1);
      return [first, Math.max(1, clamp(Math.ceil(middle + reach)) - first)];
    };
    [this.top, this.height] = along(box.y1, box.y2, part.top, part.height);
    [this.left, this.width] = along(box.x1, box.x2, part.left, part.width);
    const sides = (own: number, other: number): number =>
      Math.min(own, MAX_SIDE, Math.max(1, Math.round(Math.sqrt((CELLS * own) / other))));
    this.rows = sides(this.height, this.width);
    this.columns = sides(this.width, this.height);
    this.box = box;
    this.#size = size;
  }

  /** The value of a function at the middle of each cell, in pixels of the input. */
  cellsOf(value: (x: number, y: number) => number): Cells {
    const { rows, columns } = this;
    return Float64Array.from({ length: rows * columns }, (_, i) => {
      const x = this.left + (((i % columns) + 0.5) * this.width) / columns;
      const y = this.top + ((Math.floor(i / columns) + 0.5) * this.height) / rows;
      return value(x, y);
    });
  }

  /** 0 in the middle, and rises to 1 where the grid ends. Its contours are rounded, so that a map that falls with it does not show the grid. Where the image ends, nothing falls. */
  get rim(): Cells {
    const { x1, y1, x2, y2 } = this.box;
    const [width, height] = [Math.max(x2 - x1, 1), Math.max(y2 - y1, 1)];
    return this.cellsOf((x, y) => {
      const [u, v] = [(2 * x - x1 - x2) / width, (2 * y - y1 - y2) / height];
      const share = Math.min(1, Math.max(0, ((u ** 4 + v ** 4) ** 0.25 - FREE) / (ENLARGED - FREE)));
      return share * share * (3 - 2 * share);
    });
  }

  /** Whether the grid covers a point. */
  contains(x: number, y: number): boolean {
    return x >= this.left && x < this.left + this.width && y >= this.top && y < this.top + this.height;
  }

  /** The mean over each cell of a map over the input, of any size. */
  meansOf(map: Map2D): Cells {
    const [height, width] = this.#size;
    const { data } = map.height === height && map.width === width ? map : resizeBilinear(map, height, width);
    const { rows, columns } = this;
    const [sums, counts] = [new Float64Array(rows * columns), new Float64Array(rows * columns)];
    for (let y = 0; y < this.height; y++) {
      const row = Math.floor((y * rows) / this.height) * columns;
      for (let x = 0; x < this.width; x++) {
        const cell = row + Math.floor((x * columns) / this.width);
        sums[cell]! += data[(this.top + y) * width + this.left + x]!;
        counts[cell]!++;
      }
    }
    return sums.map((sum, i) => sum / counts[i]!);
  }

  /** Cells enlarged to the pixels of the grid, `[height, width]`. */
  pixelsOf(cells: Cells): Map2D {
    const { rows, columns, height, width } = this;
    return resizeBilinear({ height: rows, width: columns, data: Float32Array.from(cells) }, height, width);
  }

  /** Cells smoothed by a Gaussian of `sigma` cells. */
  smooth(cells: Cells, sigma: number): Cells {
    return smoothCells(cells, [this.rows, this.columns], sigma);
  }
}

/** Cells with the mean 0 and the standard deviation 1. Constant cells become 0. */
export function standard(cells: Cells): Cells {
  const mean = cells.reduce((sum, value) => sum + value, 0) / cells.length;
  const variance = cells.reduce((sum, value) => sum + (value - mean) ** 2, 0) / cells.length;
  const scale = variance > 0 && Number.isFinite(variance) ? 1 / Math.sqrt(variance) : 0;
  return cells.map((value) => (scale === 0 ? 0 : (value - mean) * scale));
}

/** The rank of each cell, 0..1. Equal cells keep their order. */
export function ranks(cells: Cells): Cells {
  const order = Array.from(cells.keys()).sort((a, b) => cells[a]! - cells[b]! || a - b);
  const found = new Float64Array(cells.length);
  order.forEach((cell, rank) => {
    found[cell] = rank / Math.max(1, cells.length - 1);
  });
  return found;
}
