import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeReport } from "../../../node/src/report/make-report.js";
import { readTags } from "../../../node/src/report/tags.js";
import { detectionOf, emptyFolder, linesOf, writeRun } from "../../../node/test/report/synthetic-run.js";
import { chromiumPath, launchChromium } from "./browser.js";
import { PATIENCE, SLOW } from "./open-page.js";

const chromium = chromiumPath();
const IMAGES = 30;

const unwanted = () => {
  throw new Error("unexpected call");
};

describe.skipIf(chromium === undefined)("tags in the report", SLOW, () => {
  let browser: Browser;
  let root: string;
  let folder: string;
  beforeAll(async () => {
    root = await emptyFolder();
    const images = Array.from({ length: IMAGES }, (_, i) => ({
      source: `p/${String(i).padStart(2, "0")}.jpg`,
      detections: [detectionOf({ class: i % 2, box: [8, 8, 40, 40], score: 0.9 - i / 100, inBox: 0.05, area: 0.3 })],
    }));
    folder = await writeRun(root, { lines: linesOf(images) });
    browser = await launchChromium(chromium!);
  });
  afterAll(async () => {
    await browser?.close();
  });

  const decodeImage = async () => ({ height: 48, width: 64, data: new Uint8Array(48 * 64 * 3).fill(120) });
  async function written(tags?: string): Promise<string> {
    const out = join(root, "report.html");
    const options = { folder, out, truth: "none", tags, cwd: root, misses: 0, budget: 2 ** 20, version: "9.9.9" };
    await makeReport(options, { decodeImage, loadDetector: unwanted, readVideo: unwanted });
    return pathToFileURL(out).href;
  }

  async function open(address: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    context.setDefaultTimeout(PATIENCE);
    // A browser without the dialog downloads the file.
    await context.addInitScript(() => Reflect.deleteProperty(globalThis, "showSaveFilePicker"));
    const page = await context.newPage();
    await page.goto(address);
    await page.locator(".card").first().waitFor();
    return page;
  }

  const badges = (page: Page, row: number) => page.locator(`#row-${row} .tag`).allInnerTexts();
  const status = (page: Page) => page.locator(".list-head [role=status]").innerText();

  /** Closes the open dialog. The page hears its keys again when the dialog is gone. */
  async function leave(page: Page): Promise<void> {
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
  }

  async function save(page: Page, press: () => Promise<void>) {
    const [download] = await Promise.all([page.waitForEvent("download"), press()]);
    expect(download.suggestedFilename()).toBe("tags.json");
    const path = join(root, "saved.json");
    await download.saveAs(path);
    return { path, file: await readTags(path) };
  }

  it("are given, kept and saved with the keyboard alone", async () => {
    const address = await written();
    const page = await open(address);
    for (const key of ["j", "j", "s"]) await page.keyboard.press(key);
    await expect.poll(() => badges(page, 1)).toEqual(["Shortcut"]);
    // The selection gets tags together; the frame goes back with k.
    for (const key of ["k", "x", "j", "x", "b"]) await page.keyboard.press(key);
    await expect.poll(() => badges(page, 0)).toEqual(["Bug"]);
    expect(await badges(page, 1)).toEqual(["Shortcut", "Bug"]);
    for (const key of ["u", "n"]) await page.keyboard.press(key);
    await page.locator("dialog textarea").waitFor();
    await page.keyboard.type("grass, with jk");
    await leave(page);
    await expect.poll(() => page.locator("#row-1 .card-note").innerText()).toBe("grass, with jk");
    await page.keyboard.press("?");
    expect(await page.getByRole("dialog", { name: "Keys" }).innerText()).toMatch(/next detection/);
    await leave(page);
    // The page of the list follows the frame.
    for (let i = 0; i < 24; i++) await page.keyboard.press("j");
    await expect.poll(() => status(page)).toBe("25–30 of 30");
    await page.keyboard.press("f");
    const { file } = await save(page, () => page.keyboard.press("w"));
    expect(file.run).toEqual({ title: "night", root, model: "ab".repeat(32) });
    expect(file.tags).toEqual([
      { source: "p/00.jpg", frame: null, detection: 0, name: "person", box: [8, 8, 40, 40], tags: ["bug"], note: "" },
      {
        ...{ source: "p/01.jpg", frame: null, detection: 0, name: "dog", box: [8, 8, 40, 40] },
        ...{ tags: ["shortcut", "bug"], note: "grass, with jk" },
      },
      expect.objectContaining({ source: "p/25.jpg", tags: ["fine"] }),
    ]);
    await page.reload();
    await expect.poll(() => page.getByRole("button", { name: /Save tags/ }).innerText()).toBe("Save tags (3)");
    await page.context().close();
  });

  it("come from a file, are filtered, and do not come back after they are removed", async () => {
    const first = await open(await written());
    await first.keyboard.press("j");
    await first.keyboard.press("s");
    const { path } = await save(first, () => first.getByRole("button", { name: /Save tags/ }).click());
    await first.context().close();
    expect(JSON.parse(await readFile(path, "utf8")).tags).toHaveLength(1);
    const page = await open(await written(path));
    expect(await badges(page, 0)).toEqual(["Shortcut"]);
    await page.getByRole("combobox", { name: "Tag", exact: true }).selectOption("shortcut");
    expect(await status(page)).toBe("1–1 of 1");
    await page.getByRole("checkbox").first().check();
    await page.getByRole("button", { name: /^Shortcut/ }).click();
    await expect.poll(() => status(page)).toBe("No results.");
    await page.reload();
    await page.getByRole("button", { name: "Reset filters" }).click();
    await page.locator("#row-0").waitFor();
    expect(await badges(page, 0)).toEqual([]);
    await page.context().close();
  });

  it("are accessible: light, dark and on a phone, with the large view and the list of keys", async () => {
    const address = await written();
    const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
    for (const options of [{}, { colorScheme: "dark" as const }, phone]) {
      const page = await open(address, options);
      for (const key of ["j", "x", "s", "j", "f"]) await page.keyboard.press(key);
      const findings = async (what: string) => {
        const { violations } = await new AxeBuilder({ page }).analyze();
        expect(violations.map(({ id, nodes }) => `${what}: ${id}: ${nodes[0]?.html}`)).toEqual([]);
      };
      await findings("list");
      const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      expect(content).toBeLessThanOrEqual(window!);
      await page.keyboard.press("o");
      await page.locator("dialog").waitFor();
      await findings("large view");
      await leave(page);
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keys" }).waitFor();
      await findings("keys");
      await page.context().close();
    }
  });
});
