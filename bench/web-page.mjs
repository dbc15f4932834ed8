// A page in Chromium with the engine of @whybox/browser and a plain session in a worker of its own, for bench/web.mjs.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import { letterbox, planLetterbox } from "whybox";
import { listPageFiles } from "../packages/node/dist/ui/page-files.js";
import { servePage } from "../packages/node/dist/ui/page-server.js";
import { findPageWeights } from "../packages/node/dist/ui/page-weights.js";
import { root } from "./measure.mjs";
import { image } from "./subject.mjs";

const { chromium } = createRequire(join(root, "packages/web/package.json"))("playwright-core");
const library = join(root, "packages/browser");
const { resolve } = createRequire(join(library, "package.json"));
const comlink = join(dirname(resolve("comlink")), "comlink.min.js");
const runtime = join(dirname(resolve("onnxruntime-web/webgpu")), "ort.webgpu.min.mjs");
const executablePath =
  process.env.CHROMIUM_PATH ?? ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => existsSync(path));

/** No step takes longer, even on a slow machine. Seconds. */
const LIMIT = 60;

/** Serves the page's files and weights, the library at `/library/` and ONNX Runtime's script at `/runtime.mjs`. */
export async function serveLibrary() {
  const files = new Map(await listPageFiles());
  const types = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
  const add = (name, path) => types[extname(path)] && files.set(name, { path, type: types[extname(path)] });
  for (const name of readdirSync(join(library, "dist"), { recursive: true })) {
    add(`/library/${name.replaceAll("\\", "/")}`, join(library, "dist", name));
  }
  add("/runtime.mjs", runtime);
  return servePage({ files, weights: await findPageWeights() });
}

/** In a worker of its own: a session of the plain model. The page's thread may not wait for others, so it would be slower there. */
function plainWorker() {
  let session;
  let input;
  Comlink.expose({
    async open({ base, threads, dims, pixels }) {
      const ort = await import(`${base}runtime.mjs`);
      ort.env.logLevel = "fatal";
      ort.env.wasm.numThreads = threads;
      const file = (type) => `${base}library/files/ort-wasm-simd-threaded.asyncify.${type}`;
      ort.env.wasm.wasmPaths = { mjs: file("mjs"), wasm: file("wasm") };
      const model = new Uint8Array(await (await fetch(`${base}weights/default.onnx`)).arrayBuffer());
      // As the engine's own sessions: threads do not spin on after a run.
      const extra = { session: { force_spinning_stop: "1" } };
      session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"], extra });
      input = { [session.inputNames[0]]: new ort.Tensor("float32", pixels, dims) };
    },
    run: async () => void (await session.run(input)),
  });
}

/** In the page: opens a session of the plain model on the letterboxed image. */
async function openPlain({ source, base, threads, dims, pixels }) {
  const worker = new Worker(URL.createObjectURL(new Blob([source])));
  const plain = Comlink.wrap(worker);
  const bytes = Uint8Array.from(atob(pixels), (character) => character.charCodeAt(0));
  const failed = new Promise((_, reject) => {
    worker.onerror = ({ message }) => reject(new Error(`The worker of the plain pass failed: ${message}`));
  });
  await Promise.race([plain.open({ base, threads, dims, pixels: new Float32Array(bytes.buffer) }), failed]);
  globalThis.bench = { ...globalThis.bench, forward: () => plain.run() };
}

/** In the page: opens the library's engine, as the page of `whybox ui` uses it. */
async function openEngine({ base, threads }) {
  const { startEngine } = await import(`${base}library/standalone/index.js`);
  const engine = startEngine({ folder: `${base}library/files` });
  const weights = `${base}weights/default.onnx`;
  const detector = await engine.loadDetector(weights, { device: "wasm", threads, keepForward: true });
  const photo = await (await fetch(`${base}photos/dog.jpg`)).blob();
  const quickMap = { method: "GradCAM", per: "detection" };
  const best = { method: "tap-fusion", per: "detection" };
  let image = photo;
  const tapFusion = (...detections) => detector.heat(image, { ...best, detections });
  globalThis.bench = {
    ...globalThis.bench,
    // A new object is a new image, which has no kept forward pass.
    decode: () => {
      image = photo.slice();
      return engine.open(image);
    },
    explain: () => detector.heat(image, { method: "GradCAM", layer: -2 }),
    detectAlone: () => detector.detect(image),
    // As the page: the quick maps, then tap fusion.
    detect: () => detector.detect(image, { ahead: [quickMap, best] }),
    quickMap: () => detector.heat(image, quickMap),
    tapFusion: () => tapFusion(0),
    nextTapFusion: () => tapFusion(1),
    tapFusionOfFour: () => tapFusion(0, 1, 2, 3),
    liveFrame: async () => {
      const frame = await createImageBitmap(photo, { resizeWidth: 640, resizeHeight: 480 });
      return detector.heat(frame, { method: "GradCAM" });
    },
  };
  return detector.provider;
}

/** In the page: the milliseconds of a step. */
async function timeOf(name) {
  const started = performance.now();
  await globalThis.bench[name]();
  return performance.now() - started;
}

/**
 * Opens the page in Chromium. `time` gives the milliseconds of a step. A step that fails, or has no answer after a minute, throws an error with what the
 * browser reported.
 */
export async function openBenchPage({ address: base }, threads) {
  if (executablePath === undefined) throw new Error("No Chromium: apt-get install chromium, or set CHROMIUM_PATH.");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const reported = [];
  const step = async (name, action) => {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`No answer after ${LIMIT} s.`)), LIMIT * 1000);
    });
    try {
      return await Promise.race([action, late]);
    } catch (cause) {
      const message = `${name}, ${threads} threads in Chromium: ${cause.message}`;
      throw new Error([message, ...reported.splice(0)].join("\n  "), { cause });
    } finally {
      clearTimeout(timer);
    }
  };
  try {
    const page = await (await browser.newContext({ bypassCSP: true })).newPage();
    page.on("console", (message) => reported.push(message.text()));
    page.on("pageerror", ({ message }) => reported.push(message));
    page.on("requestfailed", (request) => reported.push(`${request.url()}: ${request.failure()?.errorText}`));
    page.on("response", (response) => response.ok() || reported.push(`${response.url()}: ${response.status()}`));
    await page.goto(`${base}manifest.webmanifest`);
    await page.addScriptTag({ path: comlink });
    const plan = planLetterbox([image.height, image.width], { size: [640, 640], stride: 32, fixed: false });
    const dims = [1, 3, ...plan.inputSize];
    const pixels = Buffer.from(letterbox(image, plan).buffer).toString("base64");
    const source = `${readFileSync(comlink, "utf8")};(${plainWorker})()`;
    await step("opening the plain session", page.evaluate(openPlain, { source, base, threads, dims, pixels }));
    const provider = await step("opening the engine", page.evaluate(openEngine, { base, threads }));
    return {
      facts: { provider, input: dims, chromium: browser.version() },
      time: (name) => step(name, page.evaluate(timeOf, name)),
      close: () => browser.close(),
    };
  } catch (error) {
    await browser.close();
    throw error;
  }
}
