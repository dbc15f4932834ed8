// @module-tag long

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import type { RgbImage } from "@whybox/core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeReport } from "../../../node/src/report/make-report.js";
import {
  classNames,
  detectionOf,
  emptyFolder,
  imageLine,
  manifestOf,
  mapLine,
  writeRun,
} from "../../../node/test/report/synthetic-run.js";
import { chromiumPath, launchChromium } from "./browser.js";
import { PATIENCE, SLOW } from "./open-page.js";

const ITEMS = 20_000;
const chromium = chromiumPath();

/** A run of 20,000 images with two detections each. In every tenth image the heat is elsewhere. The objects of the ground truth are the first detections, and a missed one. */
async function writeLargeRun(root: string): Promise<string> {
  const folder = join(root, "night");
  await mkdir(folder);
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifestOf(root, ITEMS)));
  const results: string[] = [];
  const maps: string[] = [];
  const annotations: object[] = [];
  const spots = Array.from({ length: 20 }, (_, i) => [((i * 7) % 20) / 20, ((i * 3) % 20) / 20] as const);
  for (let item = 0; item < ITEMS; item++) {
    const x = (item * 37) % 400;
    const [score, looksAway] = [0.3 + ((item * 13) % 70) / 100, item % 10 === 0];
    const inBox = looksAway ? 0.02 : 0.4 + ((item * 11) % 50) / 100;
    const detections = [
      detectionOf({ box: [x, 100, x + 150, 300], class: item % 4, score, inBox, area: 0.1, level: item % 2 }),
      detectionOf({ box: [x, 20, x + 25, 50], class: (item + 1) % 4, score: score / 2, inBox: 0.3, area: 0.002 }),
    ];
    const source = `frames/${String(item).padStart(6, "0")}.jpg`;
    const image = { source, size: [480, 640] as [number, number], detections, hot: spots[item % 20]! };
    results.push(JSON.stringify(item < 40 ? imageLine(item, image) : plainLine(item, image)));
    // Maps repeat, so that few of them are computed.
    const line = item < 40 ? JSON.stringify(mapLine(item, image)) : maps[item % 40]!;
    maps.push(line.replace(/"item":\d+/, `"item":${item}`));
    const object = { image_id: item, category_id: item % 4, bbox: [x, 100, 150, 200] };
    annotations.push(object, ...(item % 100 === 0 ? [{ ...object, bbox: [x, 350, 200, 100] }] : []));
  }
  await writeFile(join(folder, "results.jsonl"), `${results.join("\n")}\n`);
  await writeFile(join(folder, "maps.jsonl"), `${maps.join("\n")}\n`);
  await writeFile(join(folder, "_SUCCESS"), "{}");
  const images = results.map((_, id) => ({ id, file_name: `${String(id).padStart(6, "0")}.jpg` }));
  const categories = classNames.map((name, id) => ({ id, name }));
  await writeFile(join(root, "truth.json"), JSON.stringify({ images, annotations, categories }));
  return folder;
}

function plainLine(item: number, { source, size, detections }: { source: string; size: unknown; detections: unknown }) {
  const files = { png: null, sheet: null, npy: null };
  return { v: 1, item, source, kind: "picture", size, detections, empty: null, messages: [], files };
}

const unwanted = () => {
  throw new Error("unexpected call");
};

const image: RgbImage = {
  ...{ height: 480, width: 640 },
  data: Uint8Array.from({ length: 480 * 640 * 3 }, (_, i) => ((i % 1920) / 8 + Math.floor(i / 1920) / 4) % 256),
};

describe.skipIf(chromium === undefined)("the report's page", SLOW, () => {
  let browser: Browser;
  let address: string;
  let complaints: string[];
  let page: Page;
  beforeAll(async () => {
    const root = await emptyFolder();
    const folder = await writeLargeRun(root);
    const out = join(root, "report.html");
    const started = performance.now();
    const options = { truth: "truth.json", cwd: root, misses: 0, budget: 3 * 2 ** 20, version: "9.9.9" };
    const written = await makeReport(
      { folder, out, ...options },
      { decodeImage: async () => image, loadDetector: unwanted, readVideo: unwanted },
    );
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.info(`a report of ${ITEMS} items: ${(written.bytes / 1e6).toFixed(1)} MB, made in ${seconds} s`);
    address = pathToFileURL(out).href;
    browser = await launchChromium(chromium!);
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
  });

  async function open(hash = "", options: BrowserContextOptions = {}, at = address): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    context.setDefaultTimeout(PATIENCE);
    page = await context.newPage();
    complaints = [];
    page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(`thrown: ${error.message}`));
    context.on("request", (request) => {
      if (!request.url().startsWith(at)) complaints.push(`asked ${request.url()}`);
    });
    await page.goto(`${at}${hash}`, { waitUntil: "commit" });
    return page;
  }
  afterEach(async () => {
    expect(complaints).toEqual([]);
    await page.context().close();
  });
  const status = () => page.locator(".list-head [role=status]").innerText();
  const choice = (name: string) => page.getByRole("combobox", { name, exact: true });
  const drawn = () =>
    page.waitForFunction(() => {
      const canvases = [...document.querySelectorAll<HTMLCanvasElement>(".card canvas")];
      return canvases.length > 0 && canvases.every((canvas) => canvas.width !== 300);
    });
  /** The numbers on the cards, "2 % of the heat". */
  const shares = async () =>
    (await page.locator(".card-heat").allInnerTexts()).map((text) => Number(/^(\d+)\s%/.exec(text)?.[1]));

  it("is interactive with 20,000 items, and shows suspicious detections first", async () => {
    const started = performance.now();
    await open();
    await page.locator(".card").first().waitFor();
    const shown = performance.now() - started;
    await choice("Class").selectOption({ label: "boat" });
    await page.waitForFunction(() =>
      document.querySelector(".list-head [role=status]")?.textContent?.endsWith("of 10,000"),
    );
    const filtered = performance.now() - started;
    await drawn();
    const all = performance.now() - started;
    console.info(
      `a report of ${ITEMS} items: rows after ${shown.toFixed(0)} ms, filtered after ${filtered.toFixed(0)} ms, images drawn after ${all.toFixed(0)} ms`,
    );
    expect(await status()).toBe("1–24 of 10,000");
    await choice("Class").selectOption("all");
    expect(await status()).toBe("1–24 of 40,200");
    expect(new Set(await shares())).toEqual(new Set([2]));
    const [first] = await page.locator(".card-name").allInnerTexts();
    expect(first).toMatch(/^\S.* 9\d\s%/);
    const [why] = await page.locator(".card-why").allInnerTexts();
    expect(why).toMatch(/^Suspicion: high\. 98\s% is outside the box, most of it \w/);
  });

  it("applies and resets all filters", async () => {
    await open();
    await page.locator(".card").first().waitFor();
    const by = async (label: string, value: string) => {
      await choice(label).selectOption(value);
      const left = await status();
      await page.getByRole("button", { name: "Reset filters" }).click();
      expect(await status()).toBe("1–24 of 40,200");
      return left;
    };
    expect(await by("Level", "1")).toBe("1–24 of 10,000");
    expect(await by("Size of the box", "small")).toBe("1–24 of 20,000");
    expect(await by("Size of the box", "large")).toBe("1–24 of 20,200");
    expect(await by("Ground truth", "missed")).toBe("1–24 of 200");
    expect(await by("Ground truth", "hit")).toBe("1–24 of 20,000");
    expect(await by("Heat", "outside")).toBe("1–24 of 2,000");
    await page.getByRole("spinbutton", { name: "from" }).fill("90");
    await page.getByRole("spinbutton", { name: "from" }).press("Tab");
    expect(Number(/of ([\d,]+)$/.exec(await status())![1]!.replace(",", ""))).toBeLessThan(3000);
    await page.getByRole("searchbox").fill("frames/000070");
    expect(await status()).toBe("No results.");
    await page.getByRole("searchbox").fill("frames/000075");
    expect(await status()).toBe("1–1 of 1");
    await page.getByRole("button", { name: "Reset filters" }).click();
    await choice("Order").selectOption("doubtful");
    expect((await page.locator(".card-name").first().innerText()).startsWith("dog 15\u00a0%")).toBe(true);
  });

  it("keeps the view in the address, and can be used with the keyboard", async () => {
    await open("#class=1&page=3&nonsense=1");
    await page.locator(".card").first().waitFor();
    await expect.poll(status).toBe("49–72 of 10,000");
    await page.locator("body").press("ArrowLeft");
    await expect.poll(status).toBe("25–48 of 10,000");
    await expect.poll(() => new URL(page.url()).hash).toBe("#class=1&page=2");
    await page.locator(".card").first().focus();
    await page.keyboard.press("Enter");
    const title = page.locator("dialog h2");
    await title.waitFor();
    const image = () => page.locator("dialog dd").first().innerText();
    const first = await image();
    await page.keyboard.press("ArrowRight");
    await expect.poll(image).not.toBe(first);
    await page.keyboard.press("ArrowLeft");
    await expect.poll(image).toBe(first);
    await page.keyboard.press("Escape");
    await expect.poll(() => page.locator("dialog").count()).toBe(0);
    await page.getByRole("tab", { name: "Detections" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("heading", { name: "Where the heat of each class is" }).waitFor();
    await expect.poll(() => page.locator(".class-card").count()).toBe(4);
    expect(await page.getByRole("tab", { name: "Classes" }).getAttribute("aria-selected")).toBe("true");
    // Each class has a distribution. The selected class applies to both tabs.
    await page.locator(".class-card .small-plot canvas").nth(3).waitFor();
    const boats = page.locator(".class-card", { has: page.getByRole("heading", { name: "boat" }) });
    expect(await boats.innerText()).toMatch(/show 10,000\s+of boat\s*, 5,000 wrong/);
    await choice("Class").selectOption({ label: "person" });
    await page.waitForFunction(() => location.hash === "#class=0");
  });

  it("draws the image, the map and the box, and no map if the opacity is 0", async () => {
    await open("#kind=hit");
    await drawn();
    const colours = () =>
      page
        .locator(".card canvas")
        .first()
        .evaluate((canvas: HTMLCanvasElement) => {
          const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true })!;
          copy.drawImage(canvas, 0, 0);
          const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
          let coloured = 0;
          for (let i = 0; i < data.length; i += 4) if (Math.abs(data[i]! - data[i + 2]!) > 60) coloured++;
          return coloured / (data.length / 4);
        });
    const withMap = await colours();
    await page.locator("body").press("m");
    await expect.poll(colours, { timeout: 30_000 }).toBeLessThan(withMap);
    expect(await page.getByText("image not in the report").count()).toBe(0);
  });

  it("shows names that look like HTML as text", async () => {
    await open("#class=2");
    await page.locator(".card").first().waitFor();
    expect(await page.locator(".card-name").first().innerText()).toMatch(/^<\/script><b>/);
    expect(await page.locator("b").count()).toBe(0);
  });

  it("is accessible in all parts, dark and light", async () => {
    await open("#kind=missed");
    const findings = async () => {
      const { violations } = await new AxeBuilder({ page }).analyze();
      return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
    };
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme });
      await page.getByRole("tab", { name: "Detections" }).click();
      await drawn();
      expect(await findings(), `${colorScheme}, rows`).toEqual([]);
      await page.locator(".card").first().click();
      await page.locator("dialog").waitFor();
      expect(await findings(), `${colorScheme}, one row`).toEqual([]);
      await page.keyboard.press("Escape");
      for (const name of ["Classes", "Run"]) {
        await page.getByRole("tab", { name }).click();
        expect(await findings(), `${colorScheme}, ${name}`).toEqual([]);
      }
    }
  });

  it("shows a classifier's classes on whole images, and nothing about boxes", async () => {
    const root = await emptyFolder();
    const { model } = manifestOf(root, 1);
    const whole = { box: [0, 0, 640, 480] as [number, number, number, number], heat: null } as const;
    const detections = [0.7, 0.2].map((score, i) => ({
      ...detectionOf({ ...whole, class: i, score }),
      explained: true,
    }));
    const given = { source: "a.jpg", size: [480, 640] as [number, number], detections };
    const maps = mapLine(0, { ...given, detections: detections.map(({ box }) => detectionOf({ box })) });
    const folder = await writeRun(root, {
      manifest: { model: { ...model, task: "classify", levels: [{ name: "image", stride: 32 }] } },
      lines: [{ result: imageLine(0, given), maps }],
    });
    const out = join(root, "classes.html");
    const options = { truth: undefined, cwd: root, misses: 0, budget: 2 ** 20, version: "9.9.9" };
    await makeReport(
      { folder, out, ...options },
      { decodeImage: async () => image, loadDetector: unwanted, readVideo: unwanted },
    );
    await open("", {}, pathToFileURL(out).href);
    await drawn();
    expect(await page.locator(".card-name").allInnerTexts()).toHaveLength(2);
    expect(await page.locator("body").innerText()).not.toMatch(/\bbox|level|of the heat|uniform/i);
    for (const name of ["Level", "Heat", "Size of the box"]) expect(await choice(name).count(), name).toBe(0);
    await page.locator(".card").first().click();
    await page.locator("dialog h2").waitFor();
    expect(await page.locator("dialog").innerText()).not.toMatch(/\bbox|level|of the heat/i);
  });

  it("fits on a phone", async () => {
    await open("", { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    await drawn();
    for (const name of ["Detections", "Classes", "Run"]) {
      await page.getByRole("tab", { name }).click();
      const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      expect(content, name).toBeLessThanOrEqual(window!);
    }
    await page.getByRole("tab", { name: "Detections" }).click();
    await page.getByText("Order and filters").click();
    await choice("Order").selectOption("large");
    expect(await status()).toBe("1–24 of 40,200");
  });
});
