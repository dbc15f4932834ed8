import { AxeBuilder } from "@axe-core/playwright";
import { expect, it } from "vitest";
import { resultSchema } from "../../../node/src/io/result-schema.js";
import { findPageWeights } from "../../../node/src/ui/page-weights.js";
import { choosePhoto, mapIsDone, openExpert, peakOf, saved, shownMap } from "./open-page.js";
import { describePage } from "./page-suite.js";

describePage("the page", {}, (suite) => {
  const open = (hash = "#device=wasm&method=GradCAM") => suite.open(hash);

  it("shows why the dog is a dog", async () => {
    const page = await open("#device=wasm");
    await choosePhoto(page, "dog.jpg");
    await page.getByRole("button", { name: /^bicycle, / }).click();
    await page.getByRole("button", { name: /^dog, / }).click();
    await mapIsDone(page);
    const { x, y } = peakOf(await shownMap(page));
    // The dog's box in dog.jpg.
    expect(x > 130 && x < 315 && y > 215 && y < 545, `${x}, ${y}`).toBe(true);
    expect(await page.locator(".sentence").innerText()).toMatch(/^The detector's confidence in this dog depends/);
    expect(await page.getByText("Bright areas supported it.").isVisible()).toBe(true);
    expect(await page.locator(".fact-list").first().isVisible()).toBe(false);
    const png = await saved(page, "Image");
    expect([...png.subarray(1, 4)].map((code) => String.fromCharCode(code)).join("")).toBe("PNG");
    const view = new DataView(png.buffer, png.byteOffset);
    expect([view.getUint32(16), view.getUint32(20)]).toEqual([768, 576]);
    const json = JSON.parse(new TextDecoder().decode(await saved(page, "JSON")));
    // The schema of result documents: docs/result.schema.json.
    expect(resultSchema.parse(json)).toMatchObject({
      image: { source: "dog.jpg", size: [576, 768] },
      options: { method: "tap-fusion", device: "wasm", layer: "auto" },
      explained: [0],
      maps: [{ detections: [0], className: "dog" }],
      model: { source: "yolov5s", format: "tfjs", licence: "AGPL-3.0", sha256: (await findPageWeights()).facts.sha256 },
    });
  });

  it("shows the runs of a slow method, and cancels it within a batch", async () => {
    const page = await open("#device=wasm&method=ScoreCAM");
    await choosePhoto(page, "dog.jpg");
    const bar = page.getByRole("progressbar", { name: "Runs of Score-CAM" });
    await page.waitForFunction(() => document.querySelector<HTMLProgressElement>(".runs progress")?.value);
    expect(await bar.getAttribute("max")).toMatch(/^\d{3}$/);
    expect(await page.locator(".running").innerText()).toMatch(/Refining the map\s+[1-9]\d* of \d{3} runs/);
    const { violations } = await new AxeBuilder({ page }).include(".running").analyze();
    expect(violations.map(({ id }) => id)).toEqual([]);
    await page.getByRole("button", { name: "Cancel" }).click();
    expect(await page.getByRole("status").last().innerText()).toBe("Cancelled.");
    // The quick map stays. The worker is free for the next question.
    await openExpert(page);
    expect(await page.locator(".made").innerText()).toMatch(/^Grad-CAM/);
    await page.getByRole("combobox", { name: "Method", exact: true }).selectOption("LayerCAM");
    await mapIsDone(page);
    expect(await page.locator(".made").innerText()).toMatch(/^LayerCAM/);
  });

  it("selects several boxes with Shift, and previews the hovered box", { tags: ["long"] }, async () => {
    const page = await open("#device=wasm&method=HiResCAM");
    await choosePhoto(page, "dog.jpg");
    await mapIsDone(page);
    const box = (name: string) => page.locator(".box", { hasText: name });
    const heat = () => page.locator(".heat").evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
    const dog = await heat();
    await box("truck").hover();
    await page.waitForFunction(
      (before) => document.querySelector<HTMLCanvasElement>(".heat")?.toDataURL() !== before,
      dog,
    );
    await page.mouse.move(1, 1);
    await page.waitForFunction(
      (before) => document.querySelector<HTMLCanvasElement>(".heat")?.toDataURL() === before,
      dog,
    );
    await box("truck").click({ modifiers: ["Shift"] });
    expect(await page.locator(".box[aria-pressed=true]").count()).toBe(2);
    await page.getByText("Why dog and truck?").waitFor();
    await mapIsDone(page);
    expect(await heat()).not.toBe(dog);
  });

  it("asks about a box drawn with the mouse", { tags: ["long"] }, async () => {
    const page = await open();
    await choosePhoto(page, "dog.jpg");
    await mapIsDone(page);
    const { x, y, width, height } = (await page.locator(".photo").boundingBox())!;
    // The red motorcycle at the left edge, which is not detected.
    await page.mouse.move(x + width * 0.06, y + height * 0.1);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.12, y + height * 0.18, { steps: 4 });
    await page.mouse.move(x + width * 0.17, y + height * 0.24, { steps: 4 });
    await page.mouse.up();
    await page.keyboard.type("motorc");
    await page.keyboard.press("Enter");
    await page.locator(".verdict").waitFor();
    expect(await page.locator(".verdict").innerText()).toContain("motorcycle");
    expect(await page.getByText("Why no motorcycle here?").count()).toBe(1);
  });

  it("restores everything from a link", { tags: ["long"] }, async () => {
    const page = await open("#device=wasm&method=EigenCAM&opacity=0.3&colormap=viridis&confidence=0.6");
    await choosePhoto(page, "dog.jpg");
    await mapIsDone(page);
    await openExpert(page);
    expect(await page.getByLabel("Method", { exact: true }).inputValue()).toBe("EigenCAM");
    expect(await page.locator(".heats").evaluate((heats) => getComputedStyle(heats).opacity)).toBe("0.3");
    expect(await page.locator(".box").count()).toBe(2);
    await page.locator("summary", { hasText: "Appearance" }).click();
    await page.getByRole("combobox", { name: "Colours", exact: true }).selectOption("magma");
    expect(page.url()).toContain("colormap=magma");
  });

  it("shows the network's layers to choose from", { tags: ["long"] }, async () => {
    const page = await open();
    await choosePhoto(page, "dog.jpg");
    await mapIsDone(page);
    await openExpert(page);
    await page.getByText("Show the layers").click();
    await page.getByRole("button", { name: "Layer 17" }).click();
    await mapIsDone(page);
    expect(page.url()).toContain("layer=17");
    expect(await page.getByRole("combobox", { name: "Layer", exact: true }).inputValue()).toBe("17");
  });

  it("can be cancelled", { tags: ["long"] }, async () => {
    const page = await open();
    await choosePhoto(page, "chelsea.png");
    await mapIsDone(page);
    await openExpert(page);
    await page.getByLabel("Method", { exact: true }).selectOption("D-RISE");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByLabel("Method", { exact: true }).selectOption("LayerCAM");
    await page.getByText("LayerCAM ·").waitFor();
  });
});
