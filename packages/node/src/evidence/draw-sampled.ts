import { drawingOptions, type Map2D, type RgbImage, renderOverlay, resizeBilinear } from "@whybox/core";
import { webpUrl } from "../io/encode-webp.js";
import { loadSharp } from "../io/load-sharp.js";
import { imageGrid } from "../runs/schema.js";
import type { SampledMap } from "./sampled-maps.js";

/** Longest side of a drawing, in pixels. */
const SIDE = 360;

/** A map of the page, as a data URL. */
export interface DrawnMap {
  readonly sampled: SampledMap;
  readonly url: string;
}

/**
 * Draws a small map with the box of its detection.
 * @param image the image. Undefined draws on grey.
 */
export async function drawSampled(sampled: SampledMap, image: RgbImage | undefined): Promise<DrawnMap> {
  const { line, detection, map } = sampled;
  const [height, width] = line.size;
  const scale = SIDE / Math.max(height, width);
  const size = { height: Math.max(1, Math.round(height * scale)), width: Math.max(1, Math.round(width * scale)) };
  const base = image === undefined ? grey(size) : await shrunk(image, size);
  const { box, name, score, class: classIndex } = line.detections[detection]!;
  const [x1, y1, x2, y2] = box.map((at) => at * scale) as [number, number, number, number];
  const drawn = renderOverlay(base, enlarged(map, size), {
    colormap: drawingOptions.colormap.default,
    ...(image === undefined ? { opacity: 1 } : {}),
    detections: [{ boxImage: { frame: "image", x1, y1, x2, y2 }, classIndex, className: name, confidence: score }],
    labels: false,
  });
  return { sampled, url: await webpUrl(drawn) };
}

interface Sized {
  readonly height: number;
  readonly width: number;
}

function enlarged(base64: string, { height, width }: Sized): Map2D {
  const data = Float32Array.from(Buffer.from(base64, "base64"), (value) => value / 255);
  return resizeBilinear({ height: imageGrid, width: imageGrid, data }, height, width);
}

function grey(size: Sized): RgbImage {
  return { ...size, data: new Uint8Array(size.height * size.width * 3).fill(64) };
}

async function shrunk({ width, height, data }: RgbImage, size: Sized): Promise<RgbImage> {
  const sharp = await loadSharp();
  const raw = { width, height, channels: 3 } as const;
  const pixels = await sharp(data, { raw, limitInputPixels: false })
    .resize({ ...size, fit: "fill" })
    .raw()
    .toBuffer();
  return { ...size, data: pixels };
}
