// @module-tag long

import { join } from "node:path";
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeImage, type ExplainOptions, encodeModel, loadDetector } from "whybox";
import { tameModel } from "../../../core/test/support/mini-detector.js";
import type { PageServer } from "../../../node/src/ui/page-server.js";
import { chromiumPath, launchChromium } from "./browser.js";
import { largestDifference, photos, SLOW, startServer } from "./open-page.js";
import { startWorker } from "./worker-client.js";

const chromium = chromiumPath();
const SIZE = 64;

/** Without a graphics card WebGPU is slow: a small network on a small picture stands for real ones. */
const model = encodeModel(tameModel());
/** Several detections at once, at a layer before SPPF. */
const asked: ExplainOptions = { method: "HiResCAM", per: "detection", layer: 1, maxDetections: 5, imageSize: SIZE };

describe.skipIf(chromium === undefined)("gradients on WebGPU are those of Node", SLOW, () => {
  let server: PageServer;
  let browser: Browser;
  let picture: Buffer;
  beforeAll(async () => {
    server = await startServer(false);
    browser = await launchChromium(chromium!, { webgpu: true });
    picture = await sharp(join(photos, "chelsea.png")).resize(SIZE, SIZE, { fit: "fill" }).png().toBuffer();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  // Its pools have no Indices there, and its convolutions of 6 channels are those that channels-last kernels get wrong.
  it("through the pools of SPPF", async () => {
    const detector = await loadDetector(model);
    const worker = await startWorker(browser, server.address);
    try {
      expect(await worker.open(model, "webgpu")).toMatchObject({ ok: true, value: { provider: { device: "webgpu" } } });
      expect(await worker.decode(picture, "image/png")).toMatchObject({ ok: true });
      const found = await worker.explain(asked);
      if (!found.ok) throw new Error(found.failure.message);
      const { heatmap } = await detector.explain(await decodeImage(picture), asked);
      expect(Math.max(...heatmap.data)).toBe(1);
      expect(largestDifference(found.value.data, heatmap.data)).toBeLessThan(1e-3);
    } finally {
      await worker.close();
      await detector.dispose();
    }
  });
});
