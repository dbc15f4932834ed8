import { type RgbImage, WhyboxError } from "@whybox/core";
import type { Row } from "@whybox/report";
import type { ReportPicture } from "./collect.js";
import { bytesAt, type Sides, type SmallPictures, smallPicturesOf } from "./crops.js";

export interface FrameOptions {
  readonly rows: readonly Row[];
  readonly sides: Sides;
  /** Bytes that the small pictures may take, about. */
  readonly budget: number;
  /** The frames that the run explained, in their order. */
  readVideo(location: string): AsyncIterable<{ readonly frame: number; readonly image: RgbImage }>;
  readonly signal?: AbortSignal;
  readonly onFrame: () => void;
}

export interface TakenFrames {
  readonly of: ReadonlyMap<ReportPicture, SmallPictures>;
  /** Frames that the budget does not reach. */
  readonly left: number;
  /** Why there are none of a video. */
  readonly complaints: readonly string[];
}

/**
 * Makes the small pictures of frames: each video is read once more, up to the last of its frames that is wanted.
 * @param frames those first that are looked at first. @throws aborted.
 */
export async function takeFrames(frames: readonly ReportPicture[], options: FrameOptions): Promise<TakenFrames> {
  const chosen = frames.slice(0, Math.max(0, Math.floor(options.budget / bytesAt(options.sides))));
  const byVideo = new Map<string, ReportPicture[]>();
  for (const picture of chosen) byVideo.set(picture.video!, [...(byVideo.get(picture.video!) ?? []), picture]);
  const of = new Map<ReportPicture, SmallPictures>();
  const complaints: string[] = [];
  for (const [video, pictures] of byVideo) {
    const complaint = await takeOf(video, pictures, of, options);
    if (complaint !== undefined) complaints.push(`${pictures[0]!.source}: ${complaint}`);
  }
  return { of, left: frames.length - chosen.length, complaints };
}

/** @returns why some are missing. */
async function takeOf(
  video: string,
  pictures: readonly ReportPicture[],
  of: Map<ReportPicture, SmallPictures>,
  { rows, sides, readVideo, signal, onFrame }: FrameOptions,
): Promise<string | undefined> {
  const wanted = new Map(pictures.map((picture) => [picture.frame, picture]));
  try {
    for await (const { frame, image } of readVideo(video)) {
      if (signal?.aborted) break;
      const picture = wanted.get(frame);
      const small = picture && (await smallPicturesOf(picture, image, rows, sides));
      if (small === undefined) continue;
      of.set(picture!, small);
      onFrame();
      wanted.delete(frame);
      if (wanted.size === 0) return undefined;
    }
  } catch (error) {
    if (error instanceof WhyboxError && error.code !== "aborted") return error.message; // told in the notes
    throw error;
  }
  if (signal?.aborted) throw new WhyboxError("aborted", "The report was aborted.");
  return `it has ${wanted.size} of the ${pictures.length} frames no more, or of another size.`;
}
