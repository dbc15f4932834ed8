import { grids, type RowSide, rowSides } from "@whybox/report";
import type { Corners } from "./truth/judge.js";

/** Where the heat outside a detection's box is. */
export interface Outside {
  /** Number of the other box with the most heat. −1 if there is none. */
  readonly other: number;
  /** Share of all heat on that box and not on the own box. */
  readonly onOther: number;
  /** The side of the box with the most heat. */
  readonly side: RowSide;
}

/** Finds the heat outside a box: on which other box, and on which side.
 * @param map `grids.image`² cells over the image. @param boxes boxes in image pixels. @param own index of the box in `boxes`.
 */
export function outsideOf(
  map: Uint8Array,
  [height, width]: readonly [height: number, width: number],
  boxes: readonly Corners[],
  own: number,
): Outside {
  const heat = new HeatSums(map, height, width);
  const box = boxes[own]!;
  let [other, onOther] = [-1, 0];
  for (const [i, one] of boxes.entries()) {
    if (i === own) continue;
    const share = heat.in(one) - heat.in(common(one, box));
    if (share > onOther + 1e-9) [other, onOther] = [i, share];
  }
  const [x1, y1, x2, y2] = box;
  const beside: Readonly<Record<RowSide, number>> = {
    ...{ none: 1e-9, left: heat.in([0, 0, x1, height]), right: heat.in([x2, 0, width, height]) },
    ...{ above: heat.in([0, 0, width, y1]), below: heat.in([0, y2, width, height]) },
  };
  const side = rowSides.reduce((max, one) => (beside[one] > beside[max] ? one : max));
  return { other, onOther, side };
}

function common(a: Corners, b: Corners): Corners {
  return [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])];
}

/** Shares of a map's heat in rectangles. It uses the map's integral, with four look-ups for each rectangle. */
class HeatSums {
  readonly #sums: Float64Array;
  readonly #cell: readonly [width: number, height: number];

  constructor(map: Uint8Array, height: number, width: number) {
    const side = grids.image;
    this.#cell = [width / side, height / side];
    this.#sums = new Float64Array((side + 1) ** 2);
    for (let y = 0; y < side; y++) {
      let row = 0;
      for (let x = 0; x < side; x++) {
        row += map[y * side + x]!;
        this.#sums[(y + 1) * (side + 1) + x + 1] = this.#sums[y * (side + 1) + x + 1]! + row;
      }
    }
  }

  /** The share in a rectangle. 0 for a rectangle without area, and for a map without heat. */
  in([x1, y1, x2, y2]: Corners): number {
    if (!(x2 > x1 && y2 > y1)) return 0;
    const all = this.#sums.at(-1)!;
    return all === 0 ? 0 : (this.#at(x2, y2) - this.#at(x1, y2) - this.#at(x2, y1) + this.#at(x1, y1)) / all;
  }

  /** Heat above and left of a point, with linear interpolation inside a cell. */
  #at(x: number, y: number): number {
    const side = grids.image;
    const place = (value: number) => Math.min(Math.max(value, 0), side);
    const [u, v] = [place(x / this.#cell[0]), place(y / this.#cell[1])];
    const [i, j] = [Math.min(Math.floor(u), side - 1), Math.min(Math.floor(v), side - 1)];
    const [du, dv] = [u - i, v - j];
    const at = (row: number, column: number) => this.#sums[row * (side + 1) + column]!;
    const upper = at(j, i) * (1 - du) + at(j, i + 1) * du;
    return upper * (1 - dv) + (at(j + 1, i) * (1 - du) + at(j + 1, i + 1) * du) * dv;
  }
}
