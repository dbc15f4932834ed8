import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import sharp from "sharp";
import { expect, it } from "vitest";
import { miniOptions, runWorld } from "../runs/world.js";
import { whybox } from "../support/launch.js";
import { readPage } from "./read-page.js";

const noFfmpeg = spawnSync("ffmpeg", ["-version"]).status !== 0;
// CI must have ffmpeg: see .ci/run.
if (noFfmpeg && process.env.CI === "true") throw new Error("no ffmpeg here: reports of videos are not tested");

it.skipIf(noFfmpeg)("shows the explained frames of a video", { timeout: 300_000 }, async () => {
  const cwd = await runWorld();
  const source = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1", "-pix_fmt", "yuv444p"];
  execFileSync("ffmpeg", ["-v", "error", ...source, join(cwd, "clip.mp4")]);
  const argv = ["run", "clip.mp4", "--vid-stride", "4", "--out", "out", ...miniOptions];
  expect(await whybox(argv, { cwd })).toMatchObject({ code: 0 });
  const { code, stderr } = await whybox(["report", "out"], { cwd });
  expect([code, stderr]).toEqual([0, ""]);
  const { list, images } = await readPage(join(cwd, "out/report.html"));
  expect(list.frame).toEqual([0, 4, 8]);
  for (const { thumbnail } of images) {
    const { width, height } = await sharp(thumbnail).metadata();
    expect([width, height]).toEqual([64, 48]);
  }
});
