// @module-tag long

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeImage, type ExplainOptions, loadDetector, renderOverlay } from "whybox";
import type { PageServer } from "../../../node/src/ui/page-server.js";
import { chromiumPath, launchChromium } from "./browser.js";
import {
  askAbout,
  choosePhoto,
  largestDifference,
  mapIsDone,
  openExpert,
  openPage,
  photos,
  SLOW,
  saved,
  shownMap,
  startServer,
  watchFor,
} from "./open-page.js";

const chromium = chromiumPath();
// A PNG, because JPEG decoders may differ in the last bit.
const photo = "chelsea.png";

/** Node's results for the same input. */
async function nodeMap(weights: string | Uint8Array, options: ExplainOptions): Promise<Float32Array> {
  const detector = await loadDetector(weights);
  try {
    const { heatmap } = await detector.explain(join(photos, photo), options);
    return heatmap.data;
  } finally {
    await detector.dispose();
  }
}

/** Checks that the saved image matches the image that Node draws from its own map. Bytes may differ by one rounding step. */
async function expectSameImage(png: Uint8Array): Promise<void> {
  const detector = await loadDetector("yolov5s");
  try {
    const image = await decodeImage(join(photos, photo));
    const { detections, maps } = await detector.explain(image, { method: "GradCAM", per: "detection" });
    const drawn = { colormap: "inferno" as const, opacity: 0.6, detections: detections.slice(0, 1) };
    const expected = renderOverlay(image, maps[0]!.heatmap, drawn);
    const found = await decodeImage(png);
    expect([found.width, found.height]).toEqual([expected.width, expected.height]);
    expect(largestDifference(found.data, expected.data)).toBeLessThanOrEqual(4);
  } finally {
    await detector.dispose();
  }
}

describe.skipIf(chromium === undefined)("the engine in the browser", SLOW, () => {
  let server: PageServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.close());

  it.each([2, 1])("matches Node on WebAssembly, threads: %i", async (threads) => {
    const browser = await launchChromium(chromium!);
    try {
      const { page, complaints } = await openPage(browser, `${server.address}#device=wasm&threads=${threads}`);
      const wasRefined = await watchFor(page, "Refining the map");
      await choosePhoto(page, photo);
      await mapIsDone(page);
      expect(await wasRefined()).toBe(true);
      await openExpert(page);
      for (const method of ["tap-fusion", "GradCAM"] as const) {
        await page.getByLabel("Method", { exact: true }).selectOption(method);
        await mapIsDone(page);
        const expected = await nodeMap("yolov5s", { method, per: "detection", maxDetections: 1 });
        expect(largestDifference((await shownMap(page)).data, expected), method).toBeLessThan(1e-4);
      }
      await expectSameImage(await saved(page, "Image"));
      expect(await page.locator(".model-chip").innerText()).toContain(threads === 1 ? "1 thread" : "2 threads");
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });

  // WebGPU is slow without a graphics card, so the test uses a small network.
  it("matches Node on WebGPU", async () => {
    const browser = await launchChromium(chromium!, { webgpu: true });
    const buffer = gunzipSync(await readFile(join(photos, "../exports/v5.onnx.gz")));
    const box = { x1: 100, y1: 50, x2: 350, y2: 250 };
    try {
      // The default weights run on the CPU. The small network is opened before WebGPU is selected.
      const { page, complaints } = await openPage(browser, `${server.address}#device=wasm&confidence=0.76`);
      await choosePhoto(page, photo);
      await page.locator('input[accept*=".onnx"]').first().setInputFiles({ name: "tiny.onnx", mimeType: "", buffer });
      await page.locator(".model-chip", { hasText: "tiny.onnx" }).waitFor();
      await page.evaluate(() => {
        location.hash = "device=webgpu&confidence=0.76";
      });
      await page.locator(".model-chip", { hasText: "WebGPU" }).waitFor();
      await mapIsDone(page);
      const one = await nodeMap(buffer, { method: "tap-fusion", per: "detection", confidence: 0.76, maxDetections: 1 });
      expect(largestDifference((await shownMap(page)).data, one)).toBeLessThan(1e-3);
      await askAbout(page, box, "class1");
      await page.locator(".verdict").waitFor();
      await mapIsDone(page);
      const asked = await nodeMap(buffer, {
        method: "tap-fusion",
        box: { ...box, className: "class1" },
        confidence: 0.76,
      });
      expect(largestDifference((await shownMap(page)).data, asked)).toBeLessThan(1e-3);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
