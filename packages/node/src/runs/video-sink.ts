import { join } from "node:path";
import { jsonText } from "@whybox/core";
import { stemOf } from "../images/output-names.js";
import { fileFolder } from "./explain-task.js";
import type { LedgerLines } from "./ledger.js";
import {
  noTime,
  type RunFailureLine,
  type RunVideoLine,
  runFiles,
  runFilesVersion,
  type TimingLine,
} from "./schema.js";
import type { Outcome } from "./task.js";
import type { Unit } from "./units.js";
import type { VideoFrame } from "./video/read-video.js";
import { VideoWriter } from "./video/write-video.js";

type Frames = Extract<Unit, { kind: "frames" }>;
type Done = Extract<Outcome, { ok: true }>;

/** Frames per second of a source with an unknown rate. */
const DEFAULT_RATE = 25;

/** Collects the frames of a video in order, until its end. */
export class VideoSink {
  readonly #folder: string;
  readonly #stride: number;
  #writer: VideoWriter | undefined;
  #frames = 0;
  #detections = 0;
  #size: [number, number] = [0, 0];
  #ms: TimingLine["ms"] = { ...noTime };
  #error: { readonly code: string; readonly message: string } | undefined;

  constructor(folder: string, stride: number) {
    this.#folder = folder;
    this.#stride = stride;
  }

  /** @throws output; usage without ffmpeg. */
  async add(unit: Frames, outcomes: readonly Outcome[]): Promise<void> {
    for (const [i, outcome] of outcomes.entries()) await this.#frame(unit, unit.frames[i]!, outcome);
  }

  async #frame(unit: Frames, frame: VideoFrame, outcome: Outcome): Promise<void> {
    if (!outcome.ok) this.#error ??= { code: outcome.code, message: `Frame ${frame.frame}: ${outcome.message}` };
    if (!outcome.ok || this.#error !== undefined) return;
    this.#writer ??= await this.#open(unit, frame, outcome);
    await this.#writer.add(outcome.overlay!, outcome.result, outcome.maps);
    this.#frames++;
    this.#detections += outcome.detections;
    for (const stage of Object.keys(this.#ms) as (keyof TimingLine["ms"])[]) this.#ms[stage] += outcome.ms[stage];
  }

  async #open({ item, fps }: Frames, { image }: VideoFrame, { overlay }: Done): Promise<VideoWriter> {
    this.#size = [image.height, image.width];
    const stem = `${fileFolder(item.item)}/${item.item}-${stemOf(item.source)}`;
    const rate = (fps ?? DEFAULT_RATE) / this.#stride;
    return VideoWriter.open(this.#folder, join(this.#folder, runFiles.temporary), stem, overlay!, rate);
  }

  /** Completes the video. Returns its lines, and the files that they refer to. @throws output. */
  async end({ item: { item, source }, fps, complaint, error }: Extract<Unit, { kind: "end" }>) {
    const failed = this.#error ?? error;
    const writer = this.#writer;
    const [frames, ms] = [this.#frames, this.#ms];
    if (failed !== undefined || writer === undefined) {
      await this.discard();
      return { lines: failureLines(item, source, failed?.code ?? "bad-input", failed?.message ?? ""), files: [] };
    }
    const files = await writer.finish();
    const line: RunVideoLine = {
      ...{ v: runFilesVersion, item, source, kind: "video", size: this.#size, fps },
      ...{ frames, stride: this.#stride, detections: this.#detections, warning: complaint ?? null, files },
    };
    this.#reset();
    const rounded = Object.fromEntries(
      Object.entries(ms).map(([stage, value]) => [stage, Math.round(value * 1e3) / 1e3]),
    );
    return {
      lines: {
        [runFiles.results]: jsonText(line),
        [runFiles.maps]: emptyMaps(item),
        [runFiles.timings]: timingLine(item, frames, rounded as TimingLine["ms"]),
      } satisfies LedgerLines,
      files: Object.values(files).map((path) => join(this.#folder, path)),
    };
  }

  async discard(): Promise<void> {
    await this.#writer?.discard();
    this.#reset();
  }

  #reset(): void {
    this.#writer = undefined;
    this.#error = undefined;
    [this.#frames, this.#detections] = [0, 0];
    this.#ms = { ...noTime };
  }
}

/** The lines of an item that cannot be explained. */
export function failureLines(item: number, source: string, code: string, message: string): LedgerLines {
  const line: RunFailureLine = { v: runFilesVersion, item, source, kind: "failure", error: { code, message } };
  return {
    [runFiles.results]: jsonText(line),
    [runFiles.maps]: emptyMaps(item),
    [runFiles.timings]: timingLine(item, 0, noTime),
  };
}

export function timingLine(item: number, frames: number, ms: TimingLine["ms"]): string {
  return JSON.stringify({ v: runFilesVersion, item, frames, ms } satisfies TimingLine);
}

function emptyMaps(item: number): string {
  return JSON.stringify({ v: runFilesVersion, item, maps: [] });
}
