import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeImage, type ExplainOptions, loadDetector, renderOverlay } from "whybox";
import type { PageServer } from "../../../node/src/ui/page-server.js";
import { chromiumPath, launchChromium } from "./browser.js";
import {
  askAbout,
  chooseModel,
  choosePhoto,
  largestDifference,
  mapIsDone,
  openPage,
  photos,
  saved,
  shownMap,
  startServer,
} from "./open-page.js";

const chromium = chromiumPath();
// A PNG: decoders of JPEG may differ in the last bit.
const photo = "chelsea.png";

/** What Node makes of the same. */
async function nodeMap(weights: string, options: ExplainOptions): Promise<Float32Array> {
  const detector = await loadDetector(weights);
  try {
    const { heatmap } = await detector.explain(join(photos, photo), options);
    return heatmap.data;
  } finally {
    await detector.dispose();
  }
}

/** The picture that the page saves is the one that Node draws from its own map: bytes may differ by the rounding of one step. */
async function expectSamePicture(png: Uint8Array): Promise<void> {
  const detector = await loadDetector("yolov5s");
  try {
    const picture = await decodeImage(join(photos, photo));
    const { detections, maps } = await detector.explain(picture, { method: "GradCAM", per: "detection" });
    const drawn = { colormap: "inferno", opacity: 0.6, detections: detections.slice(0, 1) };
    const expected = renderOverlay(picture, maps[0]!.heatmap, drawn);
    const found = await decodeImage(png);
    expect([found.width, found.height]).toEqual([expected.width, expected.height]);
    expect(largestDifference(found.data, expected.data)).toBeLessThanOrEqual(4);
  } finally {
    await detector.dispose();
  }
}

describe.skipIf(chromium === undefined)("the engine in the browser", () => {
  let server: PageServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.close());

  it.each([2, 1])("gives Node's numbers on WebAssembly, threads: %i", { timeout: 120_000 }, async (threads) => {
    const browser = await launchChromium(chromium!);
    try {
      const { page, complaints } = await openPage(browser, `${server.address}#device=wasm&threads=${threads}`);
      await choosePhoto(page, photo);
      await page.getByText("refining").waitFor();
      for (const method of ["tap-fusion", "GradCAM"]) {
        await page.getByLabel("Method", { exact: true }).selectOption(method);
        await mapIsDone(page);
        const expected = await nodeMap("yolov5s", { method, per: "detection", maxDetections: 1 });
        expect(largestDifference((await shownMap(page)).data, expected), method).toBeLessThan(1e-4);
      }
      await expectSamePicture(await saved(page, "Picture"));
      expect(await page.locator(".model-chip").innerText()).toContain(threads === 1 ? "1 thread" : "2 threads");
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });

  // Without a graphics card WebGPU is slow: a small network stands for the real one. It has an SPPF, whose MaxPool the rules lower.
  it("gives Node's numbers on WebGPU, from a checkpoint", { timeout: 240_000 }, async () => {
    const browser = await launchChromium(chromium!, { webgpu: true });
    const checkpoint = join(photos, "../torch/yolov5-v7.pt");
    const box = { x1: 100, y1: 50, x2: 350, y2: 250 };
    try {
      const { page, complaints } = await openPage(browser, `${server.address}#device=wasm`);
      page.setDefaultTimeout(200_000);
      await choosePhoto(page, photo);
      await chooseModel(page, checkpoint);
      await page.getByText("Nothing was detected", { exact: false }).first().waitFor();
      await page.evaluate(() => {
        location.hash = "device=webgpu";
      });
      await page.locator(".model-chip", { hasText: "WebGPU" }).waitFor();
      await askAbout(page, box, "cat");
      await mapIsDone(page);
      expect(await page.locator(".verdict").innerText()).toContain("objectness");
      const expected = await nodeMap(checkpoint, { method: "tap-fusion", box: { ...box, className: "cat" } });
      expect(largestDifference((await shownMap(page)).data, expected)).toBeLessThan(1e-3);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
