import { createRandom } from "../../algebra/random.js";
import { shuffle } from "../../algebra/shuffled.js";
import type { Detection } from "../../detector/detection.js";
import { boxIou } from "../../detector/nms.js";
import { throwIfAborted, WhyboxError } from "../../errors.js";
import type { RgbImage, Size } from "../../image/frame.js";
import type { CheckImage } from "./check-options.js";
import type { CheckResult } from "./check-result.js";
import { FixedRows } from "./fixed-score.js";

/** A detection whose maps are checked. */
export interface Subject {
  readonly image: CheckImage;
  readonly imageSize: Size;
  readonly detection: Detection;
  readonly rows: FixedRows;
  /** The detection of the box swap, if the image has another one. */
  readonly other: { readonly detection: Detection; readonly rows: FixedRows } | undefined;
}

export interface Chosen {
  /** Detections of one image are next to each other, in the order of the images. */
  readonly subjects: readonly Subject[];
  readonly images: CheckResult["images"];
}

/** How detections are found and chosen. */
export interface Choice {
  readonly limit: number;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  readonly detect: (image: RgbImage) => Promise<readonly Detection[]>;
}

/** Boxes that overlap more than this show the same place. */
const SAME_PLACE = 0.5;

interface Seen {
  readonly image: CheckImage;
  readonly imageSize: Size;
  readonly found: readonly Detection[];
  /** The detections to check, the first choice first. */
  readonly order: readonly Detection[];
}

/**
 * Chooses detections at random: one of each image in a random order of the images, then a second one of each, up to the limit. Images that are not needed
 * for this are not opened. An image that cannot be opened is passed over.
 * @throws bad-input if no image has a detection.
 */
export async function chooseSubjects(images: readonly CheckImage[], choice: Choice): Promise<Chosen> {
  const { limit, seed, signal, detect } = choice;
  const seen: Seen[] = [];
  const empty: string[] = [];
  const failures: { readonly image: string; readonly error: unknown }[] = [];
  for (const [stream, image] of shuffle([...images], createRandom(seed)).entries()) {
    if (seen.length === limit) break;
    throwIfAborted(signal);
    try {
      const opened = await image.open();
      const found = await detect(opened);
      const order = shuffle([...found], createRandom(seed, stream + 1));
      if (found.length === 0) empty.push(image.name);
      else seen.push({ image, imageSize: [opened.height, opened.width], found, order });
    } catch (error) {
      if (!(error instanceof WhyboxError) || error.code !== "bad-input") throw error;
      failures.push({ image: image.name, error });
    }
  }
  if (seen.length === 0) throw nothingFound(images.length, failures);
  const place = new Map(images.map((image, i) => [image, i]));
  const inOrder = seen.toSorted((a, b) => place.get(a.image)! - place.get(b.image)!);
  const counts = countsUpTo(limit, seen);
  return {
    subjects: inOrder.flatMap((one) =>
      one.order.slice(0, counts.get(one)).map((detection) => subjectOf(one, detection)),
    ),
    images: { checked: inOrder.map(({ image }) => image.name), empty, failures },
  };
}

/** The number of detections of each image. */
function countsUpTo(limit: number, seen: readonly Seen[]): ReadonlyMap<Seen, number> {
  const counts = new Map(seen.map((one) => [one, 0]));
  const most = Math.max(...seen.map(({ order }) => order.length));
  let left = limit;
  for (let round = 1; round <= most; round++) {
    for (const one of seen) {
      if (left === 0) return counts;
      if (one.order.length < round) continue;
      counts.set(one, round);
      left--;
    }
  }
  return counts;
}

function subjectOf({ image, imageSize, found }: Seen, detection: Detection): Subject {
  const iou = (one: Detection) => boxIou(one.boxInput, detection.boxInput);
  const other = found
    .filter((one) => one !== detection && one.isWholeImage !== true && iou(one) < SAME_PLACE)
    .sort((a, b) => iou(a) - iou(b) || a.index - b.index)[0];
  return {
    ...{ image, imageSize, detection, rows: new FixedRows() },
    other: other && { detection: other, rows: new FixedRows() },
  };
}

function nothingFound(images: number, failures: CheckResult["images"]["failures"]): WhyboxError {
  const [first] = failures;
  const unread = first === undefined ? "" : ` ${failures.length} of them could not be opened: ${String(first.error)}`;
  return new WhyboxError(
    "bad-input",
    `None of ${images} images has a detection, so there is no map to check.${unread} Give images with objects of the model's classes, or a lower minimum confidence.`,
  );
}
