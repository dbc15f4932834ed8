// @module-tag long

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, cp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { serveFolders } from "../../../browser/test/e2e/serve-folder.js";
import { exportBytes } from "../../../core/test/support/exports.js";
import { runWorld } from "../../../node/test/runs/world.js";
import { installPacked } from "../../../node/test/support/packed.js";
import { yolov5sPath } from "../../../node/test/support/yolov5s-path.js";
import { chromiumPath, launchChromium } from "./browser.js";
import { mapIsDone, openPage, photos, SLOW } from "./open-page.js";

const root = resolve(import.meta.dirname, "../../../..");
const chromium = chromiumPath();
const onWindows = process.platform === "win32";
const run = promisify(execFile);

let cwd: string;
let modules: string;
let whybox: string;
let browser: Browser | undefined;

/** A folder that has nothing but the packed packages, a photo and two small models. */
beforeAll(async () => {
  await yolov5sPath();
  cwd = await realpath(await runWorld());
  modules = join(cwd, "node_modules");
  whybox = join(modules, ".bin/whybox");
  await installPacked(cwd, ["fastify", "vite"]);
  await writeFile(join(cwd, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await writeFile(join(cwd, "tiny.onnx"), exportBytes("yolox"));
  await copyFile(join(photos, "dog.jpg"), join(cwd, "dog.jpg"));
  if (chromium !== undefined) browser = await launchChromium(chromium);
});
afterAll(async () => {
  await browser?.close();
  await rm(cwd, { recursive: true, force: true });
});

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

interface Started {
  readonly address: string;
  /** Sends a signal and gives the exit code. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts a program that prints its address. */
async function start(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const child: ChildProcess = spawn(program, args, {
    ...{ cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] },
  });
  running.push(child);
  const ended = once(child, "exit");
  const line = await Promise.race([
    once(child.stdout!.setEncoding("utf8"), "data").then(([text]) => String(text).trim()),
    ended.then(([code]) => Promise.reject(new Error(`${program} ended with ${code}`))),
  ]);
  return {
    address: line,
    async stop(signal) {
      child.kill(signal);
      return (await ended)[0];
    },
  };
}

describe.skipIf(onWindows)("from the packed packages in an empty folder", SLOW, () => {
  it("the command explains a photo", async () => {
    const { stdout } = await run(whybox, ["explain", "dog.jpg"], { cwd });
    expect(stdout).toMatch(/^ +0 +dog +0\.9/m);
    expect(stdout).toMatch(/^ +0: The detector's confidence in this dog depends/m);
    const files = await readdir(join(cwd, "runs/explain/exp"));
    expect(files.toSorted()).toEqual(["dog.json", "dog.png", "dog.sheet.png"]);
  });

  it.skipIf(chromium === undefined)("the page shows the map of a dropped photo", async () => {
    const served = await start(whybox, ["ui", "--no-open"]);
    const { page, complaints, close } = await openPage(browser!, `${served.address}#device=wasm`);
    const dropped = await page.evaluateHandle(
      async (base64) => {
        const data = new DataTransfer();
        const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
        data.items.add(new File([bytes], "dog.jpg", { type: "image/jpeg" }));
        return data;
      },
      await readFile(join(cwd, "dog.jpg"), "base64"),
    );
    await page.dispatchEvent("body", "drop", { dataTransfer: dropped });
    await page.getByRole("button", { name: /^dog, / }).click();
    await mapIsDone(page);
    expect(await page.locator(".sentence").innerText()).toMatch(/^The detector's confidence in this dog depends/);
    expect(complaints).toEqual([]);
    await close();
    expect(await served.stop("SIGINT")).toBe(0);
  });

  it("a service in Node answers with the explanation and the overlay", async () => {
    await copyFile(join(root, "examples/fastify-route/server.js"), join(cwd, "server.js"));
    const served = await start(process.execPath, ["server.js", "tiny.onnx"], { PORT: "0" });
    const body = new Uint8Array(await readFile(join(cwd, "dog.jpg")));
    const post = (path: string) =>
      fetch(`${served.address}${path}`, { method: "POST", body, headers: { "content-type": "image/jpeg" } });
    const explained = (await (await post("/explain?per=detection")).json()) as { maps: unknown[] };
    expect(explained.maps.length).toBeGreaterThan(1);
    const overlay = await (await post("/overlay")).arrayBuffer();
    expect(await sharp(overlay).metadata()).toMatchObject({ format: "png", width: 768, height: 576 });
    await served.stop("SIGTERM");
  });

  it("a script in Node explains images in its own forms", async () => {
    const script = `
      import { createReadStream, openAsBlob } from "node:fs";
      import { loadDetector, toPng } from "whybox";
      const detector = await loadDetector("tiny.onnx");
      const forms = ["dog.jpg", createReadStream("dog.jpg"), await openAsBlob("dog.jpg")];
      for (const form of forms) console.log((await detector.detect(form)).detections.length);
      console.log((await toPng(await detector.explain("dog.jpg"))).length > 1e5);
      console.log(await detector.detect(undefined).catch((error) => error.message.slice(0, 13)));
      await detector.dispose();
    `;
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], { cwd });
    expect(stdout).toBe("24\n24\n24\ntrue\nGot undefined\n");
  });

  describe.skipIf(chromium === undefined)("a browser app", SLOW, () => {
    async function explains(address: string, ready: RegExp, done: RegExp): Promise<void> {
      const { page, complaints, close } = await openPage(browser!, address);
      const status = page.getByRole("status");
      await page.getByLabel("Model").setInputFiles(join(cwd, "tiny.onnx"));
      await status.filter({ hasText: ready }).waitFor();
      await page.getByLabel("Image").setInputFiles(join(cwd, "dog.jpg"));
      await status.filter({ hasText: done }).waitFor();
      expect(complaints).toEqual([]);
      await close();
    }

    it("that Vite builds explains a photo", async () => {
      const app = join(cwd, "vite-page");
      await cp(join(root, "examples/vite-page"), app, {
        recursive: true,
        filter: (path) => !/node_modules/.test(path),
      });
      await run(process.execPath, [join(modules, "vite/bin/vite.js"), "build"], { cwd: app });
      const server = await serveFolders({ "/": `${app}/dist/` });
      await explains(server.address, /^The model is ready/, /^24 detections: /);
      await server.close();
    });

    it("of one HTML file explains a photo", async () => {
      const server = await serveFolders({ "/node_modules/": `${modules}/`, "/": join(root, "examples/html-page/") });
      await explains(server.address, /^(Choose a model|The model runs on)/, /^24 detections\. Press one/);
      await server.close();
    });
  });

  it("the container's entry point serves, is healthy, and runs the other commands", async () => {
    const deploy = join(root, "deploy/docker");
    const entry = join(deploy, "entrypoint.sh");
    const PATH = `${join(modules, ".bin")}${delimiter}${process.env.PATH}`;
    const env = { ...process.env, PATH, WHYBOX_PORT: "0" };
    const token = "a-token-for-the-test";
    expect((await run(entry, ["methods"], { cwd, env })).stdout).toContain("GradCAM");
    await expect(run(entry, ["mini.onnx"], { cwd, env })).rejects.toThrow(/Other machines reach 0\.0\.0\.0/);
    const served = await start(entry, ["serve", "mini.onnx", "--workers", "1"], {
      ...{ PATH, WHYBOX_PORT: "0", WHYBOX_TOKEN: token },
    });
    const { port } = new URL(served.address);
    const headers = { authorization: `Bearer ${token}` };
    const models = await fetch(`http://127.0.0.1:${port}/v1/models`, { headers });
    expect(await models.json()).toEqual({ models: ["mini"] });
    const form = new FormData();
    form.append("image", new Blob([await readFile(join(cwd, "dog.jpg"))]), "dog.jpg");
    const explained = await fetch(`http://127.0.0.1:${port}/v1/explain`, { method: "POST", headers, body: form });
    expect([explained.status, await explained.json()]).toMatchObject([200, { image: { size: [576, 768] } }]);
    const dockerfile = await readFile(join(deploy, "Dockerfile"), "utf8");
    const [, check] = /HEALTHCHECK .*\n\s+CMD (\[.*\])/.exec(dockerfile)!;
    const [program, ...argv] = JSON.parse(check!) as [string, ...string[]];
    const isHealthy = () => run(program, argv, { env: { ...env, WHYBOX_PORT: port } });
    await isHealthy();
    expect(await served.stop("SIGTERM")).toBe(0);
    await expect(isHealthy()).rejects.toThrow();
  });
});
