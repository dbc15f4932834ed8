import { WhyboxError } from "@whybox/core";
import { type OpenRun, type RunImage, readRun } from "../report/read-run.js";
import type { PairedSources } from "./pair-sources.js";

/** The images and failures of a run, without their maps. */
export interface RunIndex {
  /** Each source once, in order. */
  readonly sources: readonly string[];
  readonly failures: number;
  /** Number of images and frames. */
  readonly images: number;
}

export async function indexRun(run: OpenRun): Promise<RunIndex> {
  const sources = new Set<string>();
  let [failures, images] = [0, 0];
  for await (const entry of readRun(run, { withMaps: false })) {
    if (entry.kind === "failure") failures++;
    if (entry.kind !== "picture") continue;
    sources.add(entry.source);
    images++;
  }
  return { sources: [...sources], failures, images };
}

/** An image or frame that is in both runs. */
export interface JoinedImage {
  readonly first: RunImage;
  readonly second: RunImage;
}

/** Maximum number of images that wait for their partner. Runs of the same list need one. */
const MAX_WAITING = 20_000;

/**
 * Yields the images that are in both runs. Both runs are read at the same time, so that equal lists need little memory.
 * @throws limit if the orders of two long runs differ too much.
 */
export async function* joinRuns(
  first: OpenRun,
  second: OpenRun,
  { partner }: PairedSources,
): AsyncGenerator<JoinedImage> {
  const origin = new Map([...partner].map(([one, other]) => [other, one]));
  const waiting = { first: new Map<string, RunImage>(), second: new Map<string, RunImage>() };
  const readers = { first: imagesOf(first), second: imagesOf(second) };
  const open = new Set(["first", "second"] as const);
  try {
    while (open.size > 0) {
      for (const side of [...open]) {
        const { value: image, done } = await readers[side].next();
        if (done) {
          open.delete(side);
          continue;
        }
        const source = side === "first" ? image.source : origin.get(image.source);
        if (source === undefined || !partner.has(source)) continue;
        const key = `${source}\n${image.frame ?? ""}`;
        const other = side === "first" ? "second" : "first";
        const there = waiting[other].get(key);
        waiting[other].delete(key);
        if (there === undefined) waiting[side].set(key, image);
        else yield side === "first" ? { first: image, second: there } : { first: there, second: image };
        if (waiting.first.size + waiting.second.size > MAX_WAITING) throw tooFarApart();
      }
    }
  } finally {
    await Promise.all([readers.first.return(undefined), readers.second.return(undefined)]);
  }
}

async function* imagesOf(run: OpenRun): AsyncGenerator<RunImage, undefined> {
  for await (const entry of readRun(run)) if (entry.kind === "picture") yield entry;
}

function tooFarApart(): WhyboxError {
  return new WhyboxError(
    "limit",
    `The two runs have their images in different orders: more than ${MAX_WAITING} images wait for their partner. Pass the sources of both runs in the same order.`,
  );
}
