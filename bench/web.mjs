// Measures the playground's engine in Chromium, beside Node's on the same machine: medians of interleaved runs.
//   npm run bench:web            all of it (some minutes); the numbers go to bench/results/web.json
//   npm run bench:web -- --quick few repetitions, nothing saved
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { createDetector, createOrtPort, letterbox, planLetterbox } from "whybox";
import { listPageFiles, pageFolder } from "../packages/node/dist/ui/page-files.js";
import { servePage } from "../packages/node/dist/ui/page-server.js";
import { findPageWeights } from "../packages/node/dist/ui/page-weights.js";
import { facts, median, print, quick, ratio, readHeatmaps, repeats, root, threads } from "./measure.mjs";
import { saveResults } from "./results.mjs";
import { bytes, image, photo } from "./subject.mjs";

const require = createRequire(join(root, "packages/web/package.json"));
const { chromium } = require("playwright-core");
const comlink = join(
  createRequire(join(root, "packages/browser/package.json")).resolve("comlink"),
  "../comlink.min.js",
);
const executablePath =
  process.env.CHROMIUM_PATH ?? ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => existsSync(path));
if (executablePath === undefined) throw new Error("No Chromium: apt-get install chromium, or set CHROMIUM_PATH.");

/** In a worker of its own: a session of the plain model. The page's thread may not wait for others, so it would be slower there. */
function plainWorker() {
  let session;
  let input;
  Comlink.expose({
    async open(base, runtime, threads, dims, pixels) {
      const ort = await import(`${base}assets/${runtime}`);
      ort.env.logLevel = "fatal";
      ort.env.wasm.numThreads = threads;
      ort.env.wasm.wasmPaths = {
        mjs: `${base}ort/ort-wasm-simd-threaded.asyncify.mjs`,
        wasm: `${base}ort/ort-wasm-simd-threaded.asyncify.wasm`,
      };
      const model = new Uint8Array(await (await fetch(`${base}weights/default.onnx`)).arrayBuffer());
      // As the engine's own sessions: threads do not spin on after a run.
      const extra = { session: { force_spinning_stop: "1" } };
      session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"], extra });
      input = { [session.inputNames[0]]: new ort.Tensor("float32", pixels, dims) };
    },
    run: async () => void (await session.run(input)),
  });
}

/** In the page: a session of the plain model on the letterboxed image, and the worker that the page uses. */
async function prepare({ base, runtime, worker, count, plainSource, dims, pixels }) {
  const engine = Comlink.wrap(new Worker(`${base}assets/${worker}`, { type: "module" }));
  const silent = () => Comlink.proxy(() => {});
  const weights = { kind: "default" };
  const opened = await engine.open(1, { base, weights, device: "wasm", threads: count }, silent());
  if (!opened.ok) throw new Error(opened.failure.message);
  const image = await (await fetch(`${base}photos/dog.jpg`)).blob();
  const plain = Comlink.wrap(new Worker(URL.createObjectURL(new Blob([plainSource]))));
  const bytes = Uint8Array.from(atob(pixels), (character) => character.charCodeAt(0));
  await plain.open(base, runtime, count, dims, new Float32Array(bytes.buffer));
  const valued = (answer) => {
    if (!answer.ok) throw new Error(answer.failure.message);
    return answer.value;
  };
  const explain = async (request) => valued(await engine.explain(1, request, silent()));
  const quickMap = { method: "GradCAM", per: "detection" };
  // As the page: the quick maps, then tap fusion.
  const ahead = [quickMap, { method: "tap-fusion", per: "detection" }];
  const detect = async () => valued(await engine.detect(1, { ahead }, silent()));
  const detectAlone = async () => valued(await engine.detect(1, {}, silent()));
  const decode = async () => valued(await engine.decode(1, image));
  const frame = async () => engine.frame(1, await createImageBitmap(image, { resizeWidth: 640, resizeHeight: 480 }));
  const best = (...detections) => explain({ method: "tap-fusion", per: "detection", detections });
  Object.assign(globalThis, {
    bench: {
      explain,
      detect,
      detectAlone,
      decode,
      frame,
      best,
      quick: () => explain(quickMap),
      forward: () => plain.run(),
    },
  });
  return { provider: opened.value.provider, input: dims };
}

/**
 * In the page: every sequence once in each round, in another order each time, so that none always follows the same; milliseconds of its
 * steps. A newly decoded image has no kept forward pass.
 */
async function measure(rounds) {
  const { explain, detect, detectAlone, decode, frame, best, quick, forward } = globalThis.bench;
  const live = async () => {
    await frame();
    await explain({ method: "GradCAM" });
  };
  const sequences = [
    { forward },
    { decode, explain: () => explain({ method: "GradCAM", layer: -2 }) },
    { decode, detectAlone },
    { decode, detect, quickMap: quick, tapFusion: () => best(0), nextTapFusion: () => best(1) },
    { decode, detect, quickMap: quick, tapFusionOfFour: () => best(0, 1, 2, 3) },
    { liveFrame: live },
  ];
  const times = {};
  for (let i = -1; i < rounds; i++) {
    const order = sequences.map((steps) => ({ steps, at: Math.random() })).sort((a, b) => a.at - b.at);
    for (const { steps } of order) {
      for (const [name, step] of Object.entries(steps)) {
        // Whatever is left to tidy up is not to be anybody's time.
        await new Promise((resolve) => setTimeout(resolve, 100));
        const started = performance.now();
        await step();
        if (i >= 0) times[name] = [...(times[name] ?? []), performance.now() - started];
      }
    }
  }
  return times;
}

async function inChromium(server, count) {
  const names = readdirSync(join(pageFolder, "assets"));
  const find = (start) => names.find((name) => name.startsWith(start) && name.endsWith(".js"));
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const page = await (await browser.newContext({ bypassCSP: true })).newPage();
    page.setDefaultTimeout(0);
    await page.goto(`${server.address}manifest.webmanifest`);
    await page.addScriptTag({ path: comlink });
    const plainSource = `${readFileSync(comlink, "utf8")};(${plainWorker})()`;
    const plan = planLetterbox([image.height, image.width], { size: [640, 640], stride: 32, fixed: false });
    const input = {
      dims: [1, 3, ...plan.inputSize],
      pixels: Buffer.from(letterbox(image, plan).buffer).toString("base64"),
    };
    const scripts = { runtime: find("ort."), worker: find("worker-"), plainSource };
    const given = { base: server.address, ...scripts, ...input, count };
    const facts = await page.evaluate(prepare, given);
    return { ...facts, chromium: browser.version(), times: await page.evaluate(measure, rounds) };
  } finally {
    await browser.close();
  }
}

async function inNode() {
  const detector = await createDetector(bytes, createOrtPort(ort), { threads });
  const times = [];
  for (let i = -2; i < repeats; i++) {
    const started = performance.now();
    readHeatmaps(await detector.explain(image, { method: "GradCAM", layer: -2 }));
    if (i >= 0) times.push(performance.now() - started);
  }
  await detector.dispose();
  return median(times);
}

/** Each round is some seven passes long. */
const rounds = quick ? 3 : 7;
const server = await servePage({ files: await listPageFiles(), weights: await findPageWeights() });
try {
  const node = await inNode();
  const web = {};
  for (const count of new Set([threads, 1])) {
    const { times, ...opened } = await inChromium(server, count);
    const ms = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, ratio(median(values))]));
    const { forward, tapFusion, nextTapFusion, tapFusionOfFour } = ms;
    const ratios = {
      "Grad-CAM at −2 / forward": ms.explain / forward,
      "Grad-CAM at −2 / detection": ms.explain / ms.detectAlone,
      "Grad-CAM at −2 / the same in Node": ms.explain / node,
      "detection that prepares the maps / forward": ms.detect / forward,
      "after a detection, Grad-CAM of every box / forward": ms.quickMap / forward,
      "after a click, tap fusion of 1 box / forward (aim ≤ 1)": tapFusion / forward,
      "after the next click, tap fusion of 1 box / forward (aim ≤ 1)": nextTapFusion / forward,
      "tap fusion of 4 boxes / forward (aim ≤ 1)": tapFusionOfFour / forward,
      "live frames per second": 1000 / ms.liveFrame,
    };
    const rounded = Object.entries(ratios).map(([name, value]) => [name, ratio(value)]);
    web[`wasm, ${count} thread${count === 1 ? "" : "s"}`] = { ...opened, ratios: Object.fromEntries(rounded), ms };
  }
  for (const [name, { ratios, ms }] of Object.entries(web)) {
    print(name, { ...ratios, ...Object.fromEntries(Object.entries(ms).map(([key, value]) => [`${key} ms`, value])) });
  }
  const run = { ...facts(), repeats: rounds, photo: photo.slice(root.length + 1), nodeMs: ratio(node) };
  if (!quick) saveResults("web.json", { ...run, web });
} finally {
  await server.close();
}
