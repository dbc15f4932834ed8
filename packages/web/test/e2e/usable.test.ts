import { AxeBuilder } from "@axe-core/playwright";
import type { BrowserContextOptions, Page } from "playwright-core";
import { expect, it } from "vitest";
import { choosePhoto, mapIsDone, openExpert, saved } from "./open-page.js";
import { describePage } from "./page-suite.js";

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

describePage("the page for everyone", {}, (suite) => {
  const open = async (hash: string, options: BrowserContextOptions = {}) => {
    const page = await suite.open(`#device=wasm${hash}`, options);
    await page.locator(".model-chip", { hasText: "YOLOv5s" }).waitFor();
    return page;
  };

  it("works with the keyboard from start to export, and the focus goes to the result", async () => {
    const page = await open("&method=GradCAM");
    await tabTo(page, "A dog beside a bicycle on a porch");
    await page.keyboard.press("Enter");
    await mapIsDone(page);
    expect(await focused(page)).toBe("Why dog?");
    expect(await page.locator(".answer").ariaSnapshot()).toMatch(
      /heading "Why dog\?" \[level=2\](.|\n)*paragraph: The detector's confidence in this dog depends/,
    );
    expect(await page.getByRole("status").last().innerText()).toContain("The heatmap is ready.");
    await page.keyboard.press("ArrowRight");
    await page.getByRole("heading", { name: "Why bicycle?" }).waitFor();
    await page.keyboard.press("ArrowLeft");
    await page.getByRole("heading", { name: "Why dog?" }).waitFor();
    await page.keyboard.press("Escape");
    expect(await page.locator(".box[aria-pressed=true]").count()).toBe(0);
    await page.locator(".box").first().focus();
    await page.keyboard.press("Enter");
    await page.locator(".box").last().press("Shift+Enter");
    expect(await page.locator(".box[aria-pressed=true]").count()).toBe(2);
    await tabTo(page, "Ask about your own box");
    await page.keyboard.press("Enter");
    await page.keyboard.type("unicorn");
    await page.keyboard.press("Enter");
    await page.getByText("The model has no class “unicorn”.").waitFor();
    await page.keyboard.press("Control+a");
    await page.keyboard.type("motorc");
    await page.keyboard.press("Enter");
    await page.locator(".verdict").waitFor();
    await mapIsDone(page);
    expect(await focused(page)).toBe("Why no motorcycle here?");
    await tabTo(page, "Image");
    const download = page.waitForEvent("download");
    await page.keyboard.press("Enter");
    expect((await download).suggestedFilename()).toBe("dog.png");
  });

  it("fades from the quick map to the better one, and nothing moves", async () => {
    const page = await open("");
    await choosePhoto(page, "dog.jpg");
    await page.locator(".running", { hasText: "Refining the map" }).waitFor();
    const heats = await page.locator(".heats").boundingBox();
    await page.evaluate(() => {
      const shifts: number[] = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) shifts.push((entry as PerformanceEntry & { value: number }).value);
      }).observe({ type: "layout-shift" });
      Object.assign(globalThis, { shifts });
    });
    await page.locator(".heat-before").waitFor({ state: "attached" });
    await page.waitForFunction(() => document.querySelector(".running") === null);
    expect(await page.locator(".heats").boundingBox()).toEqual(heats);
    expect(await page.evaluate(() => (globalThis as unknown as { shifts: number[] }).shifts)).toEqual([]);
    const animations = () =>
      page.locator(".heats > canvas").evaluateAll((all) => all.map((one) => getComputedStyle(one).animationName));
    expect(await animations()).toEqual(["vanish", "appear"]);
    await page.emulateMedia({ reducedMotion: "reduce" });
    expect(await animations()).toEqual(["none", "none"]);
    expect(await page.locator(".heat-before").evaluate((one) => getComputedStyle(one).opacity)).toBe("0");
  });

  it("can be touched on a phone: every target is at least 44 px wide and high", async () => {
    const page = await open("&method=GradCAM", phone);
    const small = () => page.evaluate(smallTargets);
    expect(await small(), "start").toEqual([]);
    await choosePhoto(page, "dog.jpg");
    await mapIsDone(page);
    expect(await small(), "explained").toEqual([]);
    await page.getByRole("button", { name: "Ask about your own box" }).click();
    expect(await small(), "ask").toEqual([]);
    await page.getByRole("button", { name: "Discard" }).click();
    await openAll(page);
    expect(await small(), "expert").toEqual([]);
    await page.getByRole("button", { name: "Compare methods" }).click();
    await page.locator(".tile .heat").first().waitFor();
    expect(await small(), "compared").toEqual([]);
    // Nothing is wider than the screen.
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  });

  it("has text that grows on a 4K screen, and shows each box with its own heat in the whole image", async () => {
    const page = await open("&method=GradCAM");
    await choosePhoto(page, "dog.jpg");
    await mapIsDone(page);
    const sizes = () =>
      page.locator(".panel :is(p, h2, span, button)").evaluateAll((all) => {
        const size = (one: Element) => Number.parseFloat(getComputedStyle(one).fontSize);
        const shown = all.filter((one) => one.checkVisibility());
        const sentence = size(shown.find((one) => one.matches(".sentence"))!);
        const others = shown.filter((one) => !one.matches(".sentence")).map(size);
        return { sentence, most: Math.max(...others), least: Math.min(...others) };
      });
    const desktop = await sizes();
    expect(desktop.sentence).toBeGreaterThan(1.2 * desktop.most);
    await page.setViewportSize({ width: 3840, height: 2160 });
    const large = await sizes();
    expect(large.sentence).toBeGreaterThan(1.2 * large.most);
    expect(large.least).toBeGreaterThan(1.4 * desktop.least);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.getByRole("button", { name: "whole image" }).click();
    await page.getByText("Each box shows its own heat").waitFor();
    await mapIsDone(page);
    const document = JSON.parse(new TextDecoder().decode(await saved(page, "JSON")));
    expect(document.options.per).toBe("detection");
    expect(document.maps).toHaveLength(document.detections.length);
    // Every box has a pixel of full heat, not only the one with the largest gradient.
    const shown = await page.locator(".heat").evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      return { width: canvas.width, bright: Array.from(data.filter((_, i) => i % 4 === 0)) };
    });
    for (const { className, boxImage } of document.detections as readonly {
      className: string;
      boxImage: Record<string, number>;
    }[]) {
      const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = ["x1", "y1", "x2", "y2"].map((key) => Math.round(boxImage[key]!));
      let most = 0;
      for (let y = y1; y < y2; y++) {
        for (let x = x1; x < x2; x++) most = Math.max(most, shown.bright[y * shown.width + x] ?? 0);
      }
      expect(most, className).toBeGreaterThan(240);
    }
  });

  it.each([
    ["light", { colorScheme: "light" }],
    ["dark", { colorScheme: "dark" }],
    ["a phone", { ...phone, colorScheme: "light" }],
    ["a dark phone", { ...phone, colorScheme: "dark" }],
  ] as const)("has no findings of axe in any state: %s", { tags: ["long"] }, async (_, options) => {
    const page = await open("&method=GradCAM&compare=GradCAM,EigenCAM", options);
    const check = async (state: string) => {
      await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished.catch(() => {}))));
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(
        violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
        state,
      ).toEqual([]);
    };
    await check("start");
    await choosePhoto(page, "dog.jpg");
    await mapIsDone(page);
    await check("explained");
    const bad = { name: "report.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF") };
    await page.locator('input[accept^="image/"]').first().setInputFiles(bad);
    await page.locator(".note").waitFor();
    await check("note");
    await page.getByRole("button", { name: "Close the note" }).click();
    await page.getByRole("button", { name: "Ask about your own box" }).click();
    await page.keyboard.type("unicorn");
    await page.keyboard.press("Enter");
    await page.getByText("The model has no class").waitFor();
    await check("ask");
    await page.getByRole("button", { name: "Discard" }).click();
    await page.getByRole("button", { name: "whole image" }).click();
    await mapIsDone(page);
    await page.locator(".box").first().focus();
    await page.keyboard.press("Escape");
    await page.getByText("Which one?").waitFor();
    await check("nothing selected");
    await openAll(page);
    await page.getByRole("button", { name: "Layer 23" }).waitFor();
    await check("expert");
    await page.locator(".chip").first().click();
    await mapIsDone(page);
    await page.getByRole("button", { name: "Compare methods" }).click();
    await page.locator(".tile .heat").nth(1).waitFor();
    await check("compared");
  });
});

/** Opens all dials. */
async function openAll(page: Page): Promise<void> {
  await openExpert(page);
  for (const summary of await page.locator(".expert-body summary").all()) await summary.click();
}

/** The name of the focused element. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const one = document.activeElement!;
    return (one.getAttribute("aria-label") ?? one.querySelector("img")?.alt ?? one.textContent).trim();
  });
}

/** Presses Tab until an element with this name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    if ((await focused(page)) === name) return;
  }
  throw new Error(`Tab does not reach "${name}".`);
}

/** Runs in the page: the visible controls below 44 px. A box on the photo is as small as its object, and has a chip below the photo. */
function smallTargets(): string[] {
  const controls = document.querySelectorAll("button:not(.box), select, summary, label.button, label.check, input");
  return [...controls].flatMap((one) => {
    const { width, height } = one.getBoundingClientRect();
    const isHidden = !one.checkVisibility() || one.matches(".for-readers, .check input");
    // Sizes that are computed from em may miss a fraction of a pixel.
    if (isHidden || (width >= 43.5 && height >= 43.5)) return [];
    return [`${one.outerHTML.slice(0, 90)} ${Math.round(width)} × ${Math.round(height)}`];
  });
}
