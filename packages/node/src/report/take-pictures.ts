import { type RgbImage, WhyboxError } from "@whybox/core";
import type { Collected, ReportPicture } from "./collect.js";
import { type Sides, type SmallPictures, sidesFor, smallPictures } from "./crops.js";
import { kindNumber } from "./format.js";
import type { Row } from "./rows.js";

export interface TakeOptions {
  decodeImage(location: string): Promise<RgbImage>;
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
  readonly bytes: number;
}

/** Pictures that are decoded at once. */
const AT_ONCE = 4;

/**
 * Makes the small pictures, of those first that are looked at first, until the budget is spent.
 * @throws aborted.
 */
export async function takePictures({ rows, pictures }: Collected, options: TakeOptions): Promise<TakenPictures> {
  const files = pictures.filter(({ location }) => location !== undefined);
  const urgency = new Map(files.map((picture) => [picture, urgencyOf(picture, rows)]));
  const queue = files.toSorted((a, b) => urgency.get(b)! - urgency.get(a)!);
  const sides = sidesFor(options.budget, queue.length);
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
      options.onPicture?.(++done, queue.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { of, gone: gone.sort(), left: queue.length - next, bytes };
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
  const [height, width] = picture.size;
  if (image.height !== height || image.width !== width) return undefined;
  const boxes = picture.rows.map((number) => {
    const { x1, y1, x2, y2 } = rows[number]!;
    return [x1, y1, x2, y2] as const;
  });
  return smallPictures(image, boxes, sides);
}

function bytesOf({ thumbnail, crops }: SmallPictures): number {
  return crops.reduce((sum, crop) => sum + (crop?.length ?? 0), thumbnail.length);
}
