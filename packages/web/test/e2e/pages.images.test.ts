import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { RgbImage } from "@whybox/core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, it } from "vitest";
import { makeReport } from "../../../node/src/report/make-report.js";
import { writeMeasurements } from "../../../node/test/report/measured-run.js";
import { detectionOf, emptyFolder, linesOf, writeRun } from "../../../node/test/report/synthetic-run.js";
import { expectImage } from "../../../node/test/support/reference-image.js";
import { chromiumPath, launchChromium } from "./browser.js";
import { choosePhoto, mapIsDone, PATIENCE, SLOW, startServer } from "./open-page.js";

const chromium = chromiumPath();
/** Versions of Chromium draw the same letters slightly differently. */
const tolerance = { colour: 0.2, pixels: 0.01 };
const viewport = { width: 1100, height: 760 };

/** A style that sets all text in one font, so that the layout does not depend on the fonts of this machine. */
async function oneFont(): Promise<string> {
  const files = dirname(createRequire(import.meta.url).resolve("@fontsource/dejavu-sans/package.json"));
  const faces = [400, 700].map(async (weight) => {
    const font = await readFile(join(files, `files/dejavu-sans-latin-${weight}-normal.woff2`), "base64");
    return `@font-face { font-family: one; font-weight: ${weight}; src: url(data:font/woff2;base64,${font}); }`;
  });
  return `${(await Promise.all(faces)).join("\n")}\n* { font-family: one !important; }`;
}

describe.skipIf(chromium === undefined)("screenshots", SLOW, () => {
  let browser: Browser;
  let style: string;
  beforeAll(async () => {
    style = await oneFont();
    browser = await launchChromium(chromium!);
  });
  afterAll(() => browser?.close());

  async function open(address: string, options: BrowserContextOptions): Promise<Page> {
    // The page's content security policy does not allow the style of the test.
    const context = await browser.newContext({ viewport, bypassCSP: true, reducedMotion: "reduce", ...options });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    await page.goto(address);
    await page.addStyleTag({ content: style });
    await page.evaluate(() => document.fonts.ready);
    return page;
  }

  /** Compares a screenshot of the page with its reference, and closes the page. */
  async function compare(page: Page, name: string): Promise<void> {
    await page.mouse.move(0, 0);
    await page.waitForLoadState("networkidle");
    // Labels are placed again when the page has its size.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    // The number of threads and the duration of a map vary.
    const mask = [page.locator(".model-chip"), page.getByText(/ · \d.* m?s$/)];
    const taken = await page.screenshot({ animations: "disabled", mask });
    await page.context().close();
    await expectImage(taken, resolve(import.meta.dirname, `references/${name}.png`), tolerance);
  }

  describe("of the page", () => {
    let server: Awaited<ReturnType<typeof startServer>>;
    beforeAll(async () => {
      server = await startServer();
    });
    afterAll(() => server?.close());

    it("before there is a photo", async () => {
      const page = await open(server.address, { colorScheme: "light" });
      await page.locator(".model-chip", { hasText: "YOLOv5s" }).waitFor();
      await compare(page, "page-first");
    });

    it("with an explained photo", async () => {
      const page = await open(`${server.address}#device=wasm&method=GradCAM`, { colorScheme: "dark" });
      await choosePhoto(page, "dog.jpg");
      await mapIsDone(page);
      await compare(page, "page-explained");
    });
  });

  describe("of the report", () => {
    let address: string;
    beforeAll(async () => {
      const root = await emptyFolder();
      const out = join(root, "report.html");
      const options = { out, cwd: root, truth: "none", misses: 0, budget: 2 ** 20, version: "9.9.9" };
      const images = Array.from({ length: 12 }, (_, i) => imageOf(i));
      const folder = await writeRun(root, { lines: linesOf(images) });
      await writeMeasurements(folder, images, (item, i) => {
        const [map, within] = [0.9 - 0.07 * item, 0.3 - 0.03 * item + 0.2 * i];
        return { map: [map, within], gaussian: [0.75 - 0.05 * item, 0.1] };
      });
      const services = { decodeImage: async () => gradient, loadDetector: unwanted, readVideo: unwanted };
      await makeReport({ folder, ...options }, services);
      address = pathToFileURL(out).href;
    });

    it("with its detections", async () => {
      const page = await open(address, { colorScheme: "light" });
      await page.waitForFunction(() => {
        const canvases = [...document.querySelectorAll<HTMLCanvasElement>(".card canvas")];
        return canvases.length > 0 && canvases.every((canvas) => canvas.width !== 300);
      });
      await compare(page, "report-detections");
    });

    it("with its classes", async () => {
      const page = await open(`${address}#tab=classes`, { colorScheme: "dark" });
      await page.getByRole("tab", { name: "Classes" }).click();
      await page.locator(".class-card .small-plot canvas").nth(2).waitFor();
      await compare(page, "report-classes");
    });

    it.each(["light", "dark"] as const)("with what was measured of its maps, %s", async (colorScheme) => {
      const page = await open(address, { colorScheme });
      await page.getByRole("tab", { name: "Trust" }).click();
      await page.locator(".chart canvas").nth(2).waitFor();
      await compare(page, `report-trust-${colorScheme}`);
    });
  });
});

function unwanted(): never {
  throw new Error("not asked for");
}

/** Two detections. In every third image the heat of the first one is outside its box. */
function imageOf(item: number) {
  const x = 20 * item;
  const inBox = item % 3 === 0 ? 0.02 : 0.4 + 0.04 * item;
  const detections = [
    detectionOf({ box: [x, 100, x + 150, 300], class: item % 3, score: 0.35 + 0.05 * item, inBox, area: 0.1 }),
    detectionOf({ box: [x, 20, x + 60, 90], class: 3, score: 0.3, inBox: 0.3, area: 0.02, level: 1 }),
  ];
  return { source: `frames/${item}.jpg`, size: [480, 640] as [number, number], detections };
}

const gradient: RgbImage = {
  height: 480,
  width: 640,
  data: Uint8Array.from({ length: 480 * 640 * 3 }, (_, i) => (i % 1920) / 12 + Math.floor(i / 1920) / 8),
};
