import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { PageServer } from "../../../node/src/ui/page-server.js";
import { findPageWeights } from "../../../node/src/ui/page-weights.js";
import { chromiumPath, launchChromium } from "./browser.js";
import {
  askAbout,
  chooseModel,
  choosePhoto,
  mapIsDone,
  openPage,
  photos,
  startServer,
  type Watched,
} from "./open-page.js";

const chromium = chromiumPath();

describe.skipIf(chromium === undefined)("files that are given to the page", () => {
  let server: PageServer;
  let browser: Browser;
  let watched: Watched;
  beforeAll(async () => {
    server = await startServer(false);
    browser = await launchChromium(chromium!);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  const open = async () => {
    watched = await openPage(browser, `${server.address}#device=wasm&method=GradCAM`);
    return watched.page;
  };
  afterEach(async () => {
    // The browser itself notes that there are no weights to be had.
    expect(watched.complaints.filter((text) => !text.includes("404"))).toEqual([]);
    await watched.close();
  });
  const notice = (page: Page) => page.locator(".notice").first();

  it("say what to do when no weights came with the page, and take one's own ONNX", async () => {
    const page = await open();
    expect(await notice(page).innerText()).toContain("No model came with this page");
    const { file } = await findPageWeights();
    const bytes = (await readFile(file.path)).toString("base64");
    const dropped = await page.evaluateHandle(async (base64) => {
      const data = new DataTransfer();
      const buffer = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      data.items.add(new File([buffer], "mine.onnx"));
      return data;
    }, bytes);
    await page.dispatchEvent("body", "drop", { dataTransfer: dropped });
    await page.locator(".model-chip", { hasText: "mine.onnx" }).waitFor();
    await choosePhoto(page, "dog.jpg");
    await mapIsDone(page);
    expect(await page.locator(".box").count()).toBeGreaterThan(2);
    await page.locator("summary", { hasText: "Model" }).click();
    expect(await page.locator(".model-facts").innerText()).toContain("80: person, bicycle");
  });

  it("take a PyTorch checkpoint", async () => {
    const page = await open();
    await notice(page).waitFor();
    await chooseModel(page, join(photos, "../torch/yolov5-v7.pt"));
    await page.locator(".model-chip", { hasText: "yolov5-v7.pt" }).waitFor();
    await choosePhoto(page, "chelsea.png");
    await page.locator(".hint", { hasText: "Nothing was detected" }).waitFor();
    await askAbout(page, { x1: 100, y1: 50, x2: 350, y2: 250 }, "cat");
    await page.locator(".verdict").waitFor();
    await mapIsDone(page);
    await page.locator("summary", { hasText: "Model" }).click();
    expect(await page.locator(".model-facts").innerText()).toContain("torch");
  });

  it.each([
    ["text.jpg", "not a picture", "no picture that this browser can read"],
    ["empty.png", "", "The file is empty"],
  ])("say what is wrong with %s", async (name, text, expected) => {
    const page = await open();
    await notice(page).waitFor();
    await page
      .locator('input[accept^="image/"]')
      .setInputFiles({ name, mimeType: "image/jpeg", buffer: Buffer.from(text) });
    await page.getByText(expected).waitFor();
    await choosePhoto(page, "dog.jpg");
    await page.locator(".photo img").waitFor();
  });

  it.each([
    ["junk.onnx", Buffer.from("<img src=x onerror=alert(1)>")],
    ["empty.onnx", Buffer.alloc(0)],
    ["junk.pt", Buffer.from("PK\u0003\u0004 nothing")],
  ])("say what is wrong with the model %s", async (name, buffer) => {
    const page = await open();
    await notice(page).waitFor();
    await page.locator('input[accept*=".onnx"]').setInputFiles({ name, mimeType: "application/octet-stream", buffer });
    await page.getByText("This file cannot be read").waitFor();
    expect(await page.locator("main img[src=x]").count()).toBe(0);
  });

  it("turn a photo as its EXIF says", async () => {
    const page = await open();
    await notice(page).waitFor();
    const upright = await readFile(join(photos, "dog.jpg"));
    await page
      .locator('input[accept^="image/"]')
      .setInputFiles({ name: "turned.jpg", mimeType: "image/jpeg", buffer: withOrientation(upright, 6) });
    await page.locator(".photo").waitFor();
    await page.waitForFunction(() => document.querySelector<HTMLElement>(".photo")?.style.aspectRatio === "576 / 768");
  });
});

/** The JPEG with another orientation in its EXIF (big-endian, as dog.jpg has it). */
function withOrientation(jpeg: Buffer, orientation: number): Buffer {
  const copy = Buffer.from(jpeg);
  // Tag 0x0112, type SHORT, count 1.
  const at = copy.indexOf(Buffer.from([0x01, 0x12, 0x00, 0x03, 0x00, 0x00, 0x00, 0x01]));
  if (at < 0) throw new Error("dog.jpg has no orientation to change");
  copy.writeUInt16BE(orientation, at + 8);
  return copy;
}
