import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import sharp from "sharp";
import { beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { exportRun } from "../../src/export/export-run.js";
import { writeParquet } from "../../src/export/parquet.js";
import { csvCell } from "../../src/export/table.js";
import { writeParts } from "../../src/export/write-parts.js";
import { labelPath } from "../../src/export/yolo.js";
import { openRun } from "../../src/report/read-run.js";
import { readCocoTruth } from "../../src/report/truth/coco.js";
import { readYoloTruth } from "../../src/report/truth/yolo.js";
import {
  classNames,
  detectionOf,
  emptyFolder,
  type FakeImage,
  type imageLine,
  linesOf,
  writeRun,
} from "../report/synthetic-run.js";

const size: [number, number] = [48, 64];
const images: FakeImage[] = [
  {
    source: 'photos/a "1", b.jpg',
    size,
    detections: [
      detectionOf({ box: [16, 12, 32, 24], class: 1, score: 0.9, inBox: 0.1, area: 0.2 }),
      detectionOf({ box: [0, 0, 8, 8], class: 3, score: 0.4, level: 1, heat: null }),
    ],
  },
  { source: "photos/empty.jpg", size, detections: [] },
  { source: "https://example.org/x/c.jpg", size, detections: [detectionOf({ box: [1, 2, 3, 4], class: 2 })] },
];

let root: string;
let folder: string;
let out: string;
beforeEach(async () => {
  root = await emptyFolder();
  folder = await writeRun(root, { lines: linesOf(images) });
  out = join(root, "out");
});

async function exported(...formats: Parameters<typeof exportRun>[1]) {
  const notes: string[] = [];
  await exportRun(folder, formats, { out, onDone: (written) => notes.push(...written.notes) });
  return notes;
}
const json = async (path: string) => JSON.parse(await readFile(join(out, path), "utf8"));

describe("COCO", () => {
  it("has images, classes, boxes, and what the maps say", async () => {
    await exported("coco");
    const coco = await json("coco.json");
    expect(coco.images).toEqual([
      { id: 1, file_name: 'photos/a "1", b.jpg', height: 48, width: 64, item: 0 },
      { id: 2, file_name: "photos/empty.jpg", height: 48, width: 64, item: 1 },
      { id: 3, file_name: "https://example.org/x/c.jpg", height: 48, width: 64, item: 2 },
    ]);
    expect(coco.categories.map(({ id, name }: { id: number; name: string }) => [id, name])).toEqual(
      classNames.map((name, i) => [i + 1, name]),
    );
    expect(coco.annotations[0]).toEqual({
      ...{ id: 1, image_id: 1, category_id: 2, bbox: [16, 12, 16, 12], area: 192, iscrowd: 0, segmentation: [] },
      ...{ score: 0.9, objectness: 1, probability: 0.9, level: "P3", blind: false },
      ...{ in_box: 0.1, area_fraction: 0.2, ratio: 0.5, peak_x: 24, peak_y: 18, peak_in_box: true, suspicion: 0.9 },
    });
    expect(coco.annotations[1]).toMatchObject({ category_id: 4, in_box: null, suspicion: null, level: "P4" });
    expect(coco.annotations.map(({ image_id }: { image_id: number }) => image_id)).toEqual([1, 1, 3]);
  });

  it("is read back as ground truth, box for box", async () => {
    await exported("coco");
    const truth = await readCocoTruth(join(out, "coco.json"), classNames);
    const found = await truth.objectsOf(images[0]!.source, undefined, size);
    expect(found?.map((one) => [one.class, ...one.box])).toEqual([
      [1, 16, 12, 32, 24],
      [3, 0, 0, 8, 8],
    ]);
  });

  it("has turned boxes as polygons, and poses as keypoints", async () => {
    const turned = {
      ...detectionOf({ box: [0, 0, 4, 4] }),
      corners: [
        [0, 2],
        [2, 0],
        [4, 2],
        [2, 4],
      ] as [number, number][],
    };
    const point = { name: "nose", x: 1, y: 2, confidence: 0.9 };
    const pose = { ...detectionOf({ box: [0, 0, 4, 4] }), keypoints: [point, { ...point, confidence: 0.1 }] };
    folder = await writeRun(root, { lines: linesOf([{ source: "a.jpg", size, detections: [turned, pose] }]) });
    await exported("coco", "yolo");
    const { annotations } = await json("coco.json");
    expect(annotations[0].segmentation).toEqual([[0, 2, 2, 0, 4, 2, 2, 4]]);
    expect(annotations[1]).toMatchObject({ keypoints: [1, 2, 2, 1, 2, 1], num_keypoints: 2, segmentation: [] });
    const [line] = (await readFile(join(out, "yolo/labels/a.txt"), "utf8")).split("\n");
    expect(line).toBe("0 0 0.041667 0.03125 0 0.0625 0.041667 0.03125 0.083333 0.5");
  });
});

describe("YOLO", () => {
  it("has a label file for each image, which is read back as ground truth", async () => {
    await exported("yolo");
    const path = join(out, 'yolo/labels/photos/a "1", b.txt');
    const files = await readdir(join(out, "yolo/labels"), { recursive: true });
    expect(files.filter((name) => name.endsWith(".txt")).sort()).toEqual([
      "https_/example.org/x/c.txt",
      'photos/a "1", b.txt',
      "photos/empty.txt",
    ]);
    expect(await readFile(path, "utf8")).toBe("1 0.375 0.375 0.25 0.25 0.9\n3 0.0625 0.083333 0.125 0.166667 0.4\n");
    expect(await readFile(join(out, "yolo/labels/photos/empty.txt"), "utf8")).toBe("");
    expect(parse(await readFile(join(out, "yolo/data.yaml"), "utf8"))).toEqual({ names: { ...classNames } });
    const truth = await readYoloTruth(undefined, classNames);
    const found = await truth.objectsOf("", path.replace(".txt", ".jpg"), size);
    expect(found?.[0]).toEqual({ class: 1, box: [16, 12, 32, 24], crowd: false });
  });

  it("writes nothing outside of its folder, and each image's labels once", async () => {
    const sources = ["../../../evil.jpg", "/abs/x.jpg", "a.jpg", "a-4.jpg", "A.webp", "..", "C:\\d\\y.jpg"];
    const lines = linesOf(sources.map((source) => ({ source, size, detections: images[0]!.detections })));
    folder = await writeRun(root, { lines });
    await exported("yolo");
    const files = await readdir(join(out, "yolo/labels"), { recursive: true });
    expect(files.filter((name) => name.endsWith(".txt")).sort()).toEqual([
      ...["A-4-4.txt", "C/d/y.txt", "a-4.txt", "a.txt", "abs/x.txt", "evil.txt", "picture.txt"],
    ]);
  });
});

it.each([
  ["aux.jpg", "_aux.txt", "aux.txt"],
  ["a:b/con/c. .jpg", "a_b/_con/c.txt", "a:b/con/c. .txt"],
  ["https://example.org/nul/aux.jpg?x=1", "https_/example.org/_nul/_aux.txt", "https_/example.org/_nul/_aux.txt"],
])("the label file of %s has a name that Windows takes", (source, windows, linux) => {
  const image = { source, item: 0, frame: undefined };
  expect(labelPath(image, new Set(), "win32").join("/")).toBe(windows);
  expect(labelPath(image, new Set(), "linux").join("/")).toBe(linux);
});

describe("CSV and Parquet", () => {
  it.each([
    ["dog", "dog"],
    ['a,"b"', '"a,""b"""'],
    ["=1+1", "'=1+1"],
    [" \t@x\r\n", " \\x09@x\\x0d\\x0a"],
    ['x;"=1+1;y;-z', `"x;'""=1+1;y;'-z"`],
    ["a-b=c", "a-b=c"],
    ["＝1", "'＝1"],
    [-1, "-1"],
    [null, ""],
  ] as const)("has no formulas: %j is %s", (value, cell) => {
    expect(csvCell(value)).toBe(cell);
  });

  it("have the same rows", async () => {
    await exported("csv", "parquet");
    const [head, ...lines] = (await readFile(join(out, "detections.csv"), "utf8")).trimEnd().split("\r\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe(
      '0,"photos/a ""1"", b.jpg",,,48,64,0,1,dog,0.9,16,12,32,24,P3,true,0.1,0.2,0.5,24,18,true,0.9,false',
    );
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(join(out, "detections.parquet")) });
    expect(Object.keys(rows[0]!).join(",")).toBe(head);
    const plain = rows.map((row) => Object.values(row).map((value) => (value === null ? "" : String(value))));
    expect(plain[1]!.join(",")).toBe(lines[1]!.replace('"photos/a ""1"", b.jpg"', 'photos/a "1", b.jpg'));
    expect(rows[1]).toMatchObject({ in_box: null, suspicion: null, explained: false });
    expect(rows[2]).toMatchObject({ name: "</script><b>", x1: 1, y1: 2, x2: 3, y2: 4 });
  });

  it("are written in groups", async () => {
    const path = join(out, "groups.parquet");
    await writeParquet(path, await openRun(folder), 2);
    const file = await asyncBufferFromFile(path);
    expect((await parquetMetadataAsync(file)).row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([2, 1]);
    expect(await parquetReadObjects({ file })).toHaveLength(3);
  });

  it("have the frames of videos, with number and time", async () => {
    const video = {
      ...{ v: 1, item: 0, source: "a.mp4", kind: "video", size, fps: 25, frames: 1, stride: 5, detections: 1 },
      ...{ warning: null, files: { video: "v.mp4", frames: "frames.jsonl", maps: "vmaps.jsonl" } },
    } as unknown as ReturnType<typeof imageLine>;
    folder = await writeRun(root, { lines: [{ result: video, maps: { v: 1, item: 0, maps: [] } }] });
    const detections = [detectionOf({ box: [1, 2, 3, 4] })];
    const frame = { v: 1, item: 0, frame: 5, time: 0.2, size, detections, empty: null, messages: [] };
    await writeFile(join(folder, "frames.jsonl"), `${JSON.stringify(frame)}\n`);
    await writeFile(join(folder, "vmaps.jsonl"), `${JSON.stringify({ v: 1, item: 0, frame: 5, maps: [] })}\n`);
    const notes = await exported("csv", "coco", "yolo", "fiftyone");
    expect((await readFile(join(out, "detections.csv"), "utf8")).split("\r\n")[1]).toMatch(/^0,a\.mp4,5,0\.2,48,64,0,/);
    expect((await json("coco.json")).images[0]).toMatchObject({ file_name: "a.mp4", frame: 5, time: 0.2 });
    expect(await readdir(join(out, "yolo/labels"))).toEqual(["a_5.txt"]);
    expect(notes).toEqual([
      "fiftyone: 1 video frame or image from a URL was skipped, because each sample must be a file.",
    ]);
  });
});

describe("FiftyOne", () => {
  it("has a sample for each file, with detections and a heatmap that is there", async () => {
    const notes = await exported("fiftyone");
    expect(notes).toEqual([
      "fiftyone: 1 video frame or image from a URL was skipped, because each sample must be a file.",
    ]);
    const { samples } = await json("fiftyone/samples.json");
    expect(samples).toHaveLength(2);
    const [first, second] = samples;
    expect(first).toMatchObject({
      filepath: join(root, 'photos/a "1", b.jpg'),
      metadata: { _cls: "ImageMetadata", width: 64, height: 48 },
      heatmap: { _cls: "Heatmap", map_path: "fields/heatmap/0000/1.png", range: [0, 255] },
    });
    expect(first.predictions._cls).toBe("Detections");
    expect(first.predictions.detections[0]).toEqual({
      ...{ _cls: "Detection", attributes: {}, tags: [], label: "dog", bounding_box: [0.25, 0.25, 0.25, 0.25] },
      ...{ confidence: 0.9, level: "P3", in_box: 0.1, area_fraction: 0.2, ratio: 0.5 },
      ...{ peak_x: 24, peak_y: 18, peak_in_box: true, suspicion: 0.9, blind: false },
    });
    expect(Object.keys(first.predictions.detections[1])).not.toContain("in_box");
    expect(second).not.toHaveProperty("heatmap");
    const map = sharp(join(out, "fiftyone", first.heatmap.map_path));
    expect(await map.metadata()).toMatchObject({ width: 32, height: 32, channels: 1, depth: "uchar" });
    const { data } = await map.extractChannel(0).raw().toBuffer({ resolveWithObject: true });
    const given = Buffer.from(linesOf(images)[0]!.maps.maps[0]!.picture, "base64");
    expect([...data]).toEqual([...given]);
    expect(await json("fiftyone/metadata.json")).toMatchObject({ media_type: "image", info: { classes: classNames } });
  });
});

describe("tags", () => {
  it("are in the samples of FiftyOne, by class and box", async () => {
    const tagged = (name: string, box: number[], tags: string[], note = "") => {
      return { source: images[0]!.source, frame: null, detection: 0, name, box, tags, note };
    };
    const run = { title: "night", root, model: "ab" };
    const tags = [tagged("dog", [16, 12, 32, 23], ["shortcut"], "grass"), tagged("person", [0, 0, 8, 8], ["bug"])];
    await writeFile(join(folder, "tags.json"), JSON.stringify({ format: "whybox-tags", version: 1, run, tags }));
    await exported("fiftyone");
    const [first] = (await json("fiftyone/samples.json")).samples;
    expect(first.tags).toEqual(["shortcut"]);
    const [dog, boat] = first.predictions.detections;
    expect([dog.tags, dog.note, boat.tags, boat.note]).toEqual([["shortcut"], "grass", [], undefined]);
  });
});

describe("an export that fails", () => {
  it("leaves what was there, and nothing half done", async () => {
    await exported("coco");
    const before = await readFile(join(out, "coco.json"), "utf8");
    await writeFile(join(folder, "results.jsonl"), "{}\n");
    await expect(exported("coco", "csv")).rejects.toThrow(/results\.jsonl, line 1 is damaged: /);
    expect(await readdir(out)).toEqual(["coco.json"]);
    expect(await readFile(join(out, "coco.json"), "utf8")).toBe(before);
  });

  it.each(["csv", "parquet", "yolo", "coco", "fiftyone"] as const)("tells why %s cannot be written", async (format) => {
    await writeFile(out, "in the way");
    const told = await exported(format).catch((error: WhyboxError) => error);
    expect(told).toBeInstanceOf(WhyboxError);
    expect(told).toMatchObject({
      code: "output",
      message: expect.stringMatching(/^Cannot write .*(EEXIST|ENOTDIR)/),
    });
  });

  it("passes on what the parts throw", async () => {
    async function* parts() {
      yield "a";
      throw new Error("no more");
    }
    await expect(writeParts(join(out, "x"), parts())).rejects.toThrow("no more");
    expect(await readdir(out)).toEqual([]);
  });
});
