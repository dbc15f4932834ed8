import { type RgbImage, WhyboxError } from "@whybox/core";
import type { Row } from "@whybox/report";
import { kindNumber } from "@whybox/report";
import type { Collected, ReportImage } from "./collect.js";
import { type Sides, type SmallImages, sidesFor, smallImagesOf } from "./crops.js";
import { type FrameOptions, takeFrames } from "./take-frames.js";

export interface TakeOptions {
  decodeImage(location: string): Promise<RgbImage>;
  readonly readVideo: FrameOptions["readVideo"];
  /** Maximum size of the thumbnails and crops, in bytes. */
  readonly budget: number;
  readonly signal?: AbortSignal;
  readonly onImage?: (done: number, total: number) => void;
}

export interface TakenImages {
  readonly of: ReadonlyMap<ReportImage, SmallImages>;
  /** Files that are missing, unreadable or changed since the run. */
  readonly gone: readonly string[];
  /** Number of images beyond the budget. */
  readonly left: number;
  /** Why frames of a video are missing. */
  readonly complaints: readonly string[];
}

/** Number of images decoded in parallel. */
const AT_ONCE = 4;

/** Makes the thumbnails and crops, most important images first, until the budget is used. @throws aborted */
export async function takeImages({ rows, images }: Collected, options: TakeOptions): Promise<TakenImages> {
  const urgency = new Map(images.map((image) => [image, urgencyOf(image, rows)]));
  const sorted = images.toSorted((a, b) => urgency.get(b)! - urgency.get(a)!);
  const queue = sorted.filter(({ location }) => location !== undefined);
  const frames = sorted.filter(({ video }) => video !== undefined);
  const total = queue.length + frames.length;
  const sides = sidesFor(options.budget, total);
  const of = new Map<ReportImage, SmallImages>();
  const gone: string[] = [];
  let [bytes, next, done] = [0, 0, 0];
  const work = async () => {
    while (next < queue.length && bytes < options.budget) {
      if (options.signal?.aborted) throw new WhyboxError("aborted", "The report was aborted.");
      const image = queue[next++]!;
      const small = await take(image, rows, options, sides);
      if (small === undefined) gone.push(image.source);
      else of.set(image, small);
      bytes += small === undefined ? 0 : bytesOf(small);
      options.onImage?.(++done, total);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const onFrame = () => options.onImage?.(++done, total);
  const filmed = await takeFrames(frames, { ...options, rows, sides, budget: options.budget - bytes, onFrame });
  for (const [frame, small] of filmed.of) of.set(frame, small);
  const left = queue.length - next + filmed.left;
  return { of, gone: gone.sort(), left, complaints: filmed.complaints };
}

/** The importance of an image: errors according to the ground truth come first, then high suspicion. */
function urgencyOf({ rows: numbers }: ReportImage, rows: readonly Row[]): number {
  let max = 0;
  for (const number of numbers) {
    const { kind, suspicion } = rows[number]!;
    const isError = kind > kindNumber("hit");
    max = Math.max(max, (isError ? 1 : 0) + (suspicion || 0));
  }
  return max;
}

async function take(image: ReportImage, rows: readonly Row[], options: TakeOptions, sides: Sides) {
  let pixels: RgbImage;
  try {
    pixels = await options.decodeImage(image.location!);
  } catch (error) {
    if (error instanceof WhyboxError && error.code !== "aborted") return undefined; // The notes report all missing files together.
    throw error;
  }
  return smallImagesOf(image, pixels, rows, sides);
}

function bytesOf({ thumbnail, crops }: SmallImages): number {
  return crops.reduce((sum, crop) => sum + (crop?.length ?? 0), thumbnail.length);
}
