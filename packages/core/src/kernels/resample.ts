import { WhyboxError } from "../errors.js";
import type { Map2D } from "../tensor/tensor.js";
import { kernels } from "./memory.js";
import { type Range, rangeOf } from "./range.js";
import { resizeFloatsScalar, resizeRgbScalar } from "./resample-scalar.js";
import { resizeBytes, resizeFloats } from "./resample-simd.js";
import { ScaledMap, type Scaling } from "./scaled-map.js";

export { type LinearTaps, linearTaps } from "./linear-taps.js";

/** 8-bit pixels of three interleaved channels; an `RgbImage` is one. */
export interface BytePixels {
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Where a picture goes: three planes of `height × width` floats, one after the other, the picture's corner at `top`, `left`. */
export interface Planes {
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
  readonly top: number;
  readonly left: number;
}

/**
 * Bilinear resize of a map, as OpenCV's INTER_LINEAR on float32.
 * @returns a new map, also when the size stays.
 * @throws usage when a size is not a positive integer or the map holds fewer values than its size says.
 */
export function resizeBilinear(map: Map2D, height: number, width: number): Map2D {
  return resizeWithRange(map, height, width).map;
}

/** `resizeBilinear`, and the range of the new map, which costs next to nothing on the way; so does scaling the values that are read. With `into`, of as many values, no array is made. */
export function resizeWithRange(
  map: Map2D,
  height: number,
  width: number,
  scaling?: Scaling,
  into?: Float32Array,
): { map: Map2D; range: Range } {
  checkSizes(map, 1, height, width);
  const target = { height, width, data: into ?? new Float32Array(height * width) };
  const found = kernels();
  const range = found && resizeFloats(found, map, target, scaling);
  if (range !== undefined) return { map: target, range };
  resizeFloatsScalar(scaling === undefined ? map : new ScaledMap({ ...map, data: map.data.slice() }, scaling), target);
  return { map: target, range: rangeOf(target.data) };
}

/**
 * Bilinear resize of RGB bytes to `[height, width]`, bit for bit as OpenCV's INTER_LINEAR on 8-bit pictures (weights of 11 bits,
 * the sum of the columns kept at full precision, then 4 + 16 + 2 bits dropped), written into planes as byte / 255. Reads only the
 * source rows it needs, so that shrinking a large photo is cheap.
 * @throws usage when a size is not a positive integer or the picture holds fewer bytes than its size says.
 */
export function resizeRgb(image: BytePixels, [height, width]: readonly [number, number], planes: Planes): void {
  checkSizes(image, 3, height, width);
  const found = kernels();
  if (found === undefined || !resizeBytes(found, image, [height, width], planes)) {
    resizeRgbScalar(image, [height, width], planes);
  }
}

function checkSizes(source: Map2D | BytePixels, channels: number, height: number, width: number): void {
  for (const size of [source.height, source.width, height, width]) {
    if (!Number.isInteger(size) || size < 1) {
      throw new WhyboxError(
        "usage",
        `Cannot resize [${source.height}, ${source.width}] to [${height}, ${width}]: sizes [h, w] must be whole numbers of 1 or more.`,
      );
    }
  }
  const wanted = source.height * source.width * channels;
  if (source.data.length < wanted) {
    throw new WhyboxError(
      "usage",
      `Cannot resize [${source.height}, ${source.width}]: that needs ${wanted} values, got ${source.data.length}.`,
    );
  }
}
