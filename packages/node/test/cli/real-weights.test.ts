import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeNpy } from "@whybox/core";
import sharp from "sharp";
import { expect, it } from "vitest";
import { resultSchema, runSchema } from "../../src/io/result-schema.js";
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
  const own = dog!.maps.map(({ files }) => files.npy!);
  const names = ["dog", "grass"].flatMap((stem) => [`${stem}.heatmap.npy`, `${stem}.json`, `${stem}.png`]);
  expect((await readdir(folder)).sort()).toEqual([...names, ...own, "dog.sheet.png"].sort());
  expect(JSON.parse(await readFile(join(folder, "dog.json"), "utf8"))).toEqual(dog);
  const heatmap = decodeNpy(await readFile(join(folder, "dog.heatmap.npy")));
  expect(heatmap.dims).toEqual(dog!.image.size);
  // It is scaled to 1 in the network's frame; on the way to image pixels the peak may lose a little.
  const peak = heatmap.data.reduce((a, b) => Math.max(a, b));
  expect(peak).toBeGreaterThan(0.95);
  expect(peak).toBeLessThanOrEqual(1);
  // Nothing was detected in the grass, so the output equals the input image.
  const pixels = (path: string) => sharp(path).removeAlpha().toColourspace("srgb").raw().toBuffer();
  expect((await pixels(join(folder, "grass.png"))).equals(await pixels(join(photos, "grass.png")))).toBe(true);
});

const dog = join(photos, "dog.jpg");

it("gives each detection its own files, a contact sheet, and a map that lies on it", async () => {
  await yolov5sPath();
  const cwd = await temporaryFolder();
  const argv = ["explain", dog, "--out", "o", "--save", "png", "npy", "json", "maps"];
  const run = await whybox(argv, { cwd });
  expect(run.code).toBe(0);
  expect(run.stdout).toContain("tap-fusion per detection");
  expect(run.stdout).toContain("0: The detector's confidence in this dog depends on the dog itself.");
  const document = resultSchema.parse(JSON.parse(await readFile(join(cwd, "o", "dog.json"), "utf8")));
  expect(document.options).toMatchObject({ method: "tap-fusion", backprop: ["row"], per: "detection" });
  expect(document.maps.map(({ detections }) => detections)).toEqual(document.detections.map(({ index }) => [index]));
  const names = document.detections.map(({ index, className }) => `dog.${index}-${className}`);
  expect(document.maps.map(({ files }) => files)).toEqual(
    names.map((name) => ({ png: `${name}.png`, npy: `${name}.npy` })),
  );
  const made = [...names.flatMap((name) => [`${name}.png`, `${name}.npy`])];
  const whole = ["dog.png", "dog.sheet.png", "dog.heatmap.npy", "dog.json"];
  expect((await readdir(join(cwd, "o"))).sort()).toEqual([...made, ...whole].sort());
  for (const { detections, files } of document.maps) {
    const { dims, data } = decodeNpy(await readFile(join(cwd, "o", files.npy!)));
    expect(dims).toEqual(document.image.size);
    const { x1, y1, x2, y2 } = document.detections[detections[0]!]!.boxImage;
    const hottest = data.reduce((best, value, i) => (value > data[best]! ? i : best), 0);
    const [x, y] = [hottest % dims[1]!, Math.floor(hottest / dims[1]!)];
    expect(x > x1 && x < x2 && y > y1 && y < y2).toBe(true);
  }
  const sheet = await sharp(join(cwd, "o", "dog.sheet.png")).metadata();
  expect(sheet.width).toBeGreaterThan(900);
});

it.each([
  [
    ["400", "350", "640", "540", "--class", "person"],
    /person at 400 350 640 540\? Not detected: .*the objectness is low/,
    null,
  ],
  [["130", "220", "310", "540", "--class", "dog"], /dog at 130 220 310 540\? It was detected: detection 0\./, 0],
  [["130", "220", "310", "540", "--class", "cat"], /Not detected: .*classifies it as dog .*\(detection 0\)/, null],
])("answers for the box %j", { tags: ["long"] }, async (box, verdict, detection) => {
  await yolov5sPath();
  const cwd = await temporaryFolder();
  const run = await whybox(["explain", dog, "--out", "o", "--box", ...box], { cwd });
  expect([run.code, run.stdout.match(verdict) !== null]).toEqual([0, true]);
  const document = resultSchema.parse(JSON.parse(await readFile(join(cwd, "o", "dog.json"), "utf8")));
  expect(document.asked).toMatchObject({ className: box.at(-1), detection });
  expect(document).toMatchObject({ explained: [], empty: null, options: { method: "tap-fusion" } });
  expect(document.scores[0]!.detections).toEqual([-1]);
});

it("removes the hottest tenth of the image, or keeps nothing else", { tags: ["long"] }, async () => {
  await yolov5sPath();
  const cwd = await temporaryFolder();
  const argv = [
    "explain",
    dog,
    "--class-names",
    "dog",
    "--method",
    "LayerCAM",
    "--keep-only-topk",
    "10",
    "--hide-boxes",
  ];
  const [cut, kept] = await Promise.all(
    ["--crop", "--crop-keep"].map(async (flag) => {
      const run = await whybox([...argv, "--hide-labels", flag, "--out", flag.slice(2)], { cwd });
      expect(run.code).toBe(0);
      return sharp(join(cwd, flag.slice(2), "dog.png"))
        .raw()
        .toBuffer();
    }),
  );
  const original = await sharp(dog).autoOrient().removeAlpha().toColourspace("srgb").raw().toBuffer();
  let same = 0;
  let cutOut = 0;
  for (let i = 0; i < original.length; i += 3) {
    const stays = (image: Buffer) => image.compare(original, i, i + 3, i, i + 3) === 0;
    if (stays(cut!)) same++;
    else cutOut++;
    // Every pixel is in one of the two, but for those of the mean colour themselves.
    if (!stays(cut!)) expect(stays(kept!)).toBe(true);
  }
  const share = cutOut / (same + cutOut);
  // Ten percent of the network's input, of which a quarter is padding here.
  expect(share).toBeGreaterThan(0.08);
  expect(share).toBeLessThan(0.16);
});
