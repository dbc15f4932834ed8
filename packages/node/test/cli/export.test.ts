import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { detectionOf, emptyFolder, linesOf, writeRun } from "../report/synthetic-run.js";
import { createWorld } from "./fake-world.js";

let root: string;
const lines = linesOf([{ source: "a.jpg", detections: [detectionOf({ box: [2, 2, 9, 9] })] }]);
beforeEach(async () => {
  root = await emptyFolder();
  await writeRun(root, { lines, finished: false, count: 2 });
});

describe("whybox export", () => {
  it("writes what was asked for, once, and says where", async () => {
    const run = createWorld({ cwd: root });
    expect(await run.run("export", "night", "--to", "coco", "csv", "coco")).toBe(0);
    expect(run.stdout()).toBe(
      `${join(root, "night/export/coco.json")}\n${join(root, "night/export/detections.csv")}\n`,
    );
    expect(run.stderr()).toBe("note: The run is not finished. Only its finished part was exported.\n");
  });

  it("takes another folder, and is quiet when asked", async () => {
    const run = createWorld({ cwd: root });
    expect(await run.run("export", "night", "--to", "yolo", "fiftyone", "parquet", "--out", "there", "--quiet")).toBe(
      0,
    );
    expect(run.stdout() + run.stderr()).toBe("");
    expect((await readdir(join(root, "there"))).sort()).toEqual(["detections.parquet", "fiftyone", "yolo"]);
  });

  it.each([
    [["export", "night"], 2, /required option '--to <format\.\.\.>' not specified/],
    [["export", "night", "--to", "xml"], 2, /--to: expected one of coco, yolo, csv, parquet, fiftyone, got "xml"/],
    [["export", ".", "--to", "csv"], 3, /is not the folder of a run/],
  ])("refuses %j", async (words, code, message) => {
    const run = createWorld({ cwd: root });
    expect(await run.run(...words)).toBe(code);
    expect(run.stderr()).toMatch(message);
  });
});
