// Makes the images of the playground with the built page itself: npm run build && node scripts/make-screenshots.mjs [--all <folder>]
// Without --all that of the documentation and the page's own example; with it every main state at 390, 1280 and 2560 px, dark and light;
// with --only <state> (it may come several times) just that one.
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { decodeImage, loadDetector, renderOverlay } from "whybox";
import { listPageFiles } from "../packages/node/dist/ui/page-files.js";
import { servePage } from "../packages/node/dist/ui/page-server.js";
import { findPageWeights } from "../packages/node/dist/ui/page-weights.js";

const root = resolve(import.meta.dirname, "..");
const photos = join(root, "fixtures/photos");
const { values } = parseArgs({ options: { all: { type: "string" }, only: { type: "string", multiple: true } } });

/** The example on the first page: the dog and its heatmap. */
async function makeExample() {
  const detector = await loadDetector("yolov5s");
  const image = await decodeImage(join(photos, "dog.jpg"));
  const options = { per: "detection", method: "tap-fusion", classNames: ["dog"] };
  const { maps, detections, explained } = await detector.explain(image, options);
  await detector.dispose();
  const look = { boxes: true, labels: true, sideBySide: false };
  const shown = explained.map((index) => detections[index]);
  const { data, width, height } = renderOverlay(image, maps[0].heatmap, { ...look, detections: shown });
  const folder = join(root, "packages/web/src/ui/images");
  mkdirSync(folder, { recursive: true });
  await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(640)
    .jpeg({ quality: 80, mozjpeg: true })
    .toFile(join(folder, "example.jpg"));
}

const done = async (page) => {
  await page.locator(".sentence, .caution, .notice").first().waitFor();
  await page.waitForFunction(() => document.querySelector(".running, .photo.is-busy") === null);
};
const choose = async (page, name) => {
  await page.locator('input[accept^="image/"]').first().setInputFiles(join(photos, name));
  await done(page);
};

/** The main states, each from a fresh page. */
const states = {
  first: async (page) => page.locator(".model-chip", { hasText: "YOLOv5s" }).waitFor(),
  shown: async (page) => choose(page, "dog.jpg"),
  nothing: async (page) => {
    await choose(page, "dog.jpg");
    await page.keyboard.press("Escape");
  },
  layers: async (page) => {
    await choose(page, "dog.jpg");
    await page.locator("summary", { hasText: "Expert" }).click();
    await page.getByText("Show the layers").click();
    await page.getByRole("button", { name: "Layer 23" }).waitFor();
  },
  asked: async (page) => {
    await choose(page, "dog.jpg");
    await page.getByRole("button", { name: "Ask about your own box" }).click();
    const form = page.getByRole("form", { name: "Ask about your box" });
    await form.getByRole("combobox").fill("motorcycle");
    await form.getByText("Exact corners").click();
    for (const [name, value] of Object.entries({ Left: 58, Top: 80, Right: 115, Bottom: 130 })) {
      await form.getByLabel(name, { exact: true }).fill(String(value));
    }
    await form.getByRole("button", { name: "Ask", exact: true }).click();
    await page.locator(".verdict").waitFor();
    await done(page);
  },
  compare: async (page) => {
    await choose(page, "dog.jpg");
    await page.getByRole("button", { name: "Compare methods" }).click();
    const isDrawn = () => [...document.querySelectorAll(".tile")].every((tile) => tile.querySelector("canvas"));
    await page.waitForFunction(isDrawn);
  },
  failed: async (page) => {
    await page.locator(".model-chip", { hasText: "YOLOv5s" }).waitFor();
    const buffer = Buffer.from("no image");
    await page
      .locator('input[accept^="image/"]')
      .first()
      .setInputFiles({ name: "a.jpg", mimeType: "image/jpeg", buffer });
    await page.locator(".note, .notice").first().waitFor();
  },
  live: async (page) => {
    await page.locator(".model-chip", { hasText: "YOLOv5s" }).waitFor();
    await page.getByRole("button", { name: "Camera" }).click();
    await page.getByText("frames a second").waitFor();
  },
};

/** Goes to a state once, and takes it in every size and scheme that is wanted: what takes long is the network. */
async function shoot(browser, address, name, { hasTouch = false, shots }) {
  const context = await browser.newContext({ viewport: shots[0].viewport, hasTouch, reducedMotion: "reduce" });
  const page = await context.newPage();
  // Only the page's own work takes long, and on a busy machine very long.
  page.setDefaultTimeout(180_000);
  await page.goto(`${address}#device=wasm`);
  await states[name](page);
  // The pointer rests nowhere, and images have come.
  await page.mouse.move(0, 0);
  await page.waitForLoadState("networkidle");
  for (const { viewport, scheme, path } of shots) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme: scheme });
    // Labels are placed again once the page has its size.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const taken = await page.screenshot();
    await sharp(taken).png({ palette: true, quality: 90, effort: 10 }).toFile(path);
  }
  await context.close();
}

const phone = { width: 390, height: 844 };
const screens = [
  { width: 1280, height: 800 },
  { width: 2560, height: 1440 },
];

/** A state in all sizes, dark and light. */
async function shootAll(browser, address, name, folder) {
  const shotsOf = (viewports) =>
    viewports.flatMap((viewport) =>
      ["dark", "light"].map((scheme) => {
        return { viewport, scheme, path: join(folder, `${name}-${viewport.width}-${scheme}.png`) };
      }),
    );
  await shoot(browser, address, name, { hasTouch: true, shots: shotsOf([phone]) });
  await shoot(browser, address, name, { shots: shotsOf(screens) });
}

const executablePath = [process.env.CHROMIUM_PATH, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path && existsSync(path),
);
if (executablePath === undefined) throw new Error("No Chromium here: install it, or set CHROMIUM_PATH.");
if (values.all === undefined) await makeExample();
const server = await servePage({ files: await listPageFiles(), weights: await findPageWeights() });
const camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", ...camera] });
try {
  if (values.all === undefined) {
    const images = join(root, "docs/images");
    mkdirSync(images, { recursive: true });
    const shots = [{ viewport: screens[0], scheme: "dark", path: join(images, "playground.png") }];
    await shoot(browser, server.address, "shown", { shots });
  } else {
    mkdirSync(values.all, { recursive: true });
    const names = values.only ?? Object.keys(states);
    for (const name of names) await shootAll(browser, server.address, name, values.all);
  }
} finally {
  await browser.close();
  await server.close();
}
