import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeImage, loadDetector } from "whybox";
import { exportBytes } from "../../../core/test/support/exports.js";
import { chromiumPath, launchChromium } from "../../../web/test/e2e/browser.js";
import type * as Browserside from "../../src/index.js";
import { type StaticServer, serveFolders } from "./serve-folder.js";

const root = resolve(import.meta.dirname, "../../../..");
const path = chromiumPath();
const SLOW = { timeout: 300_000 } as const;
const model = exportBytes("yolox");
const options = { confidence: 0.3, maxDetections: 3, per: "detection", method: "GradCAM" } as const;

type InPage = typeof globalThis & { whybox: typeof Browserside; detector: Browserside.Detector };

describe.skipIf(path === undefined)("loadDetector in a page", SLOW, () => {
  let browser: Browser;
  let server: StaticServer;
  let page: Page;
  beforeAll(async () => {
    browser = await launchChromium(path!);
    server = await serveFolders(
      {
        "/browser/": join(root, "packages/browser/dist/"),
        "/photos/": join(root, "fixtures/photos/"),
        "/external/": join(root, "fixtures/external/"),
      },
      { files: { "/": Buffer.from("<!doctype html>"), "/tiny.onnx": model, "/none.onnx": Buffer.from("none") } },
    );
    page = await open(server);
    await page.evaluate(async () => {
      const { whybox } = globalThis as InPage;
      const detector = await whybox.loadDetector("tiny.onnx", { device: "wasm", threads: 2, keepForward: true });
      Object.assign(globalThis, { detector });
    });
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
  });

  async function open({ address }: StaticServer, files = `${address}browser/`): Promise<Page> {
    const opened = await browser.newPage();
    await opened.goto(address);
    const content = `import * as whybox from ${JSON.stringify(`${files}standalone/index.js`)}; Object.assign(globalThis, { whybox });`;
    await opened.addScriptTag({ type: "module", content });
    await opened.waitForFunction(() => "whybox" in globalThis);
    return opened;
  }

  it("gives the results of Node", async () => {
    const node = await loadDetector(model);
    const expected = await node.explain(join(root, "fixtures/photos/chelsea.png"), options);
    await node.dispose();
    const found = await page.evaluate(async (given) => {
      const { detector, whybox } = globalThis as InPage;
      const seen: number[] = [];
      const result = await detector.explain("photos/chelsea.png", {
        ...given,
        onProgress: ({ done, total }) => seen.push(done / total),
      });
      const { detections } = await detector.detect("photos/chelsea.png", {
        confidence: given.confidence,
        maxDetections: 3,
      });
      const png = await whybox.toPng(result, { detection: 0 });
      return {
        plain: JSON.parse(JSON.stringify(result)),
        maps: [result.heatmap, result.heatmapInput, ...result.maps.map(({ heatmap }) => heatmap)].map(({ data }) => [
          ...data,
        ]),
        same: JSON.stringify(detections) === JSON.stringify(result.detections),
        progress: seen.at(-1),
        png: [...new Uint8Array(await png.arrayBuffer())],
        provider: detector.provider,
        classes: detector.report.classNames,
      };
    }, options);
    const maps = [expected.heatmap, expected.heatmapInput, ...expected.maps.map(({ heatmap }) => heatmap)];
    expect(found.maps).toHaveLength(maps.length);
    for (const [i, { data }] of maps.entries()) {
      const difference = found.maps[i]!.reduce((most, value, at) => Math.max(most, Math.abs(value - data[at]!)), 0);
      expect(difference).toBeLessThan(1e-4);
    }
    expect(found.plain.detections.map((one: { className: string }) => one.className)).toEqual(
      expected.detections.map(({ className }) => className),
    );
    expect(found.same).toBe(true);
    expect(found.progress).toBe(1);
    expect(found.provider).toEqual({ device: "wasm", threads: 2, note: undefined });
    expect(found.classes).toHaveLength(3);
    const { width, height } = await decodeImage(Uint8Array.from(found.png));
    expect([height, width]).toEqual(expected.letterbox.imageSize);
  });

  it("measures maps as Node does, tells the progress, and stops when it is aborted", async () => {
    const measuring = { ...options, maxDetections: 12, measure: true };
    const node = await loadDetector(model);
    const { measured } = await node.explain(join(root, "fixtures/photos/chelsea.png"), measuring);
    await node.dispose();
    const found = await page.evaluate(async (given) => {
      const { detector } = globalThis as InPage;
      const seen: string[] = [];
      const onProgress = ({ done, total }: { done: number; total: number }) => void seen.push(`${done}/${total}`);
      const result = await detector.explain("photos/chelsea.png", { ...given, onProgress });
      const stop = new AbortController();
      const aborted = detector
        .explain("photos/chelsea.png", { ...given, signal: stop.signal, onProgress: () => stop.abort() })
        .then(
          () => "done",
          ({ code }: { code: string }) => code,
        );
      // The call behind it is answered at once.
      const next = await detector.detect("photos/chelsea.png", { confidence: 0.3 });
      return { measured: result.measured, last: seen.at(-1), aborted: await aborted, next: next.detections.length };
    }, measuring);
    // The random weights have boxes that reach far out of the image. They are not measured.
    expect(measured.length).toBeGreaterThan(0);
    expect(found.measured.map(({ detections }) => detections)).toEqual(measured.map(({ detections }) => detections));
    const figures = ({ map, gaussian, random, images }: (typeof measured)[number]) =>
      [map.overAll, map.withinBox.overAll, gaussian.overAll, random.overAll, map.sufficientOverBox, images] as const;
    for (const [i, value] of figures(found.measured[0]!).entries()) {
      expect(Math.abs(value - figures(measured[0]!)[i]!)).toBeLessThan(1e-3);
    }
    const [done, total] = found.last!.split("/");
    expect(done).toBe(total);
    expect(found.aborted).toBe("aborted");
    expect(found.next).toBeGreaterThan(0);
  });

  it("takes an image in every form of a page, and leaves it to the caller", async () => {
    const found = await page.evaluate(async () => {
      const { detector } = globalThis as InPage;
      const blob = await (await fetch("photos/chelsea.png")).blob();
      const image = new Image();
      image.src = "photos/chelsea.png";
      const bitmap = await createImageBitmap(blob);
      const canvas = document.createElement("canvas");
      const offscreen = new OffscreenCanvas(bitmap.width, bitmap.height);
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
      for (const one of [canvas, offscreen]) (one.getContext("2d") as CanvasRenderingContext2D).drawImage(bitmap, 0, 0);
      const pixels = canvas.getContext("2d")!.getImageData(0, 0, bitmap.width, bitmap.height);
      const bytes = new Uint8Array(await blob.arrayBuffer());
      const forms = {
        url: new URL("photos/chelsea.png", location.href),
        blob,
        file: new File([blob], "cat.png"),
        bytes,
        buffer: bytes.slice().buffer,
        stream: blob.stream() as ReadableStream<Uint8Array<ArrayBuffer>>,
        image,
        bitmap,
        canvas,
        offscreen,
        pixels,
        frame: new VideoFrame(bitmap, { timestamp: 0 }),
      };
      const answers: Record<string, string> = {};
      for (const [name, form] of Object.entries(forms)) {
        const { heatmap } = await detector.explain(form, { method: "GradCAM", confidence: 0.3, maxDetections: 2 });
        answers[name] = String(new Uint32Array(await crypto.subtle.digest("SHA-256", heatmap.data as BufferSource)));
      }
      return { answers, left: [bitmap.width, bytes.length, pixels.data.length].every((one) => one > 0) };
    });
    expect(Object.keys(found.answers)).toHaveLength(12);
    expect(new Set(Object.values(found.answers)).size).toBe(1);
    expect(found.left).toBe(true);
  });

  it("throws typed errors that say what is wrong", async () => {
    const errors = await page.evaluate(async () => {
      const { detector, whybox } = globalThis as InPage;
      const failing: Record<string, () => Promise<unknown>> = {
        nothing: () => detector.explain(undefined as never),
        text: () => detector.explain(new Blob(["hello"])),
        missing: () => detector.explain("nowhere.jpg"),
        image: () => detector.explain(new Image()),
        video: () => detector.explain(document.createElement("video")),
        method: () => detector.explain("photos/chelsea.png", { method: "GradCamm" as never }),
        own: () => detector.explain("photos/chelsea.png", { method: { id: "mine", map: () => undefined } as never }),
        model: () => whybox.loadDetector("none.onnx", { device: "wasm" }),
        absent: () => whybox.loadDetector("absent.onnx", { device: "wasm" }),
        option: () => whybox.loadDetector("tiny.onnx", { devise: "wasm" } as never),
        pixels: () => whybox.loadDetector("tiny.onnx", { maxPixels: 0 }),
        described: () => whybox.loadDetector({ description: "nowhere.json" }),
        weights: () => whybox.loadDetector(undefined as never),
        device: () => whybox.loadDetector("tiny.onnx", { device: "gpu" as never }),
        aborted: () => {
          const controller = new AbortController();
          const call = detector.explain("photos/dog.jpg", {
            method: "D-RISE",
            samples: 400,
            signal: controller.signal,
          });
          setTimeout(() => controller.abort(new Error("enough")), 300);
          return call;
        },
        thrown: () =>
          detector.explain("photos/dog.jpg", {
            method: "D-RISE",
            samples: 400,
            onProgress: () => {
              throw new TypeError("mine");
            },
          }),
      };
      const found: Record<string, string> = {};
      for (const [name, call] of Object.entries(failing)) {
        await call().then(
          () => {
            found[name] = "no error";
          },
          (error) => {
            found[name] = `${error instanceof whybox.WhyboxError ? error.code : error.name}: ${error.message}`;
          },
        );
      }
      // The engine still answers.
      found.after = (await detector.detect("photos/dog.jpg")).detections.length > 0 ? "yes" : "no";
      return found;
    });
    expect(errors).toMatchObject({
      nothing: expect.stringMatching(/^usage: Got undefined; expected an image: a URL/),
      text: expect.stringMatching(/^bad-input: This file is not an image/),
      missing: expect.stringMatching(/^download: nowhere\.jpg cannot be fetched: the server answered 404/),
      image: expect.stringMatching(/^bad-input: The <img> without src cannot be shown/),
      video: expect.stringMatching(/^bad-input: The <video> shows no frame yet/),
      method: expect.stringMatching(/^usage: .*GradCAM/),
      own: expect.stringMatching(/^usage: The options contain a function/),
      model: expect.stringMatching(/^bad-input: .*is not an ONNX file/),
      absent: expect.stringMatching(/^download: .*absent\.onnx cannot be fetched: the server answered 404/),
      option: expect.stringMatching(/^usage: There is no option "devise"\. Did you mean "device"/),
      pixels: expect.stringMatching(/^usage: maxPixels is the number 0; expected a number of 1 or more/),
      described: expect.stringMatching(/^download: There is no model at http.*nowhere\.json\. Check the address/),
      weights: expect.stringMatching(/^usage: Got undefined; expected a model/),
      device: expect.stringMatching(/^usage: device is the text "gpu"; expected "auto", "webgpu" or "wasm"/),
      aborted: "aborted: The operation was aborted.",
      thrown: "TypeError: mine",
      after: "yes",
    });
  });

  it("fails the calls in flight when the worker breaks down, and the next ones run in a new one", async () => {
    const found = await page.evaluate(async () => {
      const { whybox } = globalThis as InPage;
      const workers: Worker[] = [];
      const Own = globalThis.Worker;
      globalThis.Worker = class extends Own {
        constructor(...args: ConstructorParameters<typeof Own>) {
          super(...args);
          workers.push(this);
        }
      };
      const load = () => whybox.loadDetector("tiny.onnx", { device: "wasm", threads: 1 });
      const said = (call: Promise<unknown>) =>
        call.then(
          () => "done",
          ({ code, message }) => `${code}: ${message}`,
        );
      const detector = await load();
      const slow = { method: "D-RISE", samples: 100_000, confidence: 0.3 } as const;
      // A file goes to the worker at once. The first progress says that the slow call runs there, and the other one waits behind it.
      const photo = await (await fetch("photos/chelsea.png")).blob();
      const calls: Promise<unknown>[] = [];
      await new Promise<void>((runs) => {
        calls.push(said(detector.explain(photo, { ...slow, onProgress: () => runs() })));
      });
      calls.push(said(detector.detect(photo)));
      await new Promise((resolve) => setTimeout(resolve, 100));
      // No message of the library: the worker throws outside of every call.
      workers[0]!.postMessage({ type: "APPLY", argumentList: 5 });
      const lost = await Promise.all(calls);
      const next = [detector.detect("photos/chelsea.png"), detector.explain("photos/chelsea.png", { confidence: 0.3 })];
      const later = await Promise.all(next.map(said));
      const broken = new Promise((resolve) => workers[1]!.addEventListener("error", resolve));
      workers[1]!.postMessage({ type: "APPLY", argumentList: 5 });
      await broken;
      const again = await said(detector.detect("photos/chelsea.png"));
      globalThis.Worker = Own;
      await detector.dispose();
      const disposed = await said(detector.detect("photos/chelsea.png"));
      return { lost, later, again, disposed, workers: workers.length };
    });
    const failed = expect.stringMatching(/^runtime: The engine's worker failed: .*\bmap\b/);
    const disposed = expect.stringMatching(/^runtime: .* because the detector was disposed\.$/);
    expect(found).toEqual({ lost: [failed, failed], later: ["done", "done"], again: "done", disposed, workers: 3 });
  });

  it("fails when a thread of the runtime cannot start, and runs on one thread then", { timeout: 60_000 }, async () => {
    const folders = { "/browser/": join(root, "packages/browser/dist/"), "/photos/": join(root, "fixtures/photos/") };
    const files = { "/": Buffer.from("<!doctype html>"), "/tiny.onnx": model };
    const partly = await serveFolders(folders, { isolated: (path) => !path.endsWith(".mjs"), files });
    const opened = await open(partly);
    const found = await opened.evaluate(async () => {
      const { whybox } = globalThis as InPage;
      const engine = whybox.startEngine();
      const load = (threads: number) => engine.loadDetector("tiny.onnx", { device: "wasm", threads });
      const detect = async (threads: number) => (await load(threads)).detect("photos/dog.jpg", { confidence: 0.3 });
      const failed = await detect(2).then(
        () => "done",
        ({ code, message }) => `${code}: ${message}`,
      );
      return { failed, count: (await detect(1)).detections.length };
    });
    expect(found.failed).toMatch(/^runtime: .*A thread of ONNX Runtime cannot start: .*\.mjs.*threads: 1\.$/);
    expect(found.count).toBeGreaterThan(0);
    await opened.close();
    await partly.close();
  });

  it("holds several models and one image in an engine, and makes what a screen needs", async () => {
    const found = await page.evaluate(async () => {
      const { whybox, detector } = globalThis as InPage;
      const engine = whybox.startEngine({ maxPixels: 40_000 });
      const photo = await (await fetch("photos/chelsea.png")).blob();
      const size = await engine.open(photo);
      const stages: string[] = [];
      const wasm = { device: "wasm", keepForward: true } as const;
      const first = await engine.loadDetector("tiny.onnx", { ...wasm, onStage: (stage) => stages.push(stage) });
      const aborting = new AbortController();
      const aborted = engine.loadDetector("tiny.onnx", { ...wasm, signal: aborting.signal }).catch(({ code }) => code);
      aborting.abort();
      const second = await engine.loadDetector("tiny.onnx", wasm);
      const asked = { method: "GradCAM", per: "detection", confidence: 0.3, maxDetections: 2 } as const;
      const whole = await second.heat(photo, asked);
      const one = await first.heat(photo, { ...asked, detections: [1] });
      const result = await second.explain(photo, asked);
      const joint = whybox.jointMap(result.maps.map(({ heatmap }) => heatmap));
      const apart = (a: Float32Array, b: ArrayLike<number>) =>
        a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), a.length - b.length);
      await first.dispose();
      const document = await second.document(photo, { ...asked, source: "cat.png" });
      const layers = await second.layerMaps(photo, { confidence: 0.3 });
      const png = await engine.toPng(photo, { heat: whole.whole, detections: whole.detections });
      // The photo is sent again after an image that could not be opened.
      const bad = await engine.open(new Blob(["hello"])).catch(({ code }) => code);
      const again = await second.heat(photo, asked);
      const after = await first.detect(photo).catch(({ code }) => code);
      engine.close(new whybox.WhyboxError("aborted", "enough"));
      const ended = await second.detect(photo).catch(({ message }) => message);
      const own = await detector.heat(photo, asked);
      return {
        size,
        stages,
        aborted: await aborted,
        sizes: [whole.maps.length, one.maps.length, own.whole.width],
        apart: [
          apart(whole.whole.data, joint.data),
          apart(one.maps[0]!.data, result.maps[1]!.heatmap.data),
          apart(again.whole.data, whole.whole.data),
        ],
        document: [document.image.source, document.detections.length],
        layers: layers.length > 1 && layers.every(({ data }) => Math.max(...data) <= 1),
        png: (await createImageBitmap(png)).width,
        ...{ bad, after, ended },
      };
    });
    expect(found).toEqual({
      size: { width: 245, height: 163, shrunkFrom: [451, 300] },
      stages: ["download", "read", "session"],
      aborted: "aborted",
      sizes: [0, 1, 451],
      apart: [expect.closeTo(0, 5), expect.closeTo(0, 5), 0],
      document: ["cat.png", 2],
      layers: true,
      png: 245,
      bad: "bad-input",
      after: "runtime",
      ended: "enough",
    });
  });

  it("fetches the weights beside a model, and takes them from files", async () => {
    const found = await page.evaluate(async () => {
      const { whybox } = globalThis as InPage;
      const fileOf = async (name: string) => new File([await (await fetch(`external/${name}`)).blob()], name);
      const seen: number[] = [];
      const fetched = await whybox.loadDetector("external/two-files.onnx", {
        device: "wasm",
        onProgress: ({ received }) => seen.push(received),
      });
      const dropped = await whybox.loadDetector(await fileOf("two-files.onnx"), {
        device: "wasm",
        beside: [await fileOf("two-files.onnx.data")],
      });
      const alone = await whybox
        .loadDetector(await fileOf("two-files.onnx"), { device: "wasm" })
        .catch(({ code, details }) => ({ code, missing: details.externalData }));
      const sizes = [fetched.report.bytes, dropped.report.bytes, seen.length > 0];
      const same = await Promise.all([fetched, dropped].map((one) => one.inspect()));
      await Promise.all([fetched.dispose(), dropped.dispose()]);
      const after = await fetched.detect("photos/dog.jpg").catch(({ code }) => code);
      return { sizes, layers: same.map(({ layers }) => layers.length), alone, after };
    });
    expect(found.sizes[0]).toBe(found.sizes[1]);
    expect(found.sizes[2]).toBe(true);
    expect(found.layers[0]).toBe(found.layers[1]);
    expect(found.alone).toEqual({ code: "bad-input", missing: ["two-files.onnx.data"] });
    expect(found.after).toBe("runtime");
  });

  it("runs with its script on another host, on one thread where the page is not isolated, and says so", {
    tags: ["long"],
  }, async () => {
    const other = await serveFolders({}, { isolated: false, files: { "/": Buffer.from("<!doctype html>") } });
    const foreign = await open(other, `${server.address}browser/`);
    const found = await foreign.evaluate(async (address) => {
      const { whybox } = globalThis as InPage;
      const notes: string[] = [];
      const detector = await whybox.loadDetector(`${address}tiny.onnx`, {
        device: "wasm",
        onNote: (text) => notes.push(text),
      });
      const { detections } = await detector.detect(`${address}photos/dog.jpg`);
      const image = new Image();
      image.src = `${address}photos/dog.jpg`;
      const tainted = await detector.detect(image).catch(({ message }) => message);
      return { threads: detector.provider.threads, notes, count: detections.length, tainted };
    }, server.address);
    expect(found).toEqual({
      threads: 1,
      notes: [expect.stringContaining("Only one thread")],
      count: expect.any(Number),
      tainted: expect.stringMatching(/comes from another origin.*crossorigin/),
    });
    expect(found.count).toBeGreaterThan(0);
    await foreign.close();
    await other.close();
  });

  it.each([
    ["the worker", "files/worker.js", 270],
    ["the script of <why-box>", "standalone/element.js", 60],
    ["the standalone library", "standalone/index.js", 240],
  ])("measures %s", async (what, name, limit) => {
    const kilobytes = gzipped(join(root, "packages/browser/dist", name));
    expect(kilobytes).toBeGreaterThan(20);
    if (kilobytes > limit) console.warn(`${what} is ${kilobytes.toFixed(0)} kB gzipped, above ${limit} kB.`);
  });
});

/** Size of a script with its static imports, gzipped, in kB. */
function gzipped(script: string, seen = new Set<string>()): number {
  if (seen.has(script)) return 0;
  seen.add(script);
  const text = readFileSync(script, "utf8");
  const imports = [...text.matchAll(/\b(?:from|import)\s*["'](\.[^"']+)["']/g)].map(([, next]) =>
    join(script, "..", next!),
  );
  return imports.reduce((sum, next) => sum + gzipped(next, seen), gzipSync(text, { level: 9 }).length / 1000);
}
