import type { Map2D } from "../tensor/tensor.js";
import type { MetricBox } from "./metric.js";

/**
 * Returns a Gaussian at the centre of a box, `exp(−½ ((x − cx) / (w / 3))² − ½ ((y − cy) / (h / 3))²)` at the centre of each pixel. It knows the box
 * and nothing of the network, so it is the baseline that a map should beat. Curves read only the order of its pixels, so the width matters only for
 * its looks.
 */
export function gaussianAtBox(height: number, width: number, { x1, y1, x2, y2 }: MetricBox): Map2D {
  const data = new Float32Array(height * width);
  const [middleX, middleY] = [(x1 + x2) / 2, (y1 + y2) / 2];
  // A box without area is as wide as a pixel.
  const [sideX, sideY] = [Math.max(x2 - x1, 1), Math.max(y2 - y1, 1)];
  for (let i = 0; i < data.length; i++) {
    const u = (3 * ((i % width) + 0.5 - middleX)) / sideX;
    const v = (3 * (Math.floor(i / width) + 0.5 - middleY)) / sideY;
    data[i] = Math.exp(-0.5 * (u * u + v * v));
  }
  return { height, width, data };
}
