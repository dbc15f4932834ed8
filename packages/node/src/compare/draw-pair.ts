import { drawingOptions, type RgbImage, renderOverlay, resizeBilinear } from "@whybox/core";
import { loadSharp } from "../io/load-sharp.js";
import { imageGrid, type RunDetection } from "../runs/schema.js";
import type { SeenPair } from "./compare-runs.js";
import type { ComparedPair } from "./comparison.js";

/** Longest side of a drawing, in pixels. */
const SIDE = 440;
/** The region around the boxes and the hottest places is at least this part of the image's longer side. */
const MIN_PART = 0.3;

interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Draws both maps over the part of the image with the boxes and the hottest places.
 * @param image undefined draws on grey.
 */
export async function drawPair(
  pair: ComparedPair,
  { first, second, maps }: SeenPair,
  image: RgbImage | undefined,
): Promise<Readonly<Record<"a" | "b", RgbImage>>> {
  const [height, width] = first.size;
  const shown = [first.detections[pair.a.index]!, second.detections[pair.b.index]!];
  const region = regionOf(shown, { height, width });
  const scale = Math.min(1, SIDE / Math.max(region.width, region.height));
  const size = { height: Math.ceil(region.height * scale), width: Math.ceil(region.width * scale) };
  const pixels = image === undefined ? undefined : await cut(image, region, size);
  const draw = (side: "a" | "b"): RgbImage => {
    const [x1, y1, x2, y2] = pair[side].box as [number, number, number, number];
    const box = {
      ...{ frame: "image" as const, x1: (x1 - region.left) * scale, y1: (y1 - region.top) * scale },
      ...{ x2: (x2 - region.left) * scale, y2: (y2 - region.top) * scale },
    };
    const base = pixels ?? { ...size, data: new Uint8Array(size.height * size.width * 3).fill(64) };
    return renderOverlay(base, mapIn(maps![side], { region, size, image: { height, width } }), {
      colormap: drawingOptions.colormap.default,
      detections: [{ boxImage: box, classIndex: 0, className: pair.name, confidence: pair[side].score }],
      // The box of a class is the whole image.
      ...{ boxes: pair.figures?.inBoxChange !== null, labels: false },
    });
  };
  return { a: draw("a"), b: draw("b") };
}

interface Sized {
  readonly height: number;
  readonly width: number;
}

/** The region of the boxes and of the hottest places, with a margin, in whole pixels. */
function regionOf(shown: readonly RunDetection[], { height, width }: Sized): Region {
  const xs = shown.flatMap(({ box, heat }) => [box[0], box[2], ...(heat === null ? [] : [heat.peak[0]])]);
  const ys = shown.flatMap(({ box, heat }) => [box[1], box[3], ...(heat === null ? [] : [heat.peak[1]])]);
  const least = MIN_PART * Math.max(height, width);
  const x = spanOf(xs, least, width);
  const y = spanOf(ys, least, height);
  return { left: x.from, width: x.length, top: y.from, height: y.length };
}

function spanOf(values: readonly number[], least: number, all: number): { from: number; length: number } {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const wanted = Math.min(all, Math.ceil(Math.max(least, 1.6 * (high - low))));
  const from = Math.round(Math.min(Math.max(0, (low + high - wanted) / 2), all - wanted));
  return { from, length: Math.max(1, wanted) };
}

/** The part of a small map of the whole image that lies in the region, in the size of the drawing. */
function mapIn(
  map: Uint8Array,
  { region, size, image }: { readonly region: Region; readonly size: Sized; readonly image: Sized },
) {
  const whole = resizeBilinear(
    { height: imageGrid, width: imageGrid, data: Float32Array.from(map, (value) => value / 255) },
    Math.max(1, Math.round((image.height * size.height) / region.height)),
    Math.max(1, Math.round((image.width * size.width) / region.width)),
  );
  const top = Math.min(Math.round((region.top * whole.height) / image.height), whole.height - size.height);
  const left = Math.min(Math.round((region.left * whole.width) / image.width), whole.width - size.width);
  const data = new Float32Array(size.height * size.width);
  for (let row = 0; row < size.height; row++) {
    const start = (Math.max(0, top) + row) * whole.width + Math.max(0, left);
    data.set(whole.data.subarray(start, start + size.width), row * size.width);
  }
  return { ...size, data };
}

async function cut(image: RgbImage, region: Region, size: Sized): Promise<RgbImage> {
  const sharp = await loadSharp();
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  const data = await sharp(image.data, { raw, limitInputPixels: false })
    .extract({ ...region })
    .resize({ ...size, fit: "fill" })
    .raw()
    .toBuffer();
  return { ...size, data };
}
