import type { RgbImage } from "@whybox/core";
import type { Row } from "@whybox/report";
import { grids } from "@whybox/report";
import sharp from "sharp";
import type { ReportImage } from "./collect.js";

/** Longest sides of the thumbnails and crops in a page, in pixels. */
export interface Sides {
  readonly thumbnail: number;
  readonly crop: number;
}

const minimum: Sides = { thumbnail: 224, crop: 112 };
/** Maximum scale of the sides, for reports with few images. */
const MAX_SCALE = 3;
/** Approximate size of a thumbnail with its crops in bytes, at the minimum sides. */
const IMAGE_BYTES = 10_000;
const QUALITY = 50;

/** The largest sides for a budget in bytes and a number of images. */
export function sidesFor(budget: number, images: number): Sides {
  const times = Math.min(MAX_SCALE, Math.max(1, Math.sqrt(budget / (images * IMAGE_BYTES))));
  return { thumbnail: Math.round(minimum.thumbnail * times), crop: Math.round(minimum.crop * times) };
}

/** Approximate size in bytes of an image's thumbnail and crops, at these sides. */
export function bytesAt({ thumbnail }: Sides): number {
  return IMAGE_BYTES * (thumbnail / minimum.thumbnail) ** 2;
}

/** The thumbnail of an image, and a crop around each box. A crop is undefined if the thumbnail shows the same detail. */
export interface SmallImages {
  readonly thumbnail: Uint8Array;
  readonly crops: readonly (Uint8Array | undefined)[];
}

/** The thumbnail and crops of a report's image. Undefined if the image's size has changed since the run. */
export async function smallImagesOf(
  { size: [height, width], rows: numbers }: ReportImage,
  image: RgbImage,
  rows: readonly Row[],
  sides: Sides,
): Promise<SmallImages | undefined> {
  if (image.height !== height || image.width !== width) return undefined;
  const boxes = numbers.map((number) => {
    const { x1, y1, x2, y2 } = rows[number]!;
    return [x1, y1, x2, y2] as const;
  });
  return smallImages(image, boxes, sides);
}

/** Draws the thumbnail and the crops, as WebP. @param boxes left, top, right, bottom in pixels. */
async function smallImages(
  image: RgbImage,
  boxes: readonly (readonly [number, number, number, number])[],
  sides: Sides,
): Promise<SmallImages> {
  const { height, width } = image;
  const scale = Math.min(1, sides.thumbnail / Math.max(height, width));
  const crops: (Uint8Array | undefined)[] = [];
  for (const box of boxes) {
    const region = cropRegion(box, image);
    const longest = region === undefined ? 0 : Math.max(region.width, region.height);
    const suffices = longest * scale >= 0.9 * Math.min(longest, sides.crop);
    crops.push(region === undefined || suffices ? undefined : await encode(image, region, sides.crop));
  }
  const whole = { left: 0, top: 0, width, height };
  return { thumbnail: await encode(image, whole, sides.thumbnail), crops };
}

interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The region of twice the box's size with the same centre, in whole pixels, clipped to the image. Undefined if it is empty. */
function cropRegion(
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  { height, width }: { readonly height: number; readonly width: number },
): Region | undefined {
  const more = (grids.context - 1) / 2;
  const [w, h] = [(x2 - x1) * more, (y2 - y1) * more];
  const [left, top] = [Math.max(0, Math.floor(x1 - w)), Math.max(0, Math.floor(y1 - h))];
  const [right, bottom] = [Math.min(width, Math.ceil(x2 + w)), Math.min(height, Math.ceil(y2 + h))];
  return right > left && bottom > top ? { left, top, width: right - left, height: bottom - top } : undefined;
}

async function encode({ height, width, data }: RgbImage, region: Region, side: number): Promise<Uint8Array> {
  return sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .extract(region)
    .resize({ width: side, height: side, fit: "inside", withoutEnlargement: true })
    .webp({ quality: QUALITY, effort: 2 })
    .toBuffer();
}
