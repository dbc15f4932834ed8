import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { choosePhoto, mapIsDone, openExpert, saved } from "./open-page.js";
import { describePage } from "./page-suite.js";

const gunzipped = (path: string) =>
  gunzipSync(readFileSync(new URL(`../../../../fixtures/${path}.onnx.gz`, import.meta.url)));

// The browser logs the missing weights.
describePage("what users say of a model", { weights: false, expected: /404/ }, (suite) => {
  const open = async () => {
    const page = await suite.open("#device=wasm&method=GradCAM&confidence=0.05");
    await page.locator(".notice").first().waitFor();
    return page;
  };

  it("gives names to its classes: metadata.yaml dropped with it, and a list of names dropped later", async () => {
    const page = await open();
    const metadata = Buffer.from("author: Ultralytics\ntask: detect\nnames: {0: 猫, 1: it's, 2: kite}\n");
    // It has three classes and no names.
    await drop(page, { "nas.onnx": gunzipped("heads/yolo-nas"), "metadata.yaml": metadata });
    await page.locator(".model-chip", { hasText: "nas.onnx" }).waitFor();
    await choosePhoto(page, "chelsea.png");
    await mapIsDone(page);
    const facts = await openModelFacts(page);
    expect(await facts.innerText()).toContain("3: 猫, it's, kite (from metadata.yaml)");
    await drop(page, { "my.names": Buffer.from("roof\nchimney\ndoor\n") });
    await facts.getByText("3: roof, chimney, door").waitFor();
    // A list for another model is refused. The names before it stay.
    await drop(page, { "other.names": Buffer.from("one\ntwo\n") });
    await page.locator(".note", { hasText: "3 class columns" }).waitFor();
    await page.locator(".note", { hasText: "nas.onnx stays in use." }).waitFor();
    expect(await facts.innerText()).toContain("3: roof, chimney, door");
  });

  it("says how images are prepared, with the dials under Expert", async () => {
    const page = await open();
    await drop(page, { "tiny.onnx": gunzipped("exports/v5") });
    await page.locator(".model-chip", { hasText: "tiny.onnx" }).waitFor();
    await choosePhoto(page, "dog.jpg");
    await mapIsDone(page);
    const facts = await openModelFacts(page);
    await page.getByText("Prepare images in another way").click();
    await page.getByRole("combobox", { name: "Fit" }).selectOption("crop");
    await facts.getByText("cropped in the middle (set by an option)").waitFor();
    await page.getByRole("slider", { name: "Share that is kept" }).fill("0.9");
    await facts.getByText("to 90 % of the shorter side").waitFor();
    const mean = page.getByRole("textbox", { name: "Mean" });
    await mean.fill("0.5, 0.5");
    await mean.press("Enter");
    expect(await mean.evaluate((field: HTMLInputElement) => field.validationMessage)).toContain("Three numbers");
    await mean.fill("0.5, 0.25, 0.125");
    await mean.press("Enter");
    await page.getByLabel("Standard deviation").fill("0.5, 0.5, 0.25");
    await page.getByLabel("Standard deviation").press("Enter");
    await facts.getByText("minus 0.5, 0.25, 0.125, over 0.5, 0.5, 0.25").waitFor();
    await page.getByRole("combobox", { name: "Pixel values" }).selectOption("255");
    await page.getByRole("combobox", { name: "Order of the colours" }).selectOption("bgr");
    await facts.getByText("BGR, NCHW, 0..255 (set by an option)").waitFor();
    await mapIsDone(page);
    const numbers = { mean: [0.5, 0.25, 0.125], std: [0.5, 0.5, 0.25], range: 255, channels: "bgr" };
    expect(JSON.parse(new TextDecoder().decode(await saved(page, "JSON"))).model.input).toMatchObject({
      ...{ fit: "crop", crop: 0.9, fitFrom: "options", normalisationFrom: "options", rangeFrom: "options" },
      ...numbers,
    });
    // A link has them too, and "auto" takes them back.
    expect(page.url()).toContain("inputFit=crop");
    await page.getByRole("combobox", { name: "Fit" }).selectOption("auto");
    await facts.getByText("scaled, with grey around").waitFor();
  });
});

/** Drops files on the page together. */
async function drop(page: Page, files: Readonly<Record<string, Buffer>>): Promise<void> {
  const encoded = Object.entries(files).map(([name, bytes]) => [name, bytes.toString("base64")] as const);
  const dataTransfer = await page.evaluateHandle((all) => {
    const data = new DataTransfer();
    for (const [name, base64] of all) {
      data.items.add(new File([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], name));
    }
    return data;
  }, encoded);
  await page.dispatchEvent("body", "drop", { dataTransfer });
}

async function openModelFacts(page: Page) {
  await openExpert(page);
  await page.locator(".expert-body summary", { hasText: "Model" }).click();
  return page.locator(".model-facts");
}
