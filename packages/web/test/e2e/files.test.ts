import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { expect, it } from "vitest";
import { decodeImage, decodeModel, encodeModel } from "whybox";
import { findPageWeights } from "../../../node/src/ui/page-weights.js";
import { methodChoices } from "../../src/controller/methods.js";
import { chromiumPath, launchChromium } from "./browser.js";
import { askAbout, chooseModel, choosePhoto, mapIsDone, openExpert, openPage, photos, saved } from "./open-page.js";
import { describePage } from "./page-suite.js";
import { startWorker } from "./worker-client.js";

/** The browser logs the missing weights, and Playwright logs the blocked service worker. */
const EXPECTED = /404|blocked by Playwright/;

describePage("files opened in the page", { weights: false, expected: EXPECTED }, (suite) => {
  const open = (hash = "") => suite.open(`#device=wasm&method=GradCAM${hash}`);
  const notice = (page: Page) => page.locator(".notice").first();

  it("open a classifier: its classes as buttons, a heatmap, and nothing about boxes", async () => {
    const page = await open();
    const fixture = new URL("../../../../fixtures/classifiers/v8-cls.onnx.gz", import.meta.url);
    await chooseModel(page, { name: "v8-cls.onnx", mimeType: "", buffer: gunzipSync(readFileSync(fixture)) });
    await choosePhoto(page, "dog.jpg");
    await mapIsDone(page);
    const chips = page.locator(".chips .chip");
    expect(await chips.first().innerText()).toMatch(/^(person|it's a dog|car|bus|kite) \d+\s%$/);
    expect(await chips.last().innerText()).toBe("all together");
    expect(await page.locator(".box").count()).toBe(0);
    expect(await page.locator(".stage canvas").first().isVisible()).toBe(true);
    const answer = await page.locator(".answer").innerText();
    expect(answer).toMatch(/The heat shows which parts of the image support the class /);
    expect(answer).not.toMatch(/heat is in the box|found at/);
    expect(await page.getByRole("button", { name: "Ask about your own box" }).count()).toBe(0);
    await openExpert(page);
    expect(await page.locator("section", { hasText: "This map" }).last().innerText()).toMatch(
      /Confidence\s+\d+\s%, of the whole image/,
    );
  });

  it("report missing default weights, and open the user's ONNX file", { tags: ["long"] }, async () => {
    const page = await open();
    expect(await notice(page).innerText()).toContain("This page has no default model");
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
    await openExpert(page);
    await page.locator("summary", { hasText: "Model" }).click();
    expect(await page.locator(".model-facts").innerText()).toContain("80: person, bicycle");
  });

  it("are not needed to read the page, even before its script has run", async () => {
    const page = await suite.open("icon.svg");
    await page.route("**/*.js", () => undefined);
    await page.goto(suite.address, { waitUntil: "commit" });
    await page.getByRole("heading", { name: "Why did the detector draw that box?" }).waitFor();
  });

  it("open a PyTorch checkpoint", async () => {
    const page = await open();
    await notice(page).waitFor();
    await chooseModel(page, join(photos, "../torch/yolov5-v7.pt"));
    await page.locator(".model-chip", { hasText: "yolov5-v7.pt" }).waitFor();
    await choosePhoto(page, "chelsea.png");
    await page.locator(".hint", { hasText: "Nothing was detected" }).waitFor();
    await askAbout(page, { x1: 100, y1: 50, x2: 350, y2: 250 }, "cat");
    await page.locator(".verdict").waitFor();
    await mapIsDone(page);
    await openExpert(page);
    await page.locator("summary", { hasText: "Model" }).click();
    expect(await page.locator(".model-facts").innerText()).toContain("torch");
  });

  it("name a missing file of a model, and take all files of a model and a photo together", async () => {
    const page = await open();
    await notice(page).waitFor();
    const external = (name: string) => join(photos, "../external", name);
    const models = page.locator('input[accept*=".onnx"]').first();
    await models.setInputFiles(external("two-files.onnx"));
    await page.getByText('"two-files.onnx.data" is missing').waitFor();
    await models.setInputFiles(external("two-files.onnx.data"));
    await page.locator(".model-chip", { hasText: "two-files.onnx" }).waitFor();
    await page.reload();
    await notice(page).waitFor();
    await models.setInputFiles([external("two-files.onnx.data"), external("two-files.onnx"), join(photos, "dog.jpg")]);
    await page.locator(".model-chip", { hasText: "two-files.onnx" }).waitFor();
    await page.locator(".photo img").waitFor();
    await openExpert(page);
    await page.locator("summary", { hasText: "Model" }).click();
    const bytes = ["two-files.onnx", "two-files.onnx.data"].reduce(
      (sum, name) => sum + readFileSync(external(name)).length,
      0,
    );
    expect(await page.locator(".model-facts").innerText()).toContain(`${(bytes / 1e6).toFixed(1)} MB`);
  });

  it("prepare photos as preprocessor_config.json says, whether it comes with the model or later", async () => {
    const page = await open();
    await notice(page).waitFor();
    const config = (mean: number) => ({
      name: "preprocessor_config.json",
      mimeType: "application/json",
      buffer: Buffer.from(JSON.stringify({ size: { height: 64, width: 96 }, image_mean: [mean, mean, mean] })),
    });
    const models = page.locator('input[accept*=".onnx"]').first();
    const model = { name: "tiny.onnx", mimeType: "", buffer: Buffer.from(tinyModel()) };
    const input = async () => {
      await page.locator(".model-chip", { hasText: "tiny.onnx" }).waitFor();
      await askAbout(page, { x1: 100, y1: 50, x2: 350, y2: 250 }, "class0");
      await page.locator(".verdict").waitFor();
      await mapIsDone(page);
      return JSON.parse(new TextDecoder().decode(await saved(page, "JSON"))).model.input;
    };
    await models.setInputFiles([config(0.5), model]);
    await choosePhoto(page, "chelsea.png");
    const stretched = { fit: "stretch", fitFrom: "preprocessor", normalisationFrom: "preprocessor" };
    expect(await input()).toMatchObject({ ...stretched, mean: [0.5, 0.5, 0.5] });
    await models.setInputFiles(config(0.25));
    expect(await input()).toMatchObject({ ...stretched, mean: [0.25, 0.25, 0.25] });
  });

  it.each([
    ["text.jpg", "not an image", "not an image that this browser can read"],
    ["empty.png", "", "The file is empty"],
  ])("report what is wrong with %s", async (name, text, expected) => {
    const page = await open();
    await notice(page).waitFor();
    await page
      .locator('input[accept^="image/"]')
      .setInputFiles({ name, mimeType: "image/jpeg", buffer: Buffer.from(text) });
    await page.getByText(expected).waitFor();
    await choosePhoto(page, "dog.jpg");
    await page.locator(".photo img").waitFor();
    await page.getByText(expected).waitFor({ state: "detached" });
    // A file that cannot be read never closes the photo.
    await page
      .locator('input[accept^="image/"]')
      .setInputFiles({ name, mimeType: "image/jpeg", buffer: Buffer.from(text) });
    await page.getByText("dog.jpg stays open.").waitFor();
    expect(await page.locator(".note").innerText()).toContain(
      "Photos, videos (MP4, WebM) and models (.onnx, .pt) are taken.",
    );
    expect(await page.locator(".photo img").isVisible()).toBe(true);
    await page.getByRole("button", { name: "Close the note" }).click();
    expect(await page.locator(".note").count()).toBe(0);
  });

  it.each([
    ["junk.onnx", Buffer.from("<img src=x onerror=alert(1)>")],
    ["empty.onnx", Buffer.alloc(0)],
    ["junk.pt", Buffer.from("PK\u0003\u0004 nothing")],
  ])("report what is wrong with the model %s", async (name, buffer) => {
    const page = await open();
    await notice(page).waitFor();
    await page
      .locator('input[accept*=".onnx"]')
      .first()
      .setInputFiles({ name, mimeType: "application/octet-stream", buffer });
    await page.getByText("This file cannot be read").waitFor();
    expect(await page.locator("main img[src=x]").count()).toBe(0);
  });

  it("apply the EXIF orientation of a photo, pixel by pixel", async () => {
    await suite.open("icon.svg");
    const worker = await startWorker(suite.browser, suite.address);
    try {
      expect(await worker.open(tinyModel(), "wasm", 1)).toMatchObject({ ok: true });
      const upright = await readFile(join(photos, "dog.jpg"));
      for (const orientation of [1, 3, 6, 8]) {
        const jpeg = withOrientation(upright, orientation);
        expect(await worker.decode(jpeg, "image/jpeg")).toMatchObject({ ok: true });
        const found = await decodeImage(await worker.pixels());
        const expected = await decodeImage(jpeg);
        expect([found.width, found.height]).toEqual(orientation < 5 ? [768, 576] : [576, 768]);
        expect([found.width, found.height]).toEqual([expected.width, expected.height]);
        // JPEG decoders differ in the last bits of a few pixels.
        let apart = 0;
        for (let k = 0; k < found.data.length; k++) apart += Math.abs(found.data[k]! - expected.data[k]!);
        expect(apart / found.data.length, `orientation ${orientation}`).toBeLessThan(1);
      }
    } finally {
      await worker.close();
    }
  });

  it("drop the alpha of a photo as Node does, pixel by pixel", async () => {
    await suite.open("icon.svg");
    const worker = await startWorker(suite.browser, suite.address);
    try {
      expect(await worker.open(tinyModel(), "wasm", 1)).toMatchObject({ ok: true });
      // Every alpha, the wholly transparent too, over colours of their own.
      const rgba = Uint8Array.from({ length: 32 * 16 * 4 }, (_, i) => (i % 4 === 3 ? (i >> 2) % 256 : (i * 37) % 256));
      const raw = { width: 32, height: 16, channels: 4 } as const;
      const png = await sharp(rgba, { raw }).png().toBuffer();
      expect(await worker.decode(png, "image/png")).toMatchObject({ ok: true });
      const found = await decodeImage(await worker.pixels());
      const expected = (await decodeImage(png)).data;
      expect(Math.max(...found.data.map((value, i) => Math.abs(value - expected[i]!)))).toBe(0);
    } finally {
      await worker.close();
    }
  });

  it("open a pasted image", async () => {
    const page = await open();
    await notice(page).waitFor();
    const base64 = (await readFile(join(photos, "chelsea.png"))).toString("base64");
    await page.evaluate((text) => {
      const data = new DataTransfer();
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      data.items.add(new File([bytes], "image.png", { type: "image/png" }));
      document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
    }, base64);
    await page.locator(".photo img").waitFor();
  });

  it("explain a video file live", { tags: ["long"] }, async () => {
    const page = await open("&confidence=0.76");
    await openTiny(page);
    await page
      .locator('input[accept^="image/"]')
      .first()
      .setInputFiles({ name: "moving.webm", mimeType: "video/webm", buffer: await record(page) });
    await page.getByText("frames per second").waitFor();
    await page.getByRole("button", { name: "Capture frame" }).click();
    await page.locator(".photo img").waitFor();
  });

  it("report that a video cannot be played", async () => {
    const page = await open();
    await notice(page).waitFor();
    const buffer = Buffer.from("no video");
    await page
      .locator('input[accept^="image/"]')
      .first()
      .setInputFiles({ name: "x.mp4", mimeType: "video/mp4", buffer });
    await page.getByText("is not a video that this browser can play").waitFor();
  });

  it("report that a model has no detection head", async () => {
    const page = await open();
    await notice(page).waitFor();
    await chooseModel(page, { name: "headless.onnx", mimeType: "", buffer: Buffer.from(headless()) });
    await page.getByText("This model cannot be explained").waitFor();
  });

  /** Opens the page with a line of script before its first worker. Later workers are unchanged. */
  const openWithWorker = async (line: string) => {
    const page = await suite.open("icon.svg", { serviceWorkers: "block" });
    let spoilt = false;
    await page.route("**/assets/worker-*.js", async (route) => {
      const answer = await route.fetch();
      const body = spoilt ? await answer.text() : `${line}${await answer.text()}`;
      spoilt = true;
      await route.fulfill({ response: answer, body });
    });
    await page.goto(`${suite.address}#device=wasm&method=GradCAM&confidence=0.76`);
    await notice(page).waitFor();
    return page;
  };

  it("report a model that does not fit into memory, and open the next", { tags: ["long"] }, async () => {
    // Browsers throw this error when a large file does not fit.
    const page = await openWithWorker(
      'Blob.prototype.arrayBuffer = () => Promise.reject(new RangeError("Array buffer allocation failed"));',
    );
    await chooseModel(page, { name: "large.onnx", mimeType: "", buffer: Buffer.from(tinyModel()) });
    await page.getByText("Out of memory").waitFor();
    await openTiny(page);
    await choosePhoto(page, "chelsea.png");
    await tinyIsDone(page);
    expect(await page.locator(".notice").count()).toBe(0);
  });

  it("report a photo that does not fit into memory, and explain the next with the same model", {
    tags: ["long"],
  }, async () => {
    const page = await openWithWorker(
      'OffscreenCanvas.prototype.getContext = () => { throw new RangeError("Array buffer allocation failed"); };',
    );
    await openTiny(page);
    await choosePhoto(page, "dog.jpg");
    await page.getByText("Out of memory").waitFor();
    await choosePhoto(page, "chelsea.png");
    await tinyIsDone(page);
    expect(await page.locator(".notice").count()).toBe(0);
    expect(await page.locator(".model-chip").innerText()).toContain("tiny.onnx");
  });

  it.each([
    ["refused", "Access to the camera was denied."],
    ["none", "This browser finds no camera that it can use."],
  ] as const)(
    "report why a camera (%s) delivers no image, and open a photo",
    { tags: ["long"] },
    async (camera, expected) => {
      const other = await launchChromium(chromiumPath()!, { camera });
      try {
        const { page, complaints } = await openPage(other, `${suite.address}#device=wasm`);
        await page.getByRole("button", { name: "Camera" }).click();
        await page.getByText("No image from the camera").waitFor();
        await page.getByText(expected).waitFor();
        await choosePhoto(page, "dog.jpg");
        await page.locator(".photo img").waitFor();
        await page.getByText("No image from the camera").waitFor({ state: "hidden" });
        expect(complaints.filter((text) => !EXPECTED.test(text))).toEqual([]);
      } finally {
        await other.close();
      }
    },
  );

  it("are explained by every method", { tags: ["long"] }, async () => {
    const page = await open("&confidence=0.76");
    await openTiny(page);
    await choosePhoto(page, "chelsea.png");
    // Some maps of this network are empty. The line below the image names the method in any case.
    await openExpert(page);
    for (const { id, title } of methodChoices) {
      await page.getByLabel("Method", { exact: true }).selectOption(id);
      await page.locator(".made", { hasText: `${title} ·` }).waitFor();
      await page.waitForFunction(() => document.querySelector(".running") === null);
      expect(await page.locator(".notice").allInnerTexts(), title).toEqual([]);
    }
    expect(methodChoices.length).toBeGreaterThan(30);
  });
});

/** A network of a few kilobytes. */
function tinyModel(): Uint8Array {
  return gunzipSync(readFileSync(join(photos, "../exports/v5.onnx.gz")));
}

/** Some maps of this network are empty. The line below the image names the method in any case. */
async function tinyIsDone(page: Page): Promise<void> {
  await page.locator(".made", { hasText: "Grad-CAM ·" }).waitFor({ state: "attached", timeout: 30_000 });
}

async function openTiny(page: Page): Promise<void> {
  await page.locator(".notice").first().waitFor();
  await chooseModel(page, { name: "tiny.onnx", mimeType: "", buffer: Buffer.from(tinyModel()) });
  await page.locator(".model-chip", { hasText: "tiny.onnx" }).waitFor();
}

/** A valid model without a detection head: one Relu. */
function headless(): Uint8Array {
  const model = decodeModel(tinyModel());
  const [conv] = model.graph.nodes;
  const outputs = [{ ...model.graph.outputs[0]!, name: conv!.outputs[0]!, shape: undefined }];
  return encodeModel({ ...model, graph: { ...model.graph, nodes: [conv!], outputs } });
}

/** Records one second of a moving square. */
async function record(page: Page): Promise<Buffer> {
  const base64 = await page.evaluate(async () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [96, 64];
    const context = canvas.getContext("2d")!;
    const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: "video/webm" });
    const parts: Blob[] = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const done = new Promise((resolve) => {
      recorder.onstop = resolve;
    });
    recorder.start();
    for (let i = 0; i < 25; i++) {
      context.fillStyle = `hsl(${14 * i} 80% 50%)`;
      context.fillRect(3 * i, i, 20, 20);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    recorder.stop();
    await done;
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  });
  return Buffer.from(base64, "base64");
}

/** The JPEG with another EXIF orientation (big-endian, as in dog.jpg). */
function withOrientation(jpeg: Buffer, orientation: number): Buffer {
  const copy = Buffer.from(jpeg);
  // Tag 0x0112, type SHORT, count 1.
  const at = copy.indexOf(Buffer.from([0x01, 0x12, 0x00, 0x03, 0x00, 0x00, 0x00, 0x01]));
  if (at < 0) throw new Error("dog.jpg has no orientation to change");
  copy.writeUInt16BE(orientation, at + 8);
  return copy;
}
