import { WhyboxError } from "@whybox/core";
import type { KeptLines } from "./kept-lines.js";
import type { LedgerLines } from "./ledger.js";
import { refusePrivate } from "./refuse-private.js";
import type { SourceSettings } from "./schema.js";
import type { NumberedItem } from "./sources/item-list.js";
import { locationOf } from "./sources/list-items.js";
import type { Outcome, Task } from "./task.js";
import { openVideo, type Video, type VideoFrame } from "./video/read-video.js";

/** A unit of work of a run: an image, some consecutive frames, or the end of a video. */
export type Unit =
  /** An item whose lines a repair kept. */
  | { readonly kind: "kept"; readonly item: NumberedItem; readonly lines: LedgerLines }
  | { readonly kind: "image"; readonly item: NumberedItem; readonly location: string }
  | {
      readonly kind: "frames";
      readonly item: NumberedItem;
      readonly fps: number | null;
      /** The first frame is explained. */
      readonly frames: readonly VideoFrame[];
    }
  | {
      readonly kind: "end";
      readonly item: NumberedItem;
      readonly fps: number | null;
      /** Why the video ended early. The frames before are kept. */
      readonly complaint: string | undefined;
      /** Why the video has no frames. */
      readonly error: WhyboxError | undefined;
    };

export interface UnitOptions extends SourceSettings {
  readonly root: string;
  /** Fires at Ctrl-C. Then no item is started. A video stops without its end. A stream ends, and its frames so far are kept. */
  readonly signal: AbortSignal;
  /** Lines that a repair kept. */
  readonly kept?: KeptLines | undefined;
}

/** Converts items to units. Frames are decoded on demand, not ahead. */
export async function* unitsOf(items: AsyncIterable<NumberedItem>, options: UnitOptions): AsyncGenerator<Unit> {
  for await (const item of items) {
    if (options.signal.aborted) return;
    const lines = await options.kept?.take(item.item);
    const location = locationOf(item, options.root);
    if (lines !== undefined) yield { kind: "kept", item, lines };
    else if (item.kind === "image" || item.kind === "url") yield { kind: "image", item, location };
    else yield* framesOf(item, location, options);
  }
}

async function* framesOf(item: NumberedItem, location: string, options: UnitOptions): AsyncGenerator<Unit> {
  const { vidStride: stride, mapStride, maxFrames, signal } = options;
  let video: Video | undefined;
  let count = 0;
  let error: unknown;
  let frames: VideoFrame[] = [];
  try {
    if (!options.allowPrivate) await refusePrivate(location);
    video = await openVideo(location, { stride, maxFrames, signal });
    for await (const frame of video.frames()) {
      count++;
      frames.push(frame);
      if (frames.length < mapStride) continue;
      yield { kind: "frames", item, fps: video.fps, frames };
      frames = [];
    }
  } catch (cause) {
    if (!(cause instanceof WhyboxError) || cause.code === "usage") throw cause;
    error = cause;
  }
  if (signal.aborted && (item.kind === "video" || count === 0)) return;
  if (frames.length > 0) yield { kind: "frames", item, fps: video?.fps ?? null, frames };
  const complaint = video?.complaint() ?? (count > 0 && error instanceof WhyboxError ? error.message : undefined);
  yield {
    kind: "end",
    item,
    fps: video?.fps ?? null,
    complaint,
    error: count > 0 ? undefined : nothing(item, error, complaint),
  };
}

function nothing({ source }: NumberedItem, error: unknown, complaint: string | undefined): WhyboxError {
  if (error instanceof WhyboxError) return error;
  const why = complaint === undefined ? "" : `: ${complaint}`;
  return new WhyboxError(
    "bad-input",
    `${source} has no frame that can be decoded${why}. Check that it plays in a video player.`,
  );
}

/** The task of a unit; undefined for kept lines and for the end of a video. */
export function taskOf(unit: Unit, folder: string): Task | undefined {
  if (unit.kind === "end" || unit.kind === "kept") return undefined;
  const { item, source } = unit.item;
  if (unit.kind === "image") return { kind: "image", item, source, location: unit.location, folder };
  return { kind: "frames", item, frames: unit.frames };
}

export type { Outcome };
