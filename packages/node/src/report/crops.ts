import type { RgbImage } from "@whybox/core";
import type { Row } from "@whybox/report";
import { grids } from "@whybox/report";
import sharp from "sharp";
import type { ReportPicture } from "./collect.js";

/** Longest sides of the small pictures in a page, in pixels. */
export interface Sides {
  readonly thumbnail: number;
  readonly crop: number;
}

const least: Sides = { thumbnail: 224, crop: 112 };
/** Few pictures are shown up to so much larger. */
const MOST_TIMES = 3;
/** What a picture takes about, with its crops, at the least sides. */
const PICTURE_BYTES = 10_000;
const QUALITY = 50;

/** As large as so many bytes allow for so many pictures. */
export function sidesFor(budget: number, pictures: number): Sides {
  const times = Math.min(MOST_TIMES, Math.max(1, Math.sqrt(budget / (pictures * PICTURE_BYTES))));
  return { thumbnail: Math.round(least.thumbnail * times), crop: Math.round(least.crop * times) };
}

/** What a picture takes about at these sides. */
export function bytesAt({ thumbnail }: Sides): number {
  return PICTURE_BYTES * (thumbnail / least.thumbnail) ** 2;
}

/** The small pictures of one picture: itself, and for each box what lies around it; undefined where the small picture shows as much. */
export interface SmallPictures {
  readonly thumbnail: Uint8Array;
  readonly crops: readonly (Uint8Array | undefined)[];
}

/** Those of a report's picture; undefined when the pixels are not those of the run. */
export async function smallPicturesOf(
  { size: [height, width], rows: numbers }: ReportPicture,
  image: RgbImage,
  rows: readonly Row[],
  sides: Sides,
): Promise<SmallPictures | undefined> {
  if (image.height !== height || image.width !== width) return undefined;
  const boxes = numbers.map((number) => {
    const { x1, y1, x2, y2 } = rows[number]!;
    return [x1, y1, x2, y2] as const;
  });
  return smallPictures(image, boxes, sides);
}

/** Draws them, as WebP. @param boxes left, top, right, bottom in pixels. */
async function smallPictures(
  image: RgbImage,
  boxes: readonly (readonly [number, number, number, number])[],
  sides: Sides,
): Promise<SmallPictures> {
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

/** Twice the box about its centre, in whole pixels, as far as it lies in the picture; undefined when nothing does. */
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
