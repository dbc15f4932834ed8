import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { beforeEach, describe, expect, it } from "vitest";
import { readPage } from "../report/read-page.js";
import { detectionOf, emptyFolder, linesOf, writeRun } from "../report/synthetic-run.js";
import { createWorld } from "./fake-world.js";

let root: string;
beforeEach(async () => {
  root = await emptyFolder();
  await writeRun(root, { lines: linesOf([{ source: "a.jpg", detections: [detectionOf({ box: [2, 2, 9, 9] })] }]) });
});

const gone = async () => {
  throw new WhyboxError("bad-input", "It is gone.");
};
const world = () => createWorld({ cwd: root, services: { decodeImage: gone } });

describe("whybox report", () => {
  it("writes the page into the run's folder and says what is in it", async () => {
    const run = world();
    expect(await run.run("report", "night")).toBe(0);
    expect(run.stdout()).toMatch(/night\/report\.html: 1 row from 1 image, 0\.\d MB\n$/);
    expect(run.stderr()).toMatch(/^note: 1 image is missing, unreadable or changed since the run, for example a\.jpg/);
    const { facts, html } = await readPage(join(root, "night/report.html"));
    expect(facts).toMatchObject({ tool: "whybox 9.9.9", title: "night" });
    expect(html).toContain("default-src 'none'");
  });

  it("takes another place, and is quiet when asked", async () => {
    const run = world();
    expect(await run.run("report", "night", "--out", "pages/a.html", "--quiet", "--truth", "none")).toBe(0);
    expect(run.stdout() + run.stderr()).toBe("");
    expect(await readdir(join(root, "pages"))).toEqual(["a.html"]);
  });

  it.each([
    [["report"], 2, /missing required argument 'run'/],
    [["report", "."], 3, /is not the folder of a run/],
    [["report", "night", "--misses", "-1"], 2, /--misses: expected a whole number from 0/],
    [["report", "night", "--budget", "much"], 2, /--budget: expected a number from 0 to 2000/],
    [["report", "night", "--truth", "a.csv"], 2, /--truth: expected a COCO \.json/],
    [["report", "night", "--out", "file/a.html"], 6, /Cannot write a\.html .*ENOTDIR|Cannot write a\.html .*EEXIST/],
  ])("refuses %j", async (words, code, message) => {
    await writeFile(join(root, "file"), "in the way");
    const run = world();
    expect(await run.run(...words)).toBe(code);
    expect(run.stderr()).toMatch(message);
    expect(run.stdout()).toBe("");
  });

  it("stops at Ctrl-C and leaves nothing", async () => {
    const run = createWorld({ cwd: root, signal: AbortSignal.abort() });
    expect(await run.run("report", "night")).toBe(130);
    expect(await readdir(join(root, "night"))).not.toContain("report.html");
  });
});
