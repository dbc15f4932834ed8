// @module-tag long

import { execFile } from "node:child_process";
import { copyFile, cp, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exportBytes } from "../../../core/test/support/exports.js";
import { installPacked } from "../../../node/test/support/packed.js";
import { chromiumPath, launchChromium } from "../../../web/test/e2e/browser.js";
import { serveFolders } from "./serve-folder.js";

const root = resolve(import.meta.dirname, "../../../..");
const path = chromiumPath();
const SLOW = { timeout: 300_000 } as const;
let folder: string;

/** An empty folder with the packed packages, as a user has it after `npm install`. */
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "whybox-packed-")));
  await installPacked(folder);
  for (const name of ["vite-page", "html-page", "fastify-route"]) {
    await cp(join(root, "examples", name), join(folder, name), {
      recursive: true,
      filter: (file) => !/[/\\]node_modules([/\\]|$)/.test(file),
    });
    await symlink(join(folder, "node_modules"), join(folder, name, "node_modules"), "junction");
  }
  await writeFile(join(folder, "tiny.onnx"), exportBytes("yolox"));
  await copyFile(join(root, "fixtures/photos/dog.jpg"), join(folder, "dog.jpg"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (script: string) =>
  promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { cwd: folder });

it("a Node service answers from the packed package", SLOW, async () => {
  const { stdout } = await run(`
    import { readFile } from "node:fs/promises";
    import { createServer } from "./fastify-route/server.js";
    const app = await createServer("tiny.onnx");
    const headers = { "content-type": "image/jpeg" };
    const payload = await readFile("dog.jpg");
    const answer = await app.inject({ method: "POST", url: "/explain", headers, payload });
    const overlay = await app.inject({ method: "POST", url: "/overlay", headers, payload });
    console.log(answer.statusCode, answer.json().detections.length, overlay.rawPayload.subarray(1, 4).toString());
    await app.close();
  `);
  expect(stdout).toBe("200 24 PNG\n");
});

it("a script explains images in the forms of Node, from the packed package", SLOW, async () => {
  const { stdout } = await run(`
    import { createReadStream } from "node:fs";
    import { openAsBlob } from "node:fs";
    import { loadDetector, toPng } from "whybox";
    const detector = await loadDetector("tiny.onnx");
    const forms = ["dog.jpg", createReadStream("dog.jpg"), await openAsBlob("dog.jpg")];
    for (const form of forms) console.log((await detector.detect(form)).detections.length);
    console.log((await toPng(await detector.explain("dog.jpg"))).length > 1e5);
    console.log(await detector.detect(undefined).catch((error) => error.message.slice(0, 13)));
    await detector.dispose();
  `);
  expect(stdout).toBe("24\n24\n24\ntrue\nGot undefined\n");
});

describe.skipIf(path === undefined)("in a browser, from the packed package", SLOW, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium(path!);
  });
  afterAll(() => browser.close());

  async function withPage(site: string, use: (page: Page) => Promise<void>): Promise<void> {
    const server = await serveFolders({ "/": site });
    const page = await browser.newPage();
    try {
      await page.goto(server.address);
      await page.getByLabel("Model").setInputFiles(join(folder, "tiny.onnx"));
      await page.getByLabel("Image").setInputFiles(join(folder, "dog.jpg"));
      await use(page);
    } finally {
      await page.close();
      await server.close();
    }
  }

  it("the app that Vite builds explains", async () => {
    const vite = join(root, "node_modules/vite/bin/vite.js");
    await promisify(execFile)(process.execPath, [vite, "build"], { cwd: join(folder, "vite-page") });
    await withPage(join(folder, "vite-page/dist/"), async (page) => {
      await page.getByText(/^24 detections: /).waitFor({ timeout: 150_000 });
    });
  });

  it("the page without a build explains", async () => {
    await withPage(join(folder, "html-page/"), async (page) => {
      await page.getByText(/^24 detections\. Press one/).waitFor({ timeout: 150_000 });
    });
  });
});
