import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { RgbImage } from "@whybox/core";
import pixelmatch from "pixelmatch";
import sharp from "sharp";
import { expect } from "vitest";

const root = resolve(import.meta.dirname, "../../../..");
/** Where the images of failed tests go. Git ignores it. */
const failures = join(root, "test-results/images");
/** `npm run test:update-images` sets it. */
const updating = process.env.WHYBOX_UPDATE_IMAGES === "1";

export interface Tolerance {
  /** How different a pixel's colour may be, 0 to 1, before the pixel counts as different. */
  readonly colour: number;
  /** How many pixels may be different, as a share of all. */
  readonly pixels: number;
}

/** An image of the test: decoded, or the bytes of a PNG. */
export type TestedImage = RgbImage | Uint8Array;

/**
 * Compares an image with its reference, a PNG file in Git. `npm run test:update-images` writes the reference anew.
 * @throws with the places of the image and of the difference when they differ.
 */
export async function expectImage(tested: TestedImage, reference: string, tolerance: Tolerance): Promise<void> {
  const actual = await decode(tested);
  if (updating) return writeReference(actual, reference);
  const problem = await compare(actual, reference, tolerance);
  if (problem === undefined) return;
  expect.fail(`${relative(root, reference)} ${problem}
If the new image is as it should be, run: npm run test:update-images`);
}

/** What is wrong with an image, and where its files are; undefined when it is as it should be. */
async function compare(actual: RgbImage, reference: string, tolerance: Tolerance): Promise<string | undefined> {
  const bytes = await readFile(reference).catch(() => undefined);
  const kept = join(failures, basename(reference, ".png"));
  const saved = async () => `The test's image: ${await save(actual, `${kept}.actual.png`)}`;
  if (bytes === undefined) return `does not exist. ${await saved()}`;
  const expected = await decode(bytes);
  const { width, height } = actual;
  if (expected.width !== width || expected.height !== height) {
    return `is ${expected.width} × ${expected.height}, the test's image is ${width} × ${height}. ${await saved()}`;
  }
  const difference = new Uint8Array(width * height * 4);
  const options = { threshold: tolerance.colour };
  const different = pixelmatch(rgbaOf(expected), rgbaOf(actual), difference, width, height, options);
  const share = different / (width * height);
  if (share <= tolerance.pixels) return undefined;
  const shown = await save({ width, height, data: rgbOf(difference) }, `${kept}.difference.png`);
  return `differs in ${percent(share)} of the pixels, allowed are ${percent(tolerance.pixels)}.
${await saved()}
The difference, in red: ${shown}`;
}

async function writeReference(image: RgbImage, path: string): Promise<void> {
  await save(image, path);
  console.info(`written: ${relative(root, path)}`);
}

async function decode(image: TestedImage): Promise<RgbImage> {
  if (!(image instanceof Uint8Array)) return image;
  const { data, info } = await sharp(image)
    .removeAlpha()
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

/** Saves a PNG of 256 colours, a quarter of the size of one with all of them. @returns its path from the repository's folder. */
async function save({ width, height, data }: RgbImage, path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .png({ palette: true, effort: 10 })
    .toBuffer();
  await writeFile(path, png);
  return relative(root, path);
}

function rgbaOf({ data }: RgbImage): Uint8Array {
  return Uint8Array.from({ length: (data.length / 3) * 4 }, (_, i) =>
    i % 4 === 3 ? 255 : data[(i >> 2) * 3 + (i % 4)]!,
  );
}

function rgbOf(rgba: Uint8Array): Uint8Array {
  return rgba.filter((_, i) => i % 4 !== 3);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(3)} %`;
}
