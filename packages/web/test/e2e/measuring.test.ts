// @module-tag long

import { AxeBuilder } from "@axe-core/playwright";
import { expect, it } from "vitest";
import { choosePhoto, mapIsDone } from "./open-page.js";
import { describePage } from "./page-suite.js";

const button = { name: "Measure this map" };

describePage("measuring a map", {}, (suite) => {
  it("measures with the keyboard, shows curves and a sentence, and fits a phone", async () => {
    const options = { viewport: { width: 390, height: 844 }, colorScheme: "dark" } as const;
    const page = await suite.open("#device=wasm&method=GradCAM", options);
    await choosePhoto(page, "dog.jpg");
    await mapIsDone(page);
    await page.getByRole("button", button).focus();
    await page.keyboard.press("Enter");
    const bar = page.getByRole("progressbar", { name: "Runs of the measurement of Grad-CAM" });
    await bar.waitFor();
    // The same button cancels, so the focus stays.
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Cancel");
    const sentence = page.locator(".measured-sentence");
    await page.locator(".curves svg").nth(1).waitFor();
    expect(await sentence.innerText()).toMatch(
      /^(Removing the hottest [\d.]+\s% of the image halves the confidence in this \w+|No share of).* the blob/,
    );
    expect(await sentence.getAttribute("role")).toBe("status");
    const card = page.locator(".measure");
    expect(await card.innerText()).toMatch(/Within the box\s+−?0\.\d\d; blob −?0\.\d\d, random −?0\.\d\d/);
    expect(await card.innerText()).toMatch(
      /Smallest region that restores half\s+\d+\s% of the box; blob \d+\s% of the box/,
    );
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("How faithful is this map?");
    const toggle = page.getByRole("button", { name: "Show the smallest region" });
    await toggle.focus();
    await page.keyboard.press("Enter");
    expect(await toggle.getAttribute("aria-pressed")).toBe("true");
    const region = page.getByRole("img", { name: /^The hottest \d+\s% of the pixels: they alone restore half/ });
    const share = await region.evaluate((canvas) => {
      const { width, height } = canvas as HTMLCanvasElement;
      const { data } = (canvas as HTMLCanvasElement).getContext("2d")!.getImageData(0, 0, width, height);
      const dark = data.filter((value, i) => i % 4 === 3 && value > 0 && data[i - 1]! < 128).length;
      return 1 - dark / (width * height);
    });
    const told = Number(/(\d+)\s%/.exec((await region.getAttribute("aria-label"))!)![1]) / 100;
    expect(Math.abs(share - told)).toBeLessThan(0.006);
    expect(await page.locator(".heats").isHidden()).toBe(true);
    const { violations } = await new AxeBuilder({ page }).include(".measure").analyze();
    expect(violations.map(({ id }) => id)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await toggle.click();
    await region.waitFor({ state: "hidden" });
    expect(await page.locator(".heats").isHidden()).toBe(false);
  });

  it("gives way to another box at once, and can be cancelled", async () => {
    const page = await suite.open("#device=wasm&method=GradCAM");
    await choosePhoto(page, "dog.jpg");
    await mapIsDone(page);
    await page.getByRole("button", button).click();
    await page.getByRole("progressbar").waitFor();
    await page.getByRole("button", { name: /^bicycle, / }).click();
    await mapIsDone(page);
    expect(await page.locator(".sentence").innerText()).toContain("bicycle");
    // The measurement of the former map is gone.
    await page.getByRole("button", button).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", button).waitFor();
    expect(await page.locator(".measured-sentence").innerText()).toBe("");
  });
});
