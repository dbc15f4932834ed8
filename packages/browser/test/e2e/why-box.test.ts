import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import { type Detection, drawingOptions } from "@whybox/core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exportBytes } from "../../../core/test/support/exports.js";
import { chromiumPath, launchChromium } from "../../../web/test/e2e/browser.js";
import type { WhyBox, WhyBoxEvents } from "../../src/element.js";
import { type StaticServer, serveFolders } from "./serve-folder.js";

const root = resolve(import.meta.dirname, "../../../..");
const path = chromiumPath();
const SLOW = { timeout: 300_000 } as const;
const photos = join(root, "fixtures/photos");

/** A page with the element, as a user writes it. The address has no element before the script runs. */
const pageWith = (
  body: string,
) => `<!doctype html><html lang="en"><head><title>Why</title><link rel="icon" href="data:," />
<style>why-box { display: block; aspect-ratio: 768 / 576; }</style>
<script type="importmap">{"imports": {"@whybox/browser/element": "/browser/standalone/element.js"}}</script>
<script type="module">import "@whybox/browser/element";</script></head>
<body><main><h1>Why</h1>${body}<p>The text below.</p></main></body></html>`;

describe.skipIf(path === undefined)("<why-box>", SLOW, () => {
  let browser: Browser;
  let server: StaticServer;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "whybox-element-"));
    await writeFile(join(folder, "tiny.onnx"), exportBytes("yolox"));
    browser = await launchChromium(path!);
    const element = `<why-box src="/photos/dog.jpg" weights="/tiny.onnx" device="wasm" threads="2" method="GradCAM" confidence="0.3"
      max-detections="4" alt="A dog and a bicycle" width="768" height="576"></why-box>`;
    server = await serveFolders(
      {
        "/browser/": join(root, "packages/browser/dist/"),
        "/photos/": `${photos}/`,
        "/example/node_modules/@whybox/browser/dist/": join(root, "packages/browser/dist/"),
        "/example/": join(root, "examples/html-page/"),
      },
      {
        files: {
          "/": Buffer.from(pageWith(element)),
          "/given.html": Buffer.from(pageWith("")),
          "/wrong.html": Buffer.from(pageWith(element.replace("GradCAM", "GradCamm"))),
          "/tiny.onnx": exportBytes("yolox"),
        },
      },
    );
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
    await rm(folder, { recursive: true });
  });

  async function open(address: string): Promise<{ page: Page; complaints: string[] }> {
    const context = await browser.newContext({ viewport: { width: 900, height: 900 } });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.addInitScript(() => {
      const shifts: number[] = [];
      const seen: string[] = [];
      Object.assign(globalThis, { shifts, seen });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) shifts.push((entry as unknown as { value: number }).value);
      }).observe({ type: "layout-shift", buffered: true });
      for (const name of ["ready", "detections", "result", "select", "error", "progress"]) {
        addEventListener(
          name,
          (event) => (event.target as Element | null)?.localName === "why-box" && seen.push(name),
          true,
        );
      }
    });
    await page.goto(address);
    return { page, complaints };
  }

  const eventsOf = (page: Page) => page.evaluate(() => (globalThis as unknown as { seen: string[] }).seen);
  const inHeat = (page: Page) =>
    page.locator("why-box").evaluate((element) => {
      const heat = element.shadowRoot!.querySelector("[part=heat]")!;
      const canvas = heat.querySelector<HTMLCanvasElement>(".heat")!;
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true })!;
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
      return { shown: Number(getComputedStyle(heat).opacity), sum: data.reduce((all, value) => all + value, 0) };
    });
  const done = (page: Page) =>
    page.waitForFunction(() =>
      (globalThis as unknown as { seen: string[] }).seen.some((name) => ["result", "error"].includes(name)),
    );

  it("shows image, boxes and heat, and each box its own, without moving the page", async () => {
    const { page, complaints } = await open(server.address);
    await done(page);
    const boxes = page.getByRole("button");
    expect(await boxes.count()).toBe(4);
    expect(await eventsOf(page)).toEqual(expect.arrayContaining(["ready", "detections", "result"]));
    const all = await inHeat(page);
    await boxes.first().focus();
    await page.keyboard.press("Enter");
    expect(await boxes.first().getAttribute("aria-pressed")).toBe("true");
    const one = await inHeat(page);
    expect(one.sum).not.toBe(all.sum);
    await page.waitForTimeout(300);
    expect((await inHeat(page)).shown).toBeCloseTo(drawingOptions.opacity.default);
    expect(await page.getByRole("status").innerText()).toMatch(
      /^class\d, \d+\s%\. \d+\s% of the heat is in the box\.$/,
    );
    const first = await page.evaluate(() => document.querySelector("why-box")?.shadowRoot?.activeElement?.ariaLabel);
    await page.keyboard.press("ArrowRight");
    const second = await page.evaluate(() => document.querySelector("why-box")?.shadowRoot?.activeElement?.ariaLabel);
    expect(second).not.toBe(first);
    await page.keyboard.press("Escape");
    expect((await inHeat(page)).sum).toBe(all.sum);
    const png = await page.locator("why-box").evaluate(async (element) => (await (element as WhyBox).toPng()).size);
    expect(png).toBeGreaterThan(100_000);
    expect(await page.evaluate(() => (globalThis as unknown as { shifts: number[] }).shifts)).toEqual([]);
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("follows its attributes and properties", async () => {
    const { page } = await open(server.address);
    await done(page);
    const counts = await page.locator("why-box").evaluate(async (element) => {
      const box = element as WhyBox;
      const next = () =>
        new Promise<number>((ready) => {
          box.addEventListener("result", ({ detail }) => ready(detail.detections.length), { once: true });
        });
      const found: number[] = [];
      box.setAttribute("max-detections", "2");
      found.push(await next());
      box.options = { maxDetections: 1 };
      found.push(await next());
      box.image = new ImageData(new Uint8ClampedArray(64 * 64 * 4).fill(128), 64, 64);
      found.push(await next());
      box.image = await (await fetch("/photos/chelsea.png")).blob();
      box.options = { maxDetections: 3 };
      found.push(await next());
      const { detector } = box;
      box.remove();
      await Promise.resolve();
      const ended = await detector!.detect("/photos/dog.jpg").then(
        () => "answers",
        ({ code }) => code,
      );
      return { found, ended };
    });
    expect(counts.found.slice(0, 2)).toEqual([2, 1]);
    expect(counts.found.at(-1)).toBe(3);
    expect(counts.ended).toBe("runtime");
    await page.context().close();
  });

  it("measures the selected map when it is asked to, and for an attribute", async () => {
    const { page } = await open(server.address);
    await done(page);
    const found = await page.locator("why-box").evaluate(async (element) => {
      const box = element as WhyBox;
      const next = () =>
        new Promise<WhyBoxEvents["measured"]["detail"]>((ready) =>
          box.addEventListener("measured", (event) => ready(event.detail), {
            once: true,
          }),
        );
      const stages = new Set<string>();
      box.addEventListener("progress", (event) => {
        stages.add(event.detail.stage);
      });
      const none = await box.measure().catch(({ code }) => code as string);
      const told = next();
      const asked = await box.measure(box.detections[1]!.index);
      const event = await told;
      box.setAttribute("measure", "");
      box.select(box.detections[0]!.index);
      box.select(box.detections[2]!.index);
      const [first, { result }] = [await next(), box];
      return {
        none,
        asked,
        event,
        first,
        stages: [...stages],
        ids: box.detections.map(({ index }) => index),
        measured: result!.measured,
      };
    });
    expect(found.none).toBe("usage");
    expect(found.asked).toMatchObject({ detections: [found.ids[1]], map: { sufficient: expect.any(Number) } });
    expect(found.event).toEqual({ index: found.ids[1], measurement: found.asked });
    // The selection before was measured no further.
    expect(found.first.index).toBe(found.ids[2]);
    expect([found.stages, found.measured]).toEqual([["measure"], []]);
    await page.context().close();
  });

  it("shows a given view as its own children, and tells what the user does", async () => {
    const { page } = await open(`${server.address}given.html`);
    await page.evaluate(async () => {
      await customElements.whenDefined("why-box");
      const told: unknown[] = [];
      const box = document.createElement("why-box");
      const one = {
        index: 3,
        classId: 0,
        className: "dog",
        confidence: 0.9,
        boxImage: { x1: 8, y1: 8, x2: 24, y2: 24 },
      };
      const view = {
        alt: "Noise",
        size: { width: 100, height: 100 },
        detections: [one as unknown as Detection],
        isDrawable: true,
      };
      box.view = { ...view, image: document.createElement("canvas") };
      Object.assign(box.style, { display: "block", position: "relative", width: "200px", height: "200px" });
      box.addEventListener("press", ({ detail: { detection, isAdded } }) => told.push([detection.index, isAdded]));
      box.addEventListener("draw", ({ detail }) => {
        told.push(detail);
        box.view = { ...view, drawn: detail };
      });
      document.querySelector("main")!.append(box);
      Object.assign(globalThis, { told, box });
    });
    const told = () => page.evaluate(() => (globalThis as unknown as { told: unknown[] }).told);
    const button = page.getByRole("button", { name: /^dog, 90\s%$/ });
    expect(await page.locator("why-box").evaluate((element) => element.shadowRoot)).toBe(null);
    await button.focus();
    await page.keyboard.press("Enter");
    await button.evaluate((one) => one.dispatchEvent(new MouseEvent("click", { shiftKey: true })));
    const { x, y } = (await page.locator("why-box").boundingBox())!;
    const drag = async (from: number, to: number) => {
      await page.mouse.move(x + from, y + from);
      await page.mouse.down();
      await page.mouse.move(x + (from + to) / 2, y + (from + to) / 2);
      await page.mouse.move(x + to, y + to);
      await page.mouse.up();
    };
    await drag(100, 160);
    expect(await told()).toEqual([[3, false], [3, true], { x1: 50, y1: 50, x2: 80, y2: 80 }]);
    expect(await page.locator("why-box .grip").count()).toBe(4);
    const wrong = await page.evaluate(() => {
      const { box } = globalThis as unknown as { box: WhyBox };
      try {
        box.select(3);
        return "";
      } catch (error) {
        return (error as Error).message;
      }
    });
    expect(wrong).toMatch(/shows a given view/);
    await page.context().close();
  });

  it("says what is wrong, on the screen and as an event", async () => {
    const { page } = await open(`${server.address}wrong.html`);
    await done(page);
    expect(await page.getByRole("alert").innerText()).toMatch(/GradCamm/);
    expect(await eventsOf(page)).toContain("error");
    await page.context().close();
  });

  it("runs in the example without a build", { tags: ["long"] }, async () => {
    const { page, complaints } = await open(`${server.address}example/`);
    await page.getByLabel("Model").setInputFiles(join(folder, "tiny.onnx"));
    await page.getByLabel("Image").setInputFiles(join(photos, "dog.jpg"));
    await page.getByText(/^\d+ detections\. Press one/).waitFor({ timeout: 150_000 });
    expect(await page.getByRole("button").count()).toBeGreaterThan(3);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
