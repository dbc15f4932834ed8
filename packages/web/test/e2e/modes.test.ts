// @module-tag long

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { PageServer } from "../../../node/src/ui/page-server.js";
import { chromiumPath, launchChromium } from "./browser.js";
import { choosePhoto, mapIsDone, openPage, SLOW, startServer, type Watched } from "./open-page.js";

const chromium = chromiumPath();

describe.skipIf(chromium === undefined)("the page's other views", SLOW, () => {
  let server: PageServer;
  let browser: Browser;
  let watched: Watched;
  beforeAll(async () => {
    server = await startServer();
    browser = await launchChromium(chromium!);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  const open = async (hash: string, method = "GradCAM") => {
    watched = await openPage(browser, `${server.address}#device=wasm&method=${method}${hash}`);
    return watched.page;
  };
  afterEach(async () => {
    expect(watched.complaints).toEqual([]);
    await watched.close();
  });

  it("compare methods with one zoom", async () => {
    const page = await open("&compare=GradCAM,EigenCAM");
    await choosePhoto(page, "chelsea.png");
    await mapIsDone(page);
    await page.getByRole("button", { name: "Compare methods" }).click();
    await page.locator(".tile canvas").nth(1).waitFor();
    const views = () => page.locator(".tile-view").evaluateAll((all) => all.map(({ style }) => style.transform));
    const [before] = await views();
    await page.locator(".tile").first().hover();
    await page.mouse.wheel(0, -400);
    await page.waitForFunction(
      (old) => document.querySelector<HTMLElement>(".tile-view")?.style.transform !== old,
      before,
    );
    const after = await views();
    expect(after[0]).toBe(after[1]);
    await page.getByLabel("Add a method").selectOption("ODAM");
    await page.locator(".tile canvas").nth(2).waitFor();
    expect(page.url()).toContain("ODAM");
    await page.getByRole("button", { name: "Remove Grad-CAM" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".tile").length === 2);
    // A comparison shows several maps, so there is no single map to save.
    expect(await page.getByRole("button", { name: "Image", exact: true }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Show only Eigen-CAM" }).click();
    await page.locator(".made", { hasText: "Eigen-CAM ·" }).waitFor({ state: "attached" });
    expect(await page.locator(".tile").count()).toBe(0);
    expect(page.url()).toContain("method=EigenCAM");
    expect(await page.getByRole("button", { name: "Image", exact: true }).isEnabled()).toBe(true);
  });

  it("explain a camera live, and capture a frame", async () => {
    const page = await open("&confidence=0.05", "tap-fusion");
    await page.locator(".model-chip", { hasText: "YOLOv5s" }).waitFor();
    await page.getByRole("button", { name: "Camera" }).click();
    await page.getByText("frames per second · Grad-CAM").waitFor();
    await page.getByText("Tap fusion is too slow for video").waitFor();
    await page.getByRole("button", { name: "Capture frame" }).click();
    await page.locator(".photo img").waitFor();
    await page.locator(".box, .hint").first().waitFor();
    expect(await page.getByText("frames per second").count()).toBe(0);
  });
});
