import { type RgbImage, WhyboxError } from "@whybox/core";
import type { Row } from "@whybox/report";
import { kindNumber } from "@whybox/report";
import type { Collected, ReportPicture } from "./collect.js";
import { type Sides, type SmallPictures, sidesFor, smallPicturesOf } from "./crops.js";
import { type FrameOptions, takeFrames } from "./take-frames.js";

export interface TakeOptions {
  decodeImage(location: string): Promise<RgbImage>;
  readonly readVideo: FrameOptions["readVideo"];
  /** Bytes that the small pictures may take. */
  readonly budget: number;
  readonly signal?: AbortSignal;
  readonly onPicture?: (done: number, total: number) => void;
}

/** The small pictures of a report. */
export interface TakenPictures {
  readonly of: ReadonlyMap<ReportPicture, SmallPictures>;
  /** Files that are gone, or cannot be read any more, or are not what they were. */
  readonly gone: readonly string[];
  /** Pictures that the budget did not reach. */
  readonly left: number;
  /** Why there are none of a video. */
  readonly complaints: readonly string[];
}

/** Pictures that are decoded at once. */
const AT_ONCE = 4;

/**
 * Makes the small pictures, of those first that are looked at first, until the budget is spent.
 * @throws aborted.
 */
export async function takePictures({ rows, pictures }: Collected, options: TakeOptions): Promise<TakenPictures> {
  const urgency = new Map(pictures.map((picture) => [picture, urgencyOf(picture, rows)]));
  const sorted = pictures.toSorted((a, b) => urgency.get(b)! - urgency.get(a)!);
  const queue = sorted.filter(({ location }) => location !== undefined);
  const frames = sorted.filter(({ video }) => video !== undefined);
  const total = queue.length + frames.length;
  const sides = sidesFor(options.budget, total);
  const of = new Map<ReportPicture, SmallPictures>();
  const gone: string[] = [];
  let [bytes, next, done] = [0, 0, 0];
  const work = async () => {
    while (next < queue.length && bytes < options.budget) {
      if (options.signal?.aborted) throw new WhyboxError("aborted", "The report was aborted.");
      const picture = queue[next++]!;
      const small = await take(picture, rows, options, sides);
      if (small === undefined) gone.push(picture.source);
      else of.set(picture, small);
      bytes += small === undefined ? 0 : bytesOf(small);
      options.onPicture?.(++done, total);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const onFrame = () => options.onPicture?.(++done, total);
  const filmed = await takeFrames(frames, { ...options, rows, sides, budget: options.budget - bytes, onFrame });
  for (const [frame, small] of filmed.of) of.set(frame, small);
  const left = queue.length - next + filmed.left;
  return { of, gone: gone.sort(), left, complaints: filmed.complaints };
}

/** Errors of the ground truth come first, then what looks most like a shortcut. */
function urgencyOf({ rows: numbers }: ReportPicture, rows: readonly Row[]): number {
  let most = 0;
  for (const number of numbers) {
    const { kind, suspicion } = rows[number]!;
    const isError = kind > kindNumber("hit");
    most = Math.max(most, (isError ? 1 : 0) + (suspicion || 0));
  }
  return most;
}

async function take(picture: ReportPicture, rows: readonly Row[], options: TakeOptions, sides: Sides) {
  let image: RgbImage;
  try {
    image = await options.decodeImage(picture.location!);
  } catch (error) {
    if (error instanceof WhyboxError && error.code !== "aborted") return undefined; // told with all that are gone
    throw error;
  }
  return smallPicturesOf(picture, image, rows, sides);
}

function bytesOf({ thumbnail, crops }: SmallPictures): number {
  return crops.reduce((sum, crop) => sum + (crop?.length ?? 0), thumbnail.length);
}
