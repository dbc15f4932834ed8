import { type RgbImage, WhyboxError } from "@whybox/core";
import type { Row } from "@whybox/report";
import type { ReportImage } from "./collect.js";
import { bytesAt, type Sides, type SmallImages, smallImagesOf } from "./crops.js";

export interface FrameOptions {
  readonly rows: readonly Row[];
  readonly sides: Sides;
  /** Approximate maximum size of the thumbnails and crops, in bytes. */
  readonly budget: number;
  /** Reads the frames that the run explained, in order. */
  readVideo(location: string): AsyncIterable<{ readonly frame: number; readonly image: RgbImage }>;
  readonly signal?: AbortSignal;
  readonly onFrame: () => void;
}

export interface TakenFrames {
  readonly of: ReadonlyMap<ReportImage, SmallImages>;
  /** Number of frames beyond the budget. */
  readonly left: number;
  /** Why frames of a video are missing. */
  readonly complaints: readonly string[];
}

/** Makes the thumbnails and crops of frames. It reads each video once, up to the last frame that it needs.
 * @param frames the frames, most important first. @throws aborted
 */
export async function takeFrames(frames: readonly ReportImage[], options: FrameOptions): Promise<TakenFrames> {
  const chosen = frames.slice(0, Math.max(0, Math.floor(options.budget / bytesAt(options.sides))));
  const byVideo = new Map<string, ReportImage[]>();
  for (const image of chosen) byVideo.set(image.video!, [...(byVideo.get(image.video!) ?? []), image]);
  const of = new Map<ReportImage, SmallImages>();
  const complaints: string[] = [];
  for (const [video, images] of byVideo) {
    const complaint = await takeOf(video, images, of, options);
    if (complaint !== undefined) complaints.push(`${images[0]!.source}: ${complaint}`);
  }
  return { of, left: frames.length - chosen.length, complaints };
}

/** Reads the frames of one video. @returns why frames are missing, if any. */
async function takeOf(
  video: string,
  images: readonly ReportImage[],
  of: Map<ReportImage, SmallImages>,
  { rows, sides, readVideo, signal, onFrame }: FrameOptions,
): Promise<string | undefined> {
  const wanted = new Map(images.map((image) => [image.frame, image]));
  try {
    for await (const { frame, image: pixels } of readVideo(video)) {
      if (signal?.aborted) break;
      const image = wanted.get(frame);
      const small = image && (await smallImagesOf(image, pixels, rows, sides));
      if (small === undefined) continue;
      of.set(image!, small);
      onFrame();
      wanted.delete(frame);
      if (wanted.size === 0) return undefined;
    }
  } catch (error) {
    if (error instanceof WhyboxError && error.code !== "aborted") return error.message; // The notes report it.
    throw error;
  }
  if (signal?.aborted) throw new WhyboxError("aborted", "The report was aborted.");
  return `${wanted.size} of the ${images.length} frames are missing, or have another size.`;
}
