// @module-tag long

import { expect, it } from "vitest";
import { choosePhoto, mapIsDone } from "./open-page.js";
import { describePage } from "./page-suite.js";

describePage("the page's other views", {}, (suite) => {
  const open = (hash: string, method = "GradCAM") => suite.open(`#device=wasm&method=${method}${hash}`);

  it("compare methods with one zoom", async () => {
    const page = await open("&compare=GradCAM,EigenCAM");
    await choosePhoto(page, "chelsea.png");
    await mapIsDone(page);
    await page.getByRole("button", { name: "Compare methods" }).click();
    await page.locator(".tile .heat").nth(1).waitFor();
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
    await page.locator(".tile .heat").nth(2).waitFor();
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
