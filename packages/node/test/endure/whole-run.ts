import { execFileSync, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { contents, imageNames, miniOptions, putImages, runWorld } from "../runs/world.js";
import { whybox } from "../support/launch.js";

/** A folder of sources, and what a run makes of them when nothing disturbs it. */
export interface WholeRun {
  readonly cwd: string;
  /** What is passed to `whybox run` and `whybox shard plan`. */
  readonly argv: readonly string[];
  /** Number of sources. */
  readonly items: number;
  /** Every file but the timings, in hexadecimal. */
  readonly files: Readonly<Record<string, string>>;
  /** How long it took. */
  readonly ms: number;
}

export interface WholeOptions {
  readonly images: number;
  /** Where the folder is created. */
  readonly parent?: string;
  /** Whether there are files beside the lines, and a video. */
  readonly hasFiles?: boolean;
}

/** Runs images, a file that is no image and, with ffmpeg, a video. */
export async function wholeRun({ images, parent, hasFiles = true }: WholeOptions): Promise<WholeRun> {
  const cwd = await runWorld(parent);
  await putImages(cwd, imageNames(images));
  await writeFile(join(cwd, "p/bad.png"), "I am no image.");
  const hasVideo = hasFiles && spawnSync("ffmpeg", ["-version"]).status === 0;
  if (hasVideo) {
    const clip = "testsrc=size=64x48:rate=10:duration=1";
    execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", clip, join(cwd, "p/020-clip.mp4")]);
  }
  const argv = [
    "p",
    ...(hasFiles ? ["--save", "png", "npy"] : []),
    ...miniOptions.slice(0, miniOptions.indexOf("--workers")),
  ];
  const started = performance.now();
  expect(await whybox(["run", ...argv, "--out", "whole", "--workers", "2"], { cwd })).toMatchObject({ code: 0 });
  const ms = performance.now() - started;
  return { cwd, argv, items: images + (hasVideo ? 2 : 1), files: await contents(join(cwd, "whole")), ms };
}

/** What differs is named instead of printed: the bytes are long. */
export async function expectWhole(out: string, { files, items }: WholeRun, note: string): Promise<void> {
  const { "shards.json": _, ...found } = await contents(out);
  const names = new Set([...Object.keys(files), ...Object.keys(found)]);
  expect([...names].filter((name) => files[name] !== found[name]).sort(), note).toEqual([]);
  const timings = Buffer.from((await contents(out, { timings: true }))["timings.jsonl"]!, "hex").toString();
  expect(timings.trimEnd().split("\n"), note).toHaveLength(items);
}

/**
 * Checks a folder that was left in the middle: its images, arrays and videos are those of the undisturbed run, and the complete lines
 * are consecutive lines of it. A line at the end may be incomplete.
 */
export async function expectPart(out: string, { files }: WholeRun, note: string): Promise<void> {
  const wrong: string[] = [];
  for (const [path, hex] of Object.entries(await contents(out))) {
    // A shard has the parts of a run in a folder of its own.
    const name = path.replace(/^shards\/\d+\//, "");
    if (/^(tmp\/|lock|shards?\.json$|_SUCCESS$|\.whybox-)/.test(name)) continue;
    const right = /^(results|maps)\.jsonl$/.test(name) ? hasLines(files[name]!, hex) : files[name] === hex;
    if (!right) wrong.push(path);
  }
  expect(wrong, note).toEqual([]);
}

function hasLines(whole: string, part: string): boolean {
  const text = (hex: string) => Buffer.from(hex, "hex").toString();
  const complete = text(part).replace(/[^\n]*$/, "");
  return `\n${text(whole)}`.includes(`\n${complete}`);
}
