import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { decodeNpy } from "@whybox/core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { listPageFiles } from "../../../node/src/ui/page-files.js";
import { type PageServer, servePage } from "../../../node/src/ui/page-server.js";
import { findPageWeights } from "../../../node/src/ui/page-weights.js";

const root = resolve(import.meta.dirname, "../../../..");
/** Folder of the built page. */
export const built: string = join(root, "packages/node/dist/page/");
export const photos: string = join(root, "fixtures/photos");

/** Serves the built page with the server of `whybox ui`. */
export async function startServer(withWeights = true): Promise<PageServer> {
  const weights = withWeights ? await findPageWeights() : undefined;
  return servePage({ files: await listPageFiles(built), weights });
}

/** Timeout of a step, in milliseconds. It is long, because many tests share two cores. Only a test that hangs reaches it. */
export const PATIENCE = 150_000;

/** Timeout of a browser test, which has several steps. */
export const SLOW = { timeout: 300_000 } as const;

/** A page that records problems: log messages, errors, and requests to other hosts. */
export interface Watched {
  readonly page: Page;
  readonly complaints: string[];
  close(): Promise<void>;
}

export async function openPage(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints: string[] = [];
  const { host } = new URL(address);
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`thrown: ${error.message}`));
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && url.host !== host) complaints.push(`asked ${request.url()}`);
  });
  await page.goto(address);
  return { page, complaints, close: () => context.close() };
}

/** Opens a photo of the fixtures. */
export async function choosePhoto(page: Page, name: string): Promise<void> {
  await page.locator('input[accept^="image/"]').first().setInputFiles(join(photos, name));
}

/** Opens a model: a file, or bytes with a name. */
export async function chooseModel(
  page: Page,
  file: string | { name: string; mimeType: string; buffer: Buffer },
): Promise<void> {
  await page.locator('input[accept*=".onnx"]').first().setInputFiles(file);
}

/** Asks about a box with the form and the keyboard. */
export async function askAbout(
  page: Page,
  box: Readonly<Record<"x1" | "y1" | "x2" | "y2", number>>,
  className: string,
): Promise<void> {
  await page.getByRole("button", { name: "Ask about your own box" }).click();
  const form = page.getByRole("form", { name: "Ask about your box" });
  await form.getByText("Exact corners").click();
  for (const [name, key] of Object.entries({ Left: "x1", Top: "y1", Right: "x2", Bottom: "y2" } as const)) {
    await form.getByLabel(name, { exact: true }).fill(String(box[key]));
  }
  await form.getByLabel("What is missing here?").fill(className);
  await page.keyboard.press("Enter");
  await form.waitFor({ state: "detached" });
}

/** Opens the dials for experts. */
export async function openExpert(page: Page): Promise<void> {
  await page.locator(".expert:not([open]) > summary").click();
}

/** Waits until the map of the selection is ready and nothing runs. The photo before stays while the next one is decoded. */
export async function mapIsDone(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector(".photo.is-busy") === null);
  await page.locator(".sentence, .caution, .notice").first().waitFor();
  await page.waitForFunction(() => document.querySelector(".running, .photo.is-busy") === null);
}

/** Watches for a text, even if it is visible only briefly. Returns a function that reports whether it was shown. */
export async function watchFor(page: Page, text: string): Promise<() => Promise<boolean>> {
  const watch = await page.evaluateHandle((wanted) => {
    const found = { seen: false };
    const look = () => {
      found.seen ||= document.body.textContent.includes(wanted);
    };
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
    return found;
  }, text);
  return () => watch.evaluate(({ seen }) => seen);
}

/** The bytes of the file that a button saves. */
export async function saved(page: Page, button: string): Promise<Uint8Array> {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: button, exact: true }).click();
  return new Uint8Array(await readFile(await (await download).path()));
}

/** The current heatmap, as exported. */
export async function shownMap(page: Page): Promise<{ width: number; height: number; data: Float32Array }> {
  const { dims, data } = decodeNpy(await saved(page, ".npy"));
  return { height: dims[0]!, width: dims[1]!, data };
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} values against ${b.length}`);
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= most)) most = difference;
  }
  return most;
}

export function peakOf({ width, data }: { width: number; data: Float32Array }): { x: number; y: number } {
  const at = data.indexOf(data.reduce((most, value) => Math.max(most, value)));
  return { x: at % width, y: Math.floor(at / width) };
}
