import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import type { RgbImage } from "@whybox/core";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeReport } from "../../../node/src/report/make-report.js";
import { writeMeasurements } from "../../../node/test/report/measured-run.js";
import { detectionOf, emptyFolder, linesOf, writeRun } from "../../../node/test/report/synthetic-run.js";
import { chromiumPath, launchChromium } from "./browser.js";
import { PATIENCE, SLOW } from "./open-page.js";

const chromium = chromiumPath();

const unwanted = () => {
  throw new Error("unexpected call");
};
const image: RgbImage = { height: 48, width: 64, data: new Uint8Array(48 * 64 * 3).fill(90) };

describe.skipIf(chromium === undefined)("“Can these maps be trusted?” in the report", SLOW, () => {
  let browser: Browser;
  let address: string;
  beforeAll(async () => {
    const root = await emptyFolder();
    // The class 2 has a hostile name.
    const images = Array.from({ length: 6 }, (_, i) => ({
      source: `p/<img src=x onerror=alert(1)>${i}.jpg`,
      detections: [detectionOf({ box: [8, 8, 30, 40], class: 2, score: 0.9 })],
    }));
    const folder = await writeRun(root, { lines: linesOf(images) });
    await writeMeasurements(folder, images, (item) => (item === 5 ? undefined : { map: [0.5 + item / 10, 0.2] }));
    const out = join(root, "report.html");
    const options = { folder, out, cwd: root, truth: "none", misses: 0, budget: 2 ** 20, version: "9.9.9" };
    await makeReport(options, { decodeImage: async () => image, loadDetector: unwanted, readVideo: unwanted });
    address = pathToFileURL(out).href;
    browser = await launchChromium(chromium!);
  });
  afterAll(() => browser?.close());

  it("shows figures, opens the least faithful map, has no barriers, and fits a phone", async () => {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(address);
    await page.getByRole("tab", { name: "Trust" }).click();
    await page.getByRole("heading", { name: "Can these maps be trusted?" }).waitFor();
    const text = await page.locator(".trust-view").innerText();
    expect(text).toContain("5 of 60 detections were measured, in 5 images.");
    expect(text).toContain("The sample is small (5 detections in 5 images)");
    expect(text).toContain("</script><b> in p/<img src=x onerror=alert(1)>5.jpg");
    const rows = await page.getByRole("row").allInnerTexts();
    expect(rows.find((row) => row.startsWith("all measured"))).toMatch(/0\.70.*0\.70.*0\.00.*\[−0\.1\d, 0\.1\d\]/s);
    expect(rows.find((row) => row.startsWith("4 to 16 %"))).toContain("none in the sample");
    await page.locator(".chart canvas").nth(2).waitFor();
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id }) => id)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    // The first of the least faithful is that of the first image: 0.5 against 0.7.
    await page.locator(".worst li").first().getByRole("button").click();
    const dialog = page.getByRole("dialog");
    expect(await dialog.innerText()).toMatch(/Removing the hottest 12\s% of the image halves the confidence/);
    expect(await dialog.innerText()).toContain("onerror=alert(1)>0.jpg");
    expect(complaints).toEqual([]);
    await context.close();
  });
});
