// @module-tag long

import { join } from "node:path";
import type { ExplainOptions } from "@whybox/core";
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeImage, encodeModel, loadDetector } from "whybox";
import { tameModel } from "../../../core/test/support/mini-detector.js";
import type { PageServer } from "../../../node/src/ui/page-server.js";
import { chromiumPath, launchChromium } from "./browser.js";
import { largestDifference, photos, SLOW, startServer } from "./open-page.js";
import { startWorker } from "./worker-client.js";

const chromium = chromiumPath();
const SIZE = 64;

/** WebGPU is slow without a graphics card, so the test uses a small network and a small image. */
const model = encodeModel(tameModel());
/** Several detections together, at a layer before SPPF. */
const asked: ExplainOptions = { method: "HiResCAM", per: "detection", layer: 1, maxDetections: 5, imageSize: SIZE };

describe.skipIf(chromium === undefined)("gradients on WebGPU match Node's", SLOW, () => {
  let server: PageServer;
  let browser: Browser;
  let image: Buffer;
  beforeAll(async () => {
    server = await startServer(false);
    browser = await launchChromium(chromium!, { webgpu: true });
    image = await sharp(join(photos, "chelsea.png")).resize(SIZE, SIZE, { fit: "fill" }).png().toBuffer();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  // WebGPU's pools have no Indices output. The channels-last kernels give wrong results for the convolutions with 6 channels.
  it("through the pools of SPPF", async () => {
    const detector = await loadDetector(model);
    const worker = await startWorker(browser, server.address);
    try {
      expect(await worker.open(model, "webgpu")).toMatchObject({ ok: true, value: { provider: { device: "webgpu" } } });
      expect(await worker.decode(image, "image/png")).toMatchObject({ ok: true });
      const found = await worker.explain(asked);
      if (!found.ok) throw new Error(found.failure.message);
      const { heatmap } = await detector.explain(await decodeImage(image), asked);
      expect(Math.max(...heatmap.data)).toBe(1);
      expect(largestDifference(found.value.data, heatmap.data)).toBeLessThan(1e-3);
    } finally {
      await worker.close();
      await detector.dispose();
    }
  });
});
