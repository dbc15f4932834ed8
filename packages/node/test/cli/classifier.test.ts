import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import type { ResultDocument } from "@whybox/core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { comparisonSchema } from "../../src/compare/comparison.js";
import { resultSchema } from "../../src/io/result-schema.js";
import { mapLineSchema, type RunImageLine, resultLineSchema } from "../../src/runs/schema.js";
import { readPage } from "../report/read-page.js";
import { lines, runWorld } from "../runs/world.js";
import { Served } from "../serve/served.js";
import { whybox } from "../support/launch.js";

const fixtures = resolve(import.meta.dirname, "../../../../fixtures");
const dog = join(fixtures, "photos/dog.jpg");
const cat = join(fixtures, "photos/chelsea.png");
const model = ["--weights", "v8-cls.onnx"];

let cwd: string;
beforeAll(async () => {
  cwd = await runWorld();
  await writeFile(join(cwd, "v8-cls.onnx"), gunzipSync(await readFile(join(fixtures, "classifiers/v8-cls.onnx.gz"))));
});

const json = async (...path: string[]) => JSON.parse(await readFile(join(cwd, ...path), "utf8"));

describe("a classifier in whybox explain", () => {
  it("has a table without boxes, a sentence for each class, and the files", async () => {
    const argv = ["explain", dog, ...model, "--out", "o", "--save", "png", "npy", "json", "maps", "--conf", "0.05"];
    const { code, stdout, stderr } = await whybox(argv, { cwd });
    expect([code, stderr]).toEqual([0, ""]);
    const document = resultSchema.parse(await json("o", "dog.json"));
    const found = document.detections;
    expect(found.length).toBeGreaterThan(1);
    expect(stdout).toContain(`: ${found.length} classes, tap-fusion per detection\n`);
    expect(stdout).toMatch(/^ {2}# {2}class +confidence {2}explained by$/m);
    // The path of the image may have these words.
    expect(stdout.replaceAll(dog, "")).not.toMatch(/box|level|uniform/i);
    for (const { index, className } of found) {
      const sentence = `  ${index}: The heat shows which parts of the image support the class ${className}.\n`;
      expect(stdout).toContain(sentence);
    }
    // The model sees the square in the middle of the image.
    for (const { boxImage } of found) expect(boxImage).toMatchObject({ x1: 96, y1: 0, x2: 672, y2: 576 });
    expect(document.maps.map(({ heat }) => heat)).toEqual(found.map(() => null));
    const named = [document.files, ...document.maps.map(({ files }) => files)].flatMap(Object.values).filter(Boolean);
    expect((await readdir(join(cwd, "o"))).toSorted()).toEqual(named.toSorted());
  });

  it("finds its most probable classes by the defaults of classifiers, and the best one in any case", async () => {
    const { code } = await whybox(["explain", cat, ...model, "--out", "d", "--save", "json"], { cwd });
    expect(code).toBe(0);
    const { options, detections } = await json("d", "chelsea.json");
    expect(options).toMatchObject({ confidence: 0.1, maxDetections: 5 });
    expect(detections.length).toBeGreaterThan(0);
    const typed = ["--conf", "0.999", "--max-det", "2", "--out", "t", "--save", "json"];
    expect(await whybox(["explain", cat, ...model, ...typed], { cwd })).toMatchObject({ code: 0 });
    expect(await json("t", "chelsea.json")).toMatchObject({
      options: { confidence: 0.999, maxDetections: 2 },
      detections: [],
    });
  });

  it("refuses a box, and says what to name instead", async () => {
    const box = ["--box", "0", "0", "50", "50", "--class", "car"];
    const { code, stderr } = await whybox(["explain", dog, ...model, ...box], { cwd });
    expect(code).not.toBe(0);
    expect(stderr).toContain("The model is a classifier");
    expect(stderr).toContain("--class-names");
  });
});

describe("a classifier in runs", () => {
  beforeAll(async () => {
    for (const name of ["a", "b"]) {
      const argv = ["run", dog, cat, ...model, "--out", name, "--workers", "1"];
      expect(await whybox(argv, { cwd })).toMatchObject({ code: 0 });
    }
  });

  it("measures no heat in boxes, and keeps the maps", async () => {
    const results = (await lines(join(cwd, "a/results.jsonl"))).map((line) => resultLineSchema.parse(line));
    const maps = (await lines(join(cwd, "a/maps.jsonl"))).map((line) => mapLineSchema.parse(line));
    for (const [i, line] of (results as RunImageLine[]).entries()) {
      expect(line.detections.length).toBeGreaterThan(0);
      for (const { heat, explained } of line.detections) expect([heat, explained]).toEqual([null, true]);
      expect(maps[i]!.maps).toHaveLength(line.detections.length);
    }
  });

  it("has a report of classes, without boxes, levels and statistics of boxes", async () => {
    expect(await whybox(["report", "a", "--out", "a.html"], { cwd })).toMatchObject({ code: 0 });
    const { facts, images } = await readPage(join(cwd, "a.html"));
    expect([facts.hasBoxes, facts.notes]).toEqual([false, []]);
    expect(Object.fromEntries(facts.run)).toMatchObject({ Task: "classify", "Minimum confidence": "0.1" });
    for (const { maps } of images) expect(Math.max(...maps)).toBeGreaterThan(200);
    const truth = await whybox(["report", "a", "--out", "b.html", "--truth", "truth.json"], { cwd });
    expect(truth.code).toBe(2);
    expect(truth.stderr).toContain("--truth: the model of this run is a classifier");
  });

  it("is compared by the maps of its classes, without heat in boxes", async () => {
    const { code, stdout } = await whybox(["compare", "a", "b", "--json", "--html", "c.html"], { cwd });
    const found = comparisonSchema.parse(JSON.parse(stdout));
    expect(code).toBe(0);
    expect(found.counts.compared).toBe(found.counts.paired);
    expect(found.counts.compared).toBeGreaterThan(1);
    expect(found.medians).toEqual({ correlation: 1, overlap: 1, shift: 0, inBoxChange: null });
    const page = await readFile(join(cwd, "c.html"), "utf8");
    expect(page).not.toMatch(/in the box/i);
    const mini = ["run", dog, "--weights", "mini.onnx", "--imgsz", "64", "--out", "m", "--workers", "1"];
    expect(await whybox(mini, { cwd })).toMatchObject({ code: 0 });
    const { code: refused, stderr } = await whybox(["compare", "a", "m"], { cwd });
    expect(refused).toBe(2);
    expect(stderr).toContain("One of the runs has a classifier and the other a detector");
  });
});

describe("a classifier in whybox serve", () => {
  let served: Served;
  beforeAll(async () => {
    served = await Served.start(["v8-cls.onnx", "--workers", "1"], { cwd });
  });
  afterAll(() => served.stop());

  it("answers with classes of the whole image, by the defaults of classifiers", async () => {
    const card = await (await served.fetch("/v1/models/v8-cls")).json();
    expect(card).toMatchObject({ task: "classify", ready: true });
    const photo = new Uint8Array(await sharp(cat).resize(160).png().toBuffer());
    const answer = await served.form(photo);
    const { attachments: _, ...body } = (await answer.json()) as ResultDocument & { attachments: unknown };
    const document = resultSchema.parse(body);
    expect(document.options).toMatchObject({ confidence: 0.1, maxDetections: 5 });
    expect(document.maps.map(({ heat }) => heat)).toEqual(document.detections.map(() => null));
    const b64 = Buffer.from(photo).toString("base64");
    const predict = async (instance: object) => {
      const sent = await served.json("/v1/models/v8-cls:predict", { instances: [instance] });
      const { predictions } = (await sent.json()) as { predictions: Pick<ResultDocument, "detections">[] };
      return predictions[0]!.detections;
    };
    const classes = (list: ResultDocument["detections"]) => list.map(({ className }) => className);
    expect(classes(await predict({ b64 }))).toEqual(classes(document.detections));
    expect(document.detections.length).toBeGreaterThan(0);
    expect(await predict({ image: { b64 }, options: { confidence: 0, maxDetections: 3 } })).toHaveLength(3);
  });
});
