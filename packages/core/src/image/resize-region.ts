/** A rectangle in whole image pixels. `right` and `bottom` are exclusive. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** An image or a map: rows of pixels with interleaved channels. */
export interface Samples {
  readonly height: number;
  readonly width: number;
  readonly data: ArrayLike<number>;
}

/** The source samples of one output sample, and their weights. The sum of the weights is 1. */
interface Tap {
  readonly start: number;
  readonly weights: readonly number[];
}

/**
 * Resizes a region of an image or a map for display. It shrinks with the mean over the area of each output pixel and enlarges
 * bilinearly. (`resizeRgb` resizes the network's input instead, without smoothing.)
 * @param channels interleaved samples per pixel: 3 for an image, 1 for a map.
 * @param region inside the source, not empty.
 * @returns `height × width × channels` samples.
 */
export function resizeRegion(
  source: Samples,
  channels: number,
  region: Region,
  [height, width]: readonly [height: number, width: number],
): Float32Array {
  const { data, width: stride } = source;
  const columns = taps(region.left, region.right, width);
  const rows = taps(region.top, region.bottom, height);
  const narrow = new Float32Array((region.bottom - region.top) * width * channels);
  for (let y = region.top, at = 0; y < region.bottom; y++) {
    for (const { start, weights } of columns) {
      const from = (y * stride + start) * channels;
      for (let c = 0; c < channels; c++, at++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k]! * data[from + k * channels + c]!;
        narrow[at] = sum;
      }
    }
  }
  const line = width * channels;
  const result = new Float32Array(height * line);
  rows.forEach(({ start, weights }, y) => {
    const from = (start - region.top) * line;
    for (let i = 0; i < line; i++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * narrow[from + k * line + i]!;
      result[y * line + i] = sum;
    }
  });
  return result;
}

function taps(from: number, to: number, count: number): Tap[] {
  const step = (to - from) / count;
  return Array.from({ length: count }, (_, i) => (step > 1 ? areaTap : linearTap)(from, to, i, step));
}

function areaTap(from: number, to: number, i: number, step: number): Tap {
  const low = from + i * step;
  const high = Math.min(to, low + step);
  const start = Math.floor(low);
  const covered = (pixel: number): number => Math.min(high, pixel + 1) - Math.max(low, pixel);
  const weights = Array.from({ length: Math.ceil(high) - start }, (_, k) => covered(start + k));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return { start, weights: weights.map((weight) => weight / total) };
}

function linearTap(from: number, to: number, i: number, step: number): Tap {
  const at = Math.min(to - 1, Math.max(from, from + (i + 0.5) * step - 0.5));
  const start = Math.min(Math.floor(at), Math.max(from, to - 2));
  const share = at - start;
  return to - from === 1 ? { start, weights: [1] } : { start, weights: [1 - share, share] };
}
