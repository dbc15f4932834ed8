import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { WhyboxError } from "@whybox/core";
import { kindNumber, noObject } from "@whybox/report";
import { beforeEach, describe, expect, it } from "vitest";
import type { ReportOptions } from "../../src/report/make-report.js";
import { first, report as reportOf, second } from "./report-of.js";
import { emptyFolder, type FakeImage, linesOf, putImage, writeRun } from "./synthetic-run.js";

let root: string;
beforeEach(async () => {
  root = await emptyFolder();
});

const report = (folder: string, changes?: Partial<ReportOptions>) => reportOf(root, folder, changes);

describe("makeReport with ground truth", () => {
  const truth = {
    images: [{ id: 7, file_name: "a.jpg", width: 128, height: 96 }],
    annotations: [
      { image_id: 7, category_id: 3, bbox: [32, 24, 32, 24] },
      { image_id: 7, category_id: 3, bbox: [100, 60, 20, 20] },
      { image_id: 7, category_id: 9, bbox: [0, 0, 20, 20] },
    ],
    categories: [
      { id: 3, name: "dog" },
      { id: 9, name: "unicorn" },
    ],
  };

  it("finds hits, false alarms and misses with a COCO file", async () => {
    await writeFile(join(root, "truth.json"), JSON.stringify(truth));
    const folder = await writeRun(root, { lines: linesOf([first, second]) });
    const { facts, columns } = await report(folder, { truth: "truth.json", budget: 0 });
    expect(facts.truth).toEqual({ from: join(root, "truth.json"), objects: 2, images: 1 });
    // The boxes of the ground truth are in pixels of an image twice as large.
    const kinds = ["hit", "background", "missed", "detection"] as const;
    expect([...columns.kind]).toEqual(kinds.map(kindNumber));
    expect([...columns.x1]).toEqual([16, 0, 50, 16]);
    expect(columns.other[2]).toBe(-1);
    expect([...columns.object]).toEqual([1, noObject, noObject, noObject]);
    expect(facts.notes).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/ground truth's class "unicorn"/),
        expect.stringMatching(/^1 image is not listed/),
        expect.stringMatching(/^Missed objects are not explained: There is no model here/),
      ]),
    );
  });

  it("finds YOLO's labels in the folder labels and next to the images", async () => {
    const labelled = (source: string): FakeImage => ({ ...first, source });
    await putImage(join(root, "set/images/a.jpg"));
    await putImage(join(root, "other/b.jpg"));
    await putImage(join(root, "set/labels/none.jpg")); // makes the folder
    await writeFile(join(root, "set/labels/a.txt"), "1 0.375 0.375 0.25 0.25\n");
    await writeFile(join(root, "other/b.txt"), "1 0.25 0.25 0.5 0.25 0.5 0.5 0.25 0.5\n77 0.5 0.5 0.1 0.1\n");
    const lines = linesOf([labelled("other/b.jpg"), labelled("set/images/a.jpg"), labelled("set/c.jpg")]);
    const { facts, columns } = await report(await writeRun(root, { lines }));
    expect(facts.truth).toEqual({ from: "label files next to the images", objects: 2, images: 2 });
    const kinds = ["hit", "background", "hit", "background", "detection", "detection"] as const;
    expect([...columns.kind]).toEqual(kinds.map(kindNumber));
    expect(facts.notes.slice(0, 2)).toEqual([
      expect.stringMatching(/^1 image has no label file and is not compared/),
      expect.stringMatching(/^1 object of the ground truth has a class/),
    ]);
  });

  it("maps class numbers by the names of a dataset.yaml, and ignores invalid label files", async () => {
    await putImage(join(root, "a.jpg"));
    await putImage(join(root, "b.jpg"));
    await writeFile(join(root, "a.txt"), "0 0.375 0.375 0.25 0.25\n");
    await writeFile(join(root, "b.txt"), "a dog in a garden\n");
    await writeFile(join(root, "data.yaml"), "names:\n  0: dog\n");
    const lines = linesOf([
      { ...first, source: "a.jpg" },
      { ...first, source: "b.jpg" },
    ]);
    const folder = await writeRun(root, { lines });
    const { facts, columns } = await report(folder, { truth: "data.yaml" });
    const kinds = ["hit", "background", "detection", "detection"] as const;
    expect([...columns.kind]).toEqual(kinds.map(kindNumber));
    expect(facts.notes[0]).toMatch(/^1 text file in the place of YOLO labels/);
    expect((await report(folder, { truth: "none" })).facts.truth).toBeNull();
  });

  it("uses the ground truth of the run's dataset", async () => {
    const path = join(root, "truth.json");
    await writeFile(path, JSON.stringify(truth));
    const manifest = { inputs: [{ given: "truth.json", kind: "coco" as const, path }] };
    const { facts } = await report(await writeRun(root, { lines: linesOf([first]), manifest }));
    expect(facts.truth?.objects).toBe(2);
  });

  it.each([
    ["truth.json", '{"images":[]}', /^bad-input: .*truth\.json is not ground truth in COCO's format \(annotations/],
    ["truth.json", "{", /^bad-input: The ground truth .* cannot be read/],
    ["data.yaml", "path: x", /^bad-input: .*class names from .*data\.yaml: it has no "names"/],
    ["truth.csv", "", /^usage: --truth: expected a COCO \.json/],
  ])("throws an error for %s with %s", async (name, text, message) => {
    await writeFile(join(root, name), text);
    const folder = await writeRun(root, { lines: linesOf([first]) });
    const told = await report(folder, { truth: name }).catch((error: WhyboxError) => `${error.code}: ${error.message}`);
    expect(told).toMatch(message);
  });
});
