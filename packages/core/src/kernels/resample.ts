import { WhyboxError } from "../errors.js";
import type { Map2D } from "../tensor/tensor.js";
import { kernels } from "./memory.js";
import { type Range, rangeOf, rescale } from "./range.js";
import { resizeFloatsScalar, resizeRgbScalar } from "./resample-scalar.js";
import { resizeBytes, resizeFloats } from "./resample-simd.js";
import type { BytePixels, Planes } from "./rgb-planes.js";
import type { ScaledMap, Scaling } from "./scaling.js";

/**
 * Resizes a map bilinearly, like OpenCV's INTER_LINEAR on float32.
 * @returns a new map, even if the size does not change.
 * @throws usage when a size is not a positive integer, or the map has fewer values than its size needs.
 */
export function resizeBilinear(map: Map2D, height: number, width: number): Map2D {
  return resizeWithRange({ values: map }, { height, width }).map;
}

export interface ResizeTarget {
  readonly height: number;
  readonly width: number;
  /** The buffer of the new map, with `height · width` values. Default: a new array. */
  readonly into?: Float32Array | undefined;
}

/** `resizeBilinear` that also returns the range of the new map. It applies the scaling of the source. The source does not change. */
export function resizeWithRange(
  { values, scaling }: ScaledMap,
  { height, width, into }: ResizeTarget,
): { map: Map2D; range: Range } {
  checkSizes(values, 1, height, width);
  const target = { height, width, data: into ?? new Float32Array(height * width) };
  const found = kernels();
  const range = found && resizeFloats(found, { values, scaling }, target);
  if (range !== undefined) return { map: target, range };
  resizeFloatsScalar(scaling === undefined ? values : rescaledCopy(values, scaling), target);
  return { map: target, range: rangeOf(target.data) };
}

function rescaledCopy({ height, width, data: values }: Map2D, scaling: Scaling): Map2D {
  const data = values.slice();
  rescale(data, scaling);
  return { height, width, data };
}

/**
 * Resizes RGB bytes bilinearly to `[height, width]` and writes them into planes as byte / 255. The result has the same bits as OpenCV's INTER_LINEAR
 * on 8-bit images: weights have 11 bits, the sum of the columns has full precision, then 4 + 16 + 2 bits are dropped. Only the needed source
 * rows are read, so that shrinking a large photo is cheap.
 * @throws usage when a size is not a positive integer, or the image has fewer bytes than its size needs.
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
        `Cannot resize [${source.height}, ${source.width}] to [${height}, ${width}]. Expected sizes [h, w] that are whole numbers of 1 or more.`,
      );
    }
  }
  const wanted = source.height * source.width * channels;
  if (source.data.length < wanted) {
    throw new WhyboxError(
      "usage",
      `Cannot resize [${source.height}, ${source.width}]. Expected ${wanted} values, got ${source.data.length}.`,
    );
  }
}
