import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { explainFiles } from "whybox";
import { resultSchema } from "../../../node/src/io/result-schema.js";
import type { PageServer } from "../../../node/src/ui/page-server.js";
import { whybox } from "../../../node/test/support/launch.js";
import { chromiumPath, launchChromium } from "./browser.js";
import { askAbout, choosePhoto, mapIsDone, openPage, photos, SLOW, saved, startServer } from "./open-page.js";

const chromium = chromiumPath();
// A PNG, because JPEG decoders may differ in the last bit.
const photo = "chelsea.png";
/** The page's device, and the command's drawing defaults. */
const settings = "#device=wasm&threads=1";

/** The fields that differ, and why. All others are the same. */
const differing = new Map([
  ["options.device", "the page runs on WebAssembly"],
  ["options.save.", "the page saves what the user clicks"],
  ["files.", "the browser names the page's file"],
  ["timings.", "no two runs take the same time"],
]);
/** Tolerance for the different rounding of WebAssembly and the CPU, relative to the number, or to 0.01 for smaller numbers. */
const tolerance = 1e-4;

type Leaf = readonly [path: string, value: unknown];

/** All values of a document, each with its path. An empty list or object counts as a value. */
function leavesOf(value: unknown, path = ""): Leaf[] {
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  if (entries.length === 0) return [[path, value]];
  return entries.flatMap(([key, inner]) => leavesOf(inner, path === "" ? key : `${path}.${key}`));
}

function isCompared([path]: Leaf): boolean {
  return ![...differing.keys()].some((field) => (field.endsWith(".") ? path.startsWith(field) : path === field));
}

function expectSameDocument(page: unknown, command: unknown): void {
  const [found, expected] = [page, command].map((document) => leavesOf(document).filter(isCompared));
  // The order is the same too.
  expect(found!.map(([path]) => path)).toEqual(expected!.map(([path]) => path));
  const different = found!.filter(([, value], i) => !isSame(value, expected![i]![1]));
  expect(
    different.map(([path, value]) => `${path}: ${value}, ${expected!.find(([other]) => other === path)![1]}`),
  ).toEqual([]);
}

function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== "number" || typeof b !== "number" || (Number.isInteger(a) && Number.isInteger(b))) {
    return JSON.stringify(a) === JSON.stringify(b);
  }
  return Math.abs(a - b) <= tolerance * Math.max(0.01, Math.abs(b));
}

describe.skipIf(chromium === undefined)("the page's document is the command's, field by field", SLOW, () => {
  let server: PageServer;
  let browser: Browser;
  let out: string;
  beforeAll(async () => {
    server = await startServer();
    browser = await launchChromium(chromium!);
    out = await mkdtemp(join(tmpdir(), "whybox-document-"));
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  /** The document that the page saves after some steps. */
  async function pageDocument(more: string, steps: (page: Page) => Promise<void>): Promise<unknown> {
    const { page, complaints, close } = await openPage(browser, `${server.address}${settings}${more}`);
    try {
      await choosePhoto(page, photo);
      await mapIsDone(page);
      await steps(page);
      await mapIsDone(page);
      const text = new TextDecoder().decode(await saved(page, "JSON"));
      // The same timings: the image was not explained again.
      expect(new TextDecoder().decode(await saved(page, "JSON"))).toBe(text);
      const document = JSON.parse(text);
      expect(text).toBe(`${JSON.stringify(resultSchema.parse(document), null, 2)}\n`);
      expect(complaints).toEqual([]);
      return document;
    } finally {
      await close();
    }
  }

  /** The document that `whybox explain` writes. */
  async function commandDocument(name: string, ...options: string[]): Promise<unknown> {
    const argv = ["explain", photo, "--threads", "1", "--save", "json", "--out", join(out, name), ...options];
    const { code, stderr } = await whybox(argv, { cwd: photos });
    expect(code, stderr).toBe(0);
    return JSON.parse(await readFile(join(out, name, "chelsea.json"), "utf8"));
  }

  it("of the whole image", async () => {
    const more = "&method=GradCAM&layer=-2&topPercent=30&perClass=true&confidence=0.4&iou=0.6&crop=hot";
    const page = await pageDocument(more, (page) => page.getByRole("button", { name: /^whole / }).click());
    const map = ["--layer", "-2", "--keep-only-topk", "30", "--backward-per-class", "--crop-keep"];
    const command = await commandDocument("image", ...map, "--conf", "0.4", "--iou", "0.6");
    const options = { method: "GradCAM", layer: [-2], keepTopPercent: 30, backwardPerClass: true, cropKeep: true };
    expect(command).toMatchObject({ model: { licence: "AGPL-3.0" }, options, explained: [0], empty: null });
    expectSameDocument(page, command);
  });

  it("of a box that the user asks about", { tags: ["long"] }, async () => {
    const box = { x1: 100, y1: 50, x2: 350, y2: 250 };
    const page = await pageDocument("", (page) => askAbout(page, box, "dog"));
    const command = await commandDocument("box", "--box", ...Object.values(box).map(String), "--class", "dog");
    expect(command).toMatchObject({ asked: { className: "dog" } });
    expectSameDocument(page, command);
  });

  it("of one detection", { tags: ["long"] }, async () => {
    const page = await pageDocument("", async () => {});
    const look = { colormap: "inferno", opacity: 0.6 } as const;
    const asked = { source: photo, detections: [0], per: "detection", save: ["json"], threads: 1, ...look } as const;
    const cwd = process.cwd();
    process.chdir(photos);
    const { results } = await explainFiles({ ...asked, out: join(out, "one") }).finally(() => process.chdir(cwd));
    expect(results).toMatchObject([{ options: { detections: [0] }, explained: [0] }]);
    expectSameDocument(page, JSON.parse(JSON.stringify(results[0])));
  });
});
