import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser } from "playwright-core";
import { createServer, type PreviewServer, preview, type ViteDevServer, build as viteBuild } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exportBytes } from "../../../core/test/support/exports.js";
import { chromiumPath, launchChromium } from "./browser.js";
import { openPage, photos, SLOW, type Watched } from "./open-page.js";

const example = resolve(import.meta.dirname, "../../../../examples/vite-page");
const path = chromiumPath();

describe.skipIf(path === undefined)("examples/vite-page", SLOW, () => {
  let browser: Browser;
  let outDir: string;
  beforeAll(async () => {
    outDir = await mkdtemp(join(tmpdir(), "whybox-example-"));
    browser = await launchChromium(path!);
  });
  afterAll(async () => {
    await browser.close();
    await rm(outDir, { recursive: true });
  });

  it("explains when it is built", { tags: ["long"] }, async () => {
    await viteBuild({ root: example, logLevel: "error", build: { outDir } });
    expect(await readdir(outDir)).toContain("index.html");
    const server = await preview({ root: example, logLevel: "error", build: { outDir }, preview: { port: 0 } });
    await explains(server);
  });

  it("explains while it is developed", { tags: ["long"] }, async () => {
    const cacheDir = join(outDir, "cache");
    const server = await createServer({ root: example, logLevel: "error", cacheDir, server: { port: 0 } });
    await explains(await server.listen());
  });

  async function explains(server: PreviewServer | ViteDevServer): Promise<void> {
    let watched: Watched | undefined;
    try {
      watched = await openPage(browser, server.resolvedUrls!.local[0]!);
      const { page, complaints } = watched;
      const buffer = Buffer.from(exportBytes("yolox"));
      const status = page.getByRole("status");
      await page.getByLabel("Model").setInputFiles({ name: "tiny.onnx", mimeType: "", buffer });
      await status.filter({ hasText: "The model is ready." }).waitFor();
      await page.getByLabel("Image").setInputFiles(join(photos, "dog.jpg"));
      await status.filter({ hasText: /^\d+ detections: / }).waitFor();
      expect(await status.textContent()).toMatch(/^24 detections: \d+ × class0, \d+ × class1/);
      // The heatmap and the boxes changed the photo.
      const canvas = page.locator("canvas");
      expect([await canvas.getAttribute("width"), await canvas.getAttribute("height")]).toEqual(["768", "576"]);
      const drawn = await page.evaluate(
        async (photo) => {
          const shown = document.querySelector("canvas")!.getContext("2d")!.getImageData(0, 0, 768, 576).data;
          const bitmap = await createImageBitmap(await (await fetch(photo)).blob());
          const plain = new OffscreenCanvas(768, 576).getContext("2d")!;
          plain.drawImage(bitmap, 0, 0);
          return plain.getImageData(0, 0, 768, 576).data.filter((value, i) => Math.abs(value - shown[i]!) > 20).length;
        },
        `data:image/jpeg;base64,${(await readFile(join(photos, "dog.jpg"))).toString("base64")}`,
      );
      expect(drawn).toBeGreaterThan(768 * 576 * 0.2);

      await page.getByLabel("Model").setInputFiles({ name: "none.onnx", mimeType: "", buffer: Buffer.from("none") });
      await status.filter({ hasText: "is not an ONNX file" }).waitFor();
      expect(complaints).toEqual([]);
    } finally {
      await watched?.close();
      await server.close();
    }
  }
});
