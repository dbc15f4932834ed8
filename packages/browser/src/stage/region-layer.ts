import { hottestPixels, type Map2D, type MetricBox } from "@whybox/core";
import { part } from "./parts.js";
import type { StageRegion } from "./stage-view.js";

/** Maximum number of pixels of the layer. Larger maps are read at a lower resolution: the pixels are sorted. */
const MAX_PIXELS = 400_000;
/** The line around the region is so many times thinner than the layer is wide. */
const LINE = 300;

/** The veil over the rest of the image, and the line around the region. */
const veil = [8, 8, 12, 184] as const;
const line = [255, 255, 255, 255] as const;

/** The hottest pixels of a map as they are, and the rest of the image behind a dark veil. */
export class RegionLayer {
  readonly element = part("canvas", "region");
  #heat: Map2D | undefined;
  #region: StageRegion | undefined;

  constructor() {
    this.element.hidden = true;
    this.element.setAttribute("role", "img");
  }

  show(heat: Map2D | undefined, region: StageRegion | undefined): void {
    this.element.hidden = heat === undefined || region === undefined;
    if (heat === undefined || region === undefined) return;
    this.element.setAttribute("aria-label", region.label);
    const isSame = heat === this.#heat && region.share === this.#region?.share && region.within === this.#region.within;
    [this.#heat, this.#region] = [heat, region];
    if (!isSame) this.#paint(heat, region);
  }

  #paint(heat: Map2D, { share, within }: StageRegion): void {
    const step = Math.ceil(Math.sqrt((heat.width * heat.height) / MAX_PIXELS));
    const small = thinned(heat, step);
    const { width, height } = small;
    const marked = hottestPixels(small, share, within && scaled(within, 1 / step));
    const image = new ImageData(width, height);
    const reach = Math.max(1, Math.round(width / LINE));
    for (let pixel = 0; pixel < marked.length; pixel++) {
      if (marked[pixel] === 0) image.data.set(veil, 4 * pixel);
      else if (isAtEdge(marked, { width, height, reach }, pixel)) image.data.set(line, 4 * pixel);
    }
    Object.assign(this.element, { width, height });
    this.element.getContext("2d")!.putImageData(image, 0, 0);
  }
}

/** Every pixel of each `step` in both directions. */
function thinned({ width, height, data }: Map2D, step: number): Map2D {
  const [columns, rows] = [Math.ceil(width / step), Math.ceil(height / step)];
  const at = (i: number) => data[step * (Math.floor(i / columns) * width + (i % columns))]!;
  return { width: columns, height: rows, data: Float32Array.from({ length: columns * rows }, (_, i) => at(i)) };
}

function scaled({ x1, y1, x2, y2 }: MetricBox, by: number): MetricBox {
  return { x1: x1 * by, y1: y1 * by, x2: x2 * by, y2: y2 * by };
}

interface Reach {
  readonly width: number;
  readonly height: number;
  /** Thickness of the line in pixels. */
  readonly reach: number;
}

/** Whether one of the pixels around it, `reach` away, is not marked. The border of the image is no edge. */
function isAtEdge(marked: Uint8Array, { width, height, reach }: Reach, pixel: number): boolean {
  const [x, y] = [pixel % width, Math.floor(pixel / width)];
  for (const dy of [-reach, 0, reach]) {
    for (const dx of [-reach, 0, reach]) {
      const [column, row] = [x + dx, y + dy];
      const isInside = column >= 0 && row >= 0 && column < width && row < height;
      if (isInside && marked[row * width + column] === 0) return true;
    }
  }
  return false;
}
