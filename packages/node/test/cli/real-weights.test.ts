import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeNpy } from "@whybox/core";
import sharp from "sharp";
import { expect, it } from "vitest";
import { runSchema } from "../../src/io/result-schema.js";
import { whybox } from "../support/launch.js";
import { yolov5sPath } from "../support/yolov5s-path.js";
import { temporaryFolder } from "./fake-world.js";

const photos = fileURLToPath(new URL("../../../../fixtures/photos/", import.meta.url));

it("explains a folder with real weights: a dog, a field of grass, and a text file that says it is a photo", async () => {
  await yolov5sPath();
  const cwd = await temporaryFolder();
  await mkdir(join(cwd, "in"));
  await copyFile(join(photos, "dog.jpg"), join(cwd, "in", "dog.jpg"));
  await copyFile(join(photos, "grass.png"), join(cwd, "in", "grass.png"));
  await writeFile(join(cwd, "in", "text.jpg"), "I am no photo.");
  const run = await whybox(["explain", "in", "--save", "png", "npy", "json", "--json"], { cwd });
  expect(run.code).toBe(3);
  expect(run.stderr).toMatch(/AGPL-3\.0.*Ultralytics/);
  const { results, failures, summary } = runSchema.parse(JSON.parse(run.stdout));
  expect(summary).toEqual({ explained: 1, empty: 1, failed: 1, notTried: 0, exitCode: 3 });
  expect(failures).toMatchObject([{ source: join("in", "text.jpg"), code: "bad-input" }]);
  const [dog, grass] = results;
  expect(dog!.detections.map((detection) => detection.className)).toContain("dog");
  expect(grass!.empty?.reason).toBe("no-detection");

  const folder = join(cwd, "runs", "explain", "exp");
  const names = ["dog", "grass"].flatMap((stem) => [`${stem}.heatmap.npy`, `${stem}.json`, `${stem}.png`]);
  expect((await readdir(folder)).sort()).toEqual(names);
  expect(JSON.parse(await readFile(join(folder, "dog.json"), "utf8"))).toEqual(dog);
  const heatmap = decodeNpy(await readFile(join(folder, "dog.heatmap.npy")));
  expect(heatmap.dims).toEqual(dog!.image.size);
  // It is scaled to 1 in the network's frame; on the way to image pixels the peak may lose a little.
  const peak = heatmap.data.reduce((a, b) => Math.max(a, b));
  expect(peak).toBeGreaterThan(0.95);
  expect(peak).toBeLessThanOrEqual(1);
  // Nothing was found in the grass: its picture is the one that came in.
  const pixels = (path: string) => sharp(path).removeAlpha().toColourspace("srgb").raw().toBuffer();
  expect((await pixels(join(folder, "grass.png"))).equals(await pixels(join(photos, "grass.png")))).toBe(true);
});
