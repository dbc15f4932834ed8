import { createHash } from "node:crypto";
import { appendFile, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { grids, mapBytes, rowFlags, rowSides } from "@whybox/report";
import sharp from "sharp";
import { beforeEach, describe, expect, it } from "vitest";
import type { ReportOptions, ReportServices } from "../../src/report/make-report.js";
import { box, first, noVideo, report as reportOf, second } from "./report-of.js";
import { detectionOf, emptyFolder, type imageLine, linesOf, manifestOf, putImage, writeRun } from "./synthetic-run.js";

let root: string;
beforeEach(async () => {
  root = await emptyFolder();
});

const report = (folder: string, changes?: Partial<ReportOptions>, readVideo?: ReportServices["readVideo"]) =>
  reportOf(root, folder, changes, readVideo);

describe("makeReport", () => {
  it("puts all data of the run into one page", async () => {
    await putImage(join(root, "photos/a.jpg"));
    await putImage(join(root, "photos/b.jpg"));
    const folder = await writeRun(root, {
      lines: linesOf([first, second, { source: "photos/none.jpg", detections: [] }]),
    });
    const { facts, list, columns, images } = await report(folder);
    expect(facts).toMatchObject({
      rows: 3,
      images: 2,
      items: { count: 3, done: 3, failures: 0 },
      truth: null,
      notes: [],
    });
    expect(list).toEqual({
      source: ["photos/a.jpg", "photos/b.jpg"],
      frame: [-1, -1],
      height: [48, 48],
      width: [64, 64],
    });
    expect([...columns.image]).toEqual([0, 0, 1]);
    expect([...columns.place]).toEqual([0, 1, 0]);
    expect([...columns.class]).toEqual([1, 0, 2]);
    expect([...columns.level]).toEqual([0, 1, 0]);
    expect([...columns.x2]).toEqual([32, 8, 32]);
    expect([...columns.flags].map((one) => one & rowFlags.heat)).toEqual([1, 1, 0]);
    expect(columns.suspicion[0]).toBeCloseTo(0.9, 5); // More heat is outside than in a uniform map.
    expect(columns.suspicion[1]).toBeCloseTo((0.4 * (0.5 / 0.9)) / Math.sqrt(5), 5);
    expect(columns.suspicion[2]).toBeNaN();
    // Each is the only other detection in the image.
    expect([...columns.beside]).toEqual([1, 0, -1]);
    expect(columns.onBeside[1]).toBeGreaterThan(0);
    expect([...columns.side].map((one) => rowSides[one])).toEqual(["left", "right", "none"]);
    expect(Object.fromEntries(facts.run)).toMatchObject({ Method: "GradCAM" });
    const { width, height, format } = await sharp(images[0]!.thumbnail).metadata();
    expect([width, height, format]).toEqual([64, 48, "webp"]);
  });

  it.each([
    [{ per: "detection" }, "tap-fusion"],
    [{ per: "image" }, "GradCAM"],
    [{ per: "detection", eigenSmooth: true }, "GradCAM"],
  ])("names the default method of a run with %j", async (explain, method) => {
    const { options } = manifestOf(root, 1);
    const manifest = { options: { ...options, explain } };
    const { facts } = await report(await writeRun(root, { lines: linesOf([first]), manifest }), { budget: 0 });
    expect(Object.fromEntries(facts.run)).toMatchObject({ Method: method });
  });

  it("has the maps of each row", async () => {
    const lines = linesOf([first, second]);
    const folder = await writeRun(root, { lines });
    const { images, facts } = await report(folder);
    const given = Buffer.from(lines[0]!.maps.maps[1]!.picture, "base64");
    const kept = images[0]!.maps.subarray(mapBytes, mapBytes + grids.image ** 2);
    expect(Math.max(...kept.map((value, i) => Math.abs(value - given[i]!)))).toBeLessThanOrEqual(4);
    expect(Math.max(...kept)).toBeGreaterThan(200);
    expect(Math.max(...images[1]!.maps)).toBe(0);
    // Class 2 has no map. The mean maps of the others have their maximum in the middle.
    expect(facts.perClass.map((one) => one.class)).toEqual([0, 1]);
    const mean = Buffer.from(facts.perClass[1]!.mean!, "base64");
    expect(Math.abs(mean.indexOf(255) - (11.5 * 24 + 11.5))).toBeLessThan(26);
    const around = (i: number) => [i % 24, Math.floor(i / 24)].some((at) => at < 6 || at >= 18);
    const cells = [...Buffer.from(lines[0]!.maps.maps[0]!.box!, "base64")];
    const energy = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0);
    const share = energy(cells.filter((_, i) => around(i))) / energy(cells);
    expect(facts.perClass[1]!.context).toBeCloseTo(share, 10);
    expect(share).toBeGreaterThan(0);
  });

  it("makes a crop if the thumbnail is too coarse", async () => {
    await putImage(join(root, "photos/large.jpg"), [900, 1200]);
    const small = detectionOf({ box: [600, 600, 640, 650] });
    const large = detectionOf({ box: [100, 100, 1100, 800] });
    const lines = linesOf([{ source: "photos/large.jpg", size: [900, 1200], detections: [small, large] }]);
    const folder = await writeRun(root, { lines });
    const { images } = await report(folder, { budget: 10_000 });
    const { crops, thumbnail } = images[0]!;
    const { width, height } = await sharp(crops[0]).metadata();
    expect([width, height]).toEqual([80, 100]); // twice 40 × 50
    expect(crops[1]).toHaveLength(0);
    expect((await sharp(thumbnail).metadata()).width).toBe(224);
    // The thumbnail is as large as the budget allows.
    const ample = await report(folder, { budget: 1e6 });
    expect((await sharp(ample.images[0]!.thumbnail).metadata()).width).toBe(672);
  });

  it("reports missing and changed images, and continues", async () => {
    await putImage(join(root, "photos/b.jpg"), [20, 20]);
    const { facts, images } = await report(await writeRun(root, { lines: linesOf([first, second]) }));
    expect(facts.notes).toEqual([expect.stringMatching(/^2 images are missing.*for example photos\/a\.jpg/)]);
    expect(images.map(({ thumbnail }) => thumbnail.length)).toEqual([0, 0]);
  });

  it("draws the most suspicious images first, within the budget", async () => {
    await putImage(join(root, "photos/a.jpg"));
    await putImage(join(root, "photos/z.jpg"));
    const worse = { source: "photos/z.jpg", detections: [detectionOf({ box, score: 0.99, inBox: 0, area: 0.2 })] };
    const dull = Array.from({ length: 8 }, () => first);
    const { facts, images } = await report(await writeRun(root, { lines: linesOf([...dull, worse]) }), { budget: 1 });
    expect(images.at(-1)!.thumbnail.length).toBeGreaterThan(0);
    expect(facts.notes).toEqual([expect.stringMatching(/images are not in the page, with the lowest suspicion/)]);
    const none = await report(await writeRun(root, { lines: linesOf([first]) }), { budget: 0 });
    expect(none.images[0]!.thumbnail).toHaveLength(0);
  });

  it("is reproducible, byte for byte", async () => {
    await putImage(join(root, "photos/a.jpg"));
    const folder = await writeRun(root, { lines: linesOf([first, second]) });
    const { html } = await report(folder);
    expect((await report(folder)).html).toBe(html);
  });

  it("escapes all text of the run", async () => {
    const source = '</script><img src=x onerror="alert(1)">.jpg';
    const folder = await writeRun(root, { lines: linesOf([{ ...first, source }]), manifest: {} });
    const { html, list } = await report(folder);
    expect(list.source).toEqual([source]);
    expect(html).not.toContain("<img");
    // The class "</script><b>" is in the facts.
    expect(html.match(/<\/script>/g)).toHaveLength(html.match(/<script/g)!.length);
    expect(html).not.toContain("<b>");
  });

  it("allows only its own script and style", async () => {
    const { html } = await report(await writeRun(root, { lines: linesOf([first]) }));
    const [, policy] = /Content-Security-Policy" content="([^"]*)"/.exec(html)!;
    const digest = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    expect(policy).toBe(
      `default-src 'none'; script-src ${digest("script();")}; style-src ${digest("b{}")}; base-uri 'none'; form-action 'none'`,
    );
    expect(html).not.toMatch(/\b(src|href)=/);
  });
});

describe("makeReport on an unfinished run", () => {
  it("uses the finished items and says so", async () => {
    const folder = await writeRun(root, { lines: linesOf([first, second]), finished: false, count: 9 });
    await appendFile(join(folder, "results.jsonl"), '{"v":1,"item":2,"sour');
    const { facts } = await report(folder, { budget: 0 });
    expect(facts).toMatchObject({ rows: 3, items: { count: 9, done: 2 } });
    expect(facts.notes[0]).toBe("The run is not finished. The report has the 2 of 9 items that are done.");
  });

  it("treats maps that are not written yet as missing", async () => {
    const folder = await writeRun(root, { lines: linesOf([first, second]), finished: false });
    await truncate(join(folder, "maps.jsonl"), 0);
    const { facts, images } = await report(folder, { budget: 0 });
    expect(facts.rows).toBe(3);
    expect(Math.max(...images[0]!.maps)).toBe(0);
    expect(facts.notes.at(-1)).toBe("2 detections have no map.");
  });

  it("accepts a run without results", async () => {
    const folder = await writeRun(root, { lines: [], finished: false, count: 5 });
    await rm(join(folder, "results.jsonl"));
    expect((await report(folder)).facts).toMatchObject({ rows: 0, images: 0, items: { done: 0 } });
  });

  it("counts failures", async () => {
    const failure = {
      v: 1,
      item: 0,
      source: "bad.jpg",
      kind: "failure",
      error: { code: "bad-input", message: "It is text." },
    };
    const lines = [{ result: failure as ReturnType<typeof imageLine>, maps: { v: 1 as const, item: 0, maps: [] } }];
    const { facts } = await report(await writeRun(root, { lines }));
    expect(facts.failures).toEqual([{ source: "bad.jpg", message: "It is text." }]);
    expect(facts.notes).toEqual(["1 of 1 item could not be explained. See “Run”."]);
  });

  /** A run of one video. Two of its frames have detections. */
  async function videoRun(): Promise<string> {
    const video = {
      ...{ v: 1, item: 0, source: "a.mp4", kind: "video", size: [48, 64], fps: 25, frames: 2, stride: 5 },
      ...{ detections: 1, warning: null, files: { video: "v.mp4", frames: "frames.jsonl", maps: "vmaps.jsonl" } },
    };
    const { options } = manifestOf(root, 1);
    const manifest = { options: { ...options, vidStride: 5 } };
    const lines = [{ result: video as never, maps: { v: 1 as const, item: 0, maps: [] } }];
    const folder = await writeRun(root, { lines, manifest });
    const [line] = linesOf([first]);
    const { detections, size } = line!.result as unknown as { detections: unknown; size: unknown };
    const text = (make: (frame: number) => object) => [5, 10].map((n) => `${JSON.stringify(make(n))}\n`).join("");
    const frame = { v: 1, item: 0, time: 0.2, size, detections, empty: null, messages: [] };
    await writeFile(
      join(folder, "frames.jsonl"),
      text((n) => ({ ...frame, frame: n })),
    );
    await writeFile(
      join(folder, "vmaps.jsonl"),
      text((n) => ({ ...line!.maps, frame: n })),
    );
    return folder;
  }

  it("reads the results of frames from their own files, and the images from the video", async () => {
    const asked: unknown[] = [];
    const image = { height: 48, width: 64, data: new Uint8Array(48 * 64 * 3).fill(90) };
    const { facts, list, images } = await report(await videoRun(), {}, async function* (location, { stride }) {
      asked.push(location, stride);
      for (const frame of [0, 5, 10]) yield { frame, image };
      throw new Error("read more frames than needed");
    });
    expect(facts).toMatchObject({ rows: 4, items: { done: 1 }, notes: [] });
    expect(list).toMatchObject({ source: ["a.mp4", "a.mp4"], frame: [5, 10] });
    expect(Math.max(...images[0]!.maps)).toBeGreaterThan(200);
    expect(asked).toEqual([join(root, "a.mp4"), 5]);
    for (const { thumbnail } of images) expect((await sharp(thumbnail).metadata()).width).toBe(64);
  });

  it("reports why images of a video's frames are missing", async () => {
    const folder = await videoRun();
    const short = await report(folder, {}, async function* () {
      yield { frame: 5, image: { height: 9, width: 64, data: new Uint8Array(9 * 64 * 3) } };
    });
    const why =
      "Some frames are shown without their image. a.mp4: 2 of the 2 frames are missing, or have another size.";
    expect(short.facts.notes).toEqual([why]);
    // biome-ignore lint/correctness/useYield: it fails before.
    const none = await report(folder, {}, async function* () {
      throw new WhyboxError("usage", "ffmpeg is not installed.");
    });
    expect(none.facts.notes).toEqual(["Some frames are shown without their image. a.mp4: ffmpeg is not installed."]);
    const poor = await report(folder, { budget: 0 });
    expect(poor.facts.notes).toEqual([expect.stringMatching(/^2 images are not in the page/)]);
    const controller = new AbortController();
    const stopped = report(folder, { signal: controller.signal }, async function* () {
      controller.abort();
      yield* noVideo();
    });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
  });

  const refused = (folder: string) =>
    report(folder).then(
      () => "made",
      (error: WhyboxError) => `${error.code}: ${error.message}`,
    );

  it("throws an error for a folder that is not a run", async () => {
    expect(await refused(root)).toMatch(/^bad-input: .* is not the folder of a run: it has no manifest\.json/);
    await writeFile(join(root, "manifest.json"), "[1");
    expect(await refused(root)).toMatch(
      /^bad-input: .*manifest\.json is not a valid manifest of a run: it is not valid JSON/,
    );
    await writeFile(join(root, "manifest.json"), "null");
    expect(await refused(root)).toMatch(/^bad-input: .* is not a valid manifest of a run/);
  });

  it("throws an error for files of another version, with that version", async () => {
    const folder = await writeRun(root, { lines: linesOf([first]) });
    const manifest = await readFile(join(folder, "manifest.json"), "utf8");
    await writeFile(join(folder, "manifest.json"), manifest.replace('"schemaVersion":1', '"schemaVersion":2'));
    expect(await refused(folder)).toMatch(/^bad-input: .*manifest\.json .* version 2, .* version 1/);
    await writeFile(join(folder, "manifest.json"), manifest);
    const results = await readFile(join(folder, "results.jsonl"), "utf8");
    await writeFile(join(folder, "results.jsonl"), results.replace('"v":1', '"v":3'));
    expect(await refused(folder)).toMatch(/^bad-input: .*results\.jsonl, line 1 has version 3/);
  });

  it("throws an error for a damaged line of a finished run, and for shards that are not merged", async () => {
    const folder = await writeRun(root, { lines: linesOf([first]) });
    await appendFile(join(folder, "results.jsonl"), '{"v":1,"item":1');
    expect(await refused(folder)).toMatch(/^bad-input: .*results\.jsonl, line 2 is damaged: /);
    await rm(join(folder, "results.jsonl"));
    expect(await refused(folder)).toMatch(/^bad-input: .*results\.jsonl is damaged: the file is missing/);
    await writeFile(join(folder, "shards.json"), "{}");
    expect(await refused(folder)).toMatch(/^bad-input: .* with shards that are not merged/);
  });
});
