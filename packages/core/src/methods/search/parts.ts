import { resizeBilinear } from "../../kernels/resample.js";
import type { Map2D } from "../../tensor/tensor.js";
import { sumOfTerms } from "../channels.js";
import type { Blends, Depth } from "../method.js";
import { productTerm } from "../products.js";
import { tapFusion } from "../tap-fusion.js";
import type { SearchPart } from "./found.js";
import { type Cells, type Grid, standard } from "./grid.js";

/** Input pixels per cell of the fused map. */
const STRIDE = 8;
/** Keeps the logarithm finite, as a share of the largest value. */
export const FLOOR = 0.01;

/** The parts that mixtures are made of. Each has the mean 0 and the standard deviation 1. */
export type Parts = Map<SearchPart, Cells>;

/** True for parts that know the box and nothing of the network. */
export function isOfBox(part: SearchPart): boolean {
  return part === "box";
}

/** The parts that are known without running the network again. */
export function firstParts(fused: Map2D | undefined, grid: Grid): Parts {
  const parts: Parts = new Map();
  parts.set("box", standard(atBox(grid)));
  const cells = fused && logarithmic(grid.meansOf(fused));
  if (cells?.some((value) => value !== 0)) parts.set("depths", cells);
  return parts;
}

/** The Gaussian at the box, as its exponent. */
function atBox(grid: Grid): Cells {
  const { x1, y1, x2, y2 } = grid.box;
  const [width, height] = [Math.max(x2 - x1, 1), Math.max(y2 - y1, 1)];
  const [middleX, middleY] = [(x1 + x2) / 2, (y1 + y2) / 2];
  return grid.cellsOf((x, y) => -(((x - middleX) / (width / 2)) ** 2) - ((y - middleY) / (height / 2)) ** 2);
}

/** The cells' logarithms, standardised. All zeros for cells without heat. */
function logarithmic(cells: Cells): Cells {
  const most = cells.reduce((high, value) => Math.max(high, value), 0);
  return most > 0 ? standard(cells.map((value) => Math.log(Math.max(value, 0) / most + FLOOR))) : cells.map(() => 0);
}

/** The map of tap fusion over the input, without its smoothing. Undefined if no depth has heat. */
export function fusedOf(depths: readonly Depth[], [height, width]: Blends["size"]): Map2D | undefined {
  const maps = depths.map((depth) =>
    positive(sumOfTerms(depth.activations.dims, productTerm("positiveGradientProducts", depth))),
  );
  const lit = maps.filter(({ data }) => data.some((value) => value > 0));
  if (lit.length === 0) return undefined;
  return tapFusion.fuse!(lit.map((map) => resizeBilinear(map, Math.ceil(height / STRIDE), Math.ceil(width / STRIDE))));
}

function positive({ data, ...size }: Map2D): Map2D {
  return { ...size, data: data.map((value) => (value > 0 ? value : 0)) };
}
