import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { comparisonSchema } from "../../src/compare/comparison.js";
import { decodeImage } from "../../src/io/decode-image.js";
import { detectionOf, emptyFolder, linesOf, putImage, writeRun } from "../report/synthetic-run.js";
import { createWorld } from "./fake-world.js";

let root: string;
beforeAll(async () => {
  root = await emptyFolder();
  const image = { source: "a.jpg", detections: [detectionOf({ class: 2, box: [8, 8, 24, 24] })] };
  await putImage(join(root, "a.jpg"));
  for (const [name, hot] of [
    ["old", undefined],
    ["same", undefined],
    ["new", [0.9, 0.9] as const],
  ] as const) {
    const lines = linesOf([hot === undefined ? image : { ...image, hot }]);
    await rename(await writeRun(root, { lines }), join(root, name));
  }
});

const world = () => createWorld({ cwd: root, services: { decodeImage: (source) => decodeImage(source as string) } });

describe("whybox compare", () => {
  it("ends with 0 for equal runs", async () => {
    const run = world();
    expect(await run.run("compare", "old", "same")).toBe(0);
    expect(run.stdout()).toBe(
      [
        "1 image: 1 detection in both runs, 0 only in the first, 0 only in the second.",
        "The attention moved for 0 of 1 compared detection (0 %).",
        "Medians: rank correlation 1.00, overlap of the hottest tenth 100 %, shift 0 % of the diagonal, heat in the box 0 points.",
        "",
      ].join("\n"),
    );
    expect(run.stderr()).toBe("note: Both runs have the same model.\n");
  });

  it("ends with 9 and a table when the attention moved", async () => {
    const run = world();
    expect(await run.run("compare", "old", "new")).toBe(9);
    expect(run.stdout()).toMatch(
      /\n {2}moved +class +correlation +overlap +shift +in box\n {2}a\.jpg #0 +<\/script><b> /,
    );
    expect(run.stderr()).toMatch(
      /\nerror: The attention moved for 1 of 1 detection \(100 %\); at most 5 % are allowed\.\n$/,
    );
    const wide = world();
    expect(await wide.run("compare", "old", "new", "--max-moved", "1", "--quiet")).toBe(0);
    expect(wide.stdout() + wide.stderr()).toBe("");
  });

  it("prints one document with --json", async () => {
    const run = world();
    expect(await run.run("compare", "old", "new", "--json", "--max-shift", "0.2")).toBe(9);
    const document = JSON.parse(run.stdout());
    expect(comparisonSchema.parse(document)).toMatchObject({ passed: false, limits: { maxShift: 0.2, boxIou: 0.5 } });
    expect(document.tool).toEqual({ name: "whybox", version: "9.9.9" });
    const docs = await readFile(new URL("../../../../docs/compare.md", import.meta.url), "utf8");
    for (const field of Object.keys(comparisonSchema.shape)) expect(docs).toContain(`\`${field}\``);
  });

  it("writes a page with both heatmaps, safe for names of any kind", async () => {
    const run = world();
    expect(await run.run("compare", "old", "new", "--html", "pages/c.html")).toBe(9);
    const html = await readFile(join(root, "pages/c.html"), "utf8");
    expect(html.match(/src="data:image\/webp;base64,/g)).toHaveLength(2);
    expect(html).not.toContain("<script");
    expect(html).toContain("&#60;/script&#62;&#60;b&#62; #0 in a.jpg");
    expect(html).toContain("default-src 'none'");
  });

  it.each([
    [["compare", "old"], 2, /missing required argument 'run-b'/],
    [["compare", "old", "."], 3, /is not the folder of a run/],
    [["compare", "old", "same", "--min-overlap", "2"], 2, /--min-overlap: expected a number from 0 to 1/],
  ])("refuses %j", async (words, code, message) => {
    const run = world();
    expect(await run.run(...words)).toBe(code);
    expect(run.stderr()).toMatch(message);
    expect(run.stdout()).toBe("");
  });
});
