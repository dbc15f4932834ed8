import { WhyboxError } from "../errors.js";
import { resizeWithRange } from "../kernels/resample.js";
import type { ScaledMap } from "../kernels/scaling.js";
import type { Map2D } from "../tensor/tensor.js";
import type { Box, Letterbox } from "./frame.js";

/**
 * A box of the network's input in pixels of the picture, clipped to the picture as YOLOv5 does. A box wholly in the
 * padding becomes one without area on the nearest edge. The content's true size counts, so a side rounded to whole input
 * pixels costs no accuracy (YOLOv5 is up to half an input pixel off there).
 */
export function toImage(box: Box<"input">, letterbox: Letterbox): Box<"image"> {
  const [H, W] = letterbox.imageSize;
  const x = (value: number) => clamp(((value - letterbox.padLeft) * W) / letterbox.contentSize[1], W);
  const y = (value: number) => clamp(((value - letterbox.padTop) * H) / letterbox.contentSize[0], H);
  return { frame: "image", x1: x(box.x1), y1: y(box.y1), x2: x(box.x2), y2: y(box.y2) };
}

/** A box of the picture in pixels of the network's input. The inverse of `toImage` for boxes inside the picture; nothing is clipped. */
export function toInput(box: Box<"image">, letterbox: Letterbox): Box<"input"> {
  const [H, W] = letterbox.imageSize;
  const x = (value: number) => (value * letterbox.contentSize[1]) / W + letterbox.padLeft;
  const y = (value: number) => (value * letterbox.contentSize[0]) / H + letterbox.padTop;
  return { frame: "input", x1: x(box.x1), y1: y(box.y1), x2: x(box.x2), y2: y(box.y2) };
}

/** The box that a cell `[x, y]` of a level covers in the network's input; `stride` in input pixels per cell. */
export function cellToInput([x, y]: readonly [x: number, y: number], stride: number): Box<"input"> {
  return { frame: "input", x1: x * stride, y1: y * stride, x2: (x + 1) * stride, y2: (y + 1) * stride };
}

/**
 * A heatmap over the network's input `inputSize` as one over the picture `imageSize`: the padding is cut off and the rest
 * resized bilinearly.
 * @throws internal when the map has not the size of the input.
 */
export function unletterbox(map: Map2D, letterbox: Letterbox): Map2D {
  return unletterboxScaled({ values: map }, letterbox);
}

/** `unletterbox` of a map that is still to be scaled: its values stay as they are. */
export function unletterboxScaled({ values: map, scaling }: ScaledMap, letterbox: Letterbox): Map2D {
  const [H, W] = letterbox.inputSize;
  if (map.height !== H || map.width !== W) {
    throw new WhyboxError("internal", `A map of [${map.height}, ${map.width}] is not one over the input [${H}, ${W}].`);
  }
  const [height, width] = letterbox.imageSize;
  return resizeWithRange({ values: cropContent(map, letterbox), scaling }, { height, width }).map;
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

function clamp(value: number, most: number): number {
  return Math.min(Math.max(value, 0), most);
}
