import { WhyboxError } from "../errors.js";
import { resizeWithRange } from "../kernels/resample.js";
import type { ScaledMap } from "../kernels/scaling.js";
import type { Map2D } from "../tensor/tensor.js";
import type { Box, Letterbox } from "./frame.js";
import { isCropped } from "./letterbox.js";

/**
 * Converts a box from the frame of the network's input to image pixels. The box is clipped to the image, as in YOLOv5. A box that lies
 * completely in the padding becomes a box without area on the nearest edge. The conversion uses the rounded size of the content, so it is exact
 * (YOLOv5 has an error of up to half an input pixel here).
 */
export function toImage(box: Box<"input">, letterbox: Letterbox): Box<"image"> {
  const [H, W] = letterbox.imageSize;
  const x = (value: number) => clamp(((value - letterbox.padLeft) * W) / letterbox.contentSize[1], W);
  const y = (value: number) => clamp(((value - letterbox.padTop) * H) / letterbox.contentSize[0], H);
  return { frame: "image", x1: x(box.x1), y1: y(box.y1), x2: x(box.x2), y2: y(box.y2) };
}

/** Converts a box from image pixels to the frame of the network's input. The inverse of `toImage` for boxes inside the image. It does not clip. */
export function toInput(box: Box<"image">, letterbox: Letterbox): Box<"input"> {
  const [H, W] = letterbox.imageSize;
  const x = (value: number) => (value * letterbox.contentSize[1]) / W + letterbox.padLeft;
  const y = (value: number) => (value * letterbox.contentSize[0]) / H + letterbox.padTop;
  return { frame: "input", x1: x(box.x1), y1: y(box.y1), x2: x(box.x2), y2: y(box.y2) };
}

/** Returns the box that the cell `[x, y]` of a level covers in the network's input. `stride` is in input pixels per cell. */
export function cellToInput([x, y]: readonly [x: number, y: number], stride: number): Box<"input"> {
  return { frame: "input", x1: x * stride, y1: y * stride, x2: (x + 1) * stride, y2: (y + 1) * stride };
}

/**
 * Converts a heatmap from the network's input (`inputSize`) to the image (`imageSize`): cuts off the padding and resizes
 * the rest bilinearly. Parts of the image that a crop left out are zero.
 * @throws internal when the map does not have the size of the input.
 */
export function unletterbox(map: Map2D, letterbox: Letterbox): Map2D {
  return unletterboxScaled({ values: map }, letterbox);
}

/** `unletterbox` for a map with a pending scaling. The values of the source map do not change. */
export function unletterboxScaled({ values: map, scaling }: ScaledMap, letterbox: Letterbox): Map2D {
  const [H, W] = letterbox.inputSize;
  if (map.height !== H || map.width !== W) {
    throw new WhyboxError(
      "internal",
      `The map is [${map.height}, ${map.width}]. Expected the size of the network input, [${H}, ${W}].`,
    );
  }
  if (isCropped(letterbox)) return uncrop({ values: map, scaling }, letterbox);
  const [height, width] = letterbox.imageSize;
  return resizeWithRange({ values: cropContent(map, letterbox), scaling }, { height, width }).map;
}

/** Places a map in the part of the image that the network gets. The rest of the image has no part in the result: it is zero. */
function uncrop(map: ScaledMap, letterbox: Letterbox): Map2D {
  const [height, width] = letterbox.imageSize;
  const [h, w] = letterbox.inputSize;
  const seen = toImage({ frame: "input", x1: 0, y1: 0, x2: w, y2: h }, letterbox);
  const [left, top] = [Math.round(seen.x1), Math.round(seen.y1)];
  const size = { height: Math.max(1, Math.round(seen.y2) - top), width: Math.max(1, Math.round(seen.x2) - left) };
  const part = resizeWithRange(map, size).map;
  const data = new Float32Array(height * width);
  for (let y = 0; y < size.height; y++) {
    data.set(part.data.subarray(y * size.width, (y + 1) * size.width), (top + y) * width + left);
  }
  return { height, width, data };
}

function cropContent(map: Map2D, { contentSize, padTop, padLeft }: Letterbox): Map2D {
  const [height, width] = contentSize;
  const first = padTop * map.width;
  if (width === map.width) return { height, width, data: map.data.subarray(first, first + height * width) };
  const data = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const start = (padTop + y) * map.width + padLeft;
    data.set(map.data.subarray(start, start + width), y * width);
  }
  return { height, width, data };
}

function clamp(value: number, max: number): number {
  return Math.min(Math.max(value, 0), max);
}
