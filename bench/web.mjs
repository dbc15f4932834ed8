// Measures the playground's engine in Chromium, beside Node's on the same machine: medians of interleaved runs.
//   npm run bench:web            all of it (some minutes); the numbers go to bench/results/web.json
//   npm run bench:web -- --quick few repetitions, nothing saved
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { createDetector, createOrtPort } from "whybox";
import { listPageFiles, pageFolder } from "../packages/node/dist/ui/page-files.js";
import { servePage } from "../packages/node/dist/ui/page-server.js";
import { findPageWeights } from "../packages/node/dist/ui/page-weights.js";
import { bytes, image, median, photo, print, quick, ratio, repeats, results, root, threads } from "./measure.mjs";

const require = createRequire(join(root, "packages/web/package.json"));
const { chromium } = require("playwright-core");
const comlink = join(require.resolve("comlink"), "../comlink.min.js");
const executablePath =
  process.env.CHROMIUM_PATH ?? ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => existsSync(path));
if (executablePath === undefined) throw new Error("No Chromium: apt-get install chromium, or set CHROMIUM_PATH.");

/** In a worker of its own: a session of the plain model. The page's thread may not wait for others, so it would be slower there. */
function plainWorker() {
  let session;
  let input;
  Comlink.expose({
    async open(base, runtime, threads, dims) {
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
      const size = dims.reduce((product, dim) => product * dim, 1);
      input = { [session.inputNames[0]]: new ort.Tensor("float32", new Float32Array(size).fill(0.5), dims) };
    },
    run: async () => void (await session.run(input)),
  });
}

/** In the page: a session of the plain model, and the worker that the page uses. */
async function prepare({ base, runtime, worker, count, plainSource }) {
  const engine = Comlink.wrap(new Worker(`${base}assets/${worker}`, { type: "module" }));
  const silent = () => Comlink.proxy(() => {});
  const weights = { kind: "default" };
  const opened = await engine.open(1, { base, weights, device: "wasm", threads: count }, silent());
  if (!opened.ok) throw new Error(opened.failure.message);
  const picture = await (await fetch(`${base}photos/dog.jpg`)).blob();
  const decoded = await engine.decode(1, picture);
  const scale = 640 / Math.max(decoded.value.width, decoded.value.height);
  const side = (length) => Math.ceil((length * scale) / 32) * 32;
  const dims = [1, 3, side(decoded.value.height), side(decoded.value.width)];
  const plain = Comlink.wrap(new Worker(URL.createObjectURL(new Blob([plainSource]))));
  await plain.open(base, runtime, count, dims);
  const explain = async (request) => {
    const answer = await engine.explain(1, request, silent());
    if (!answer.ok) throw new Error(answer.failure.message);
    return answer.value;
  };
  const detect = () => engine.detect(1, {}, silent());
  const decode = () => engine.decode(1, picture);
  const frame = async () => engine.frame(1, await createImageBitmap(picture, { resizeWidth: 640, resizeHeight: 480 }));
  Object.assign(globalThis, {
    bench: { explain, detect, decode, frame, forward: () => plain.run() },
  });
  return { provider: opened.value.provider, input: dims };
}

/** In the page: every action in turns, times in milliseconds. */
async function measure(repeats) {
  const { explain, detect, decode, frame, forward } = globalThis.bench;
  const quickMap = { method: "GradCAM", per: "detection" };
  const actions = {
    forward,
    detect,
    explain: () => explain({ method: "GradCAM", layer: -2 }),
    toDetections: async () => {
      await decode();
      await detect();
    },
    toFirstMap: async () => {
      await decode();
      await detect();
      await explain(quickMap);
    },
    firstMap: () => explain(quickMap),
    bestMap: () => explain({ method: "tap-fusion", per: "detection", detections: [0] }),
    liveFrame: async () => {
      await frame();
      await explain({ method: "GradCAM" });
    },
  };
  const times = Object.fromEntries(Object.keys(actions).map((name) => [name, []]));
  for (let i = -2; i < repeats; i++) {
    for (const [name, action] of Object.entries(actions)) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      const started = performance.now();
      await action();
      if (i >= 0) times[name].push(performance.now() - started);
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
    const given = { base: server.address, runtime: find("ort."), worker: find("worker-"), count, plainSource };
    const facts = await page.evaluate(prepare, given);
    return { ...facts, chromium: browser.version(), times: await page.evaluate(measure, repeats) };
  } finally {
    await browser.close();
  }
}

async function inNode() {
  const detector = await createDetector(bytes, createOrtPort(ort), { threads });
  const times = { explain: [], firstMap: [] };
  for (let i = -2; i < repeats; i++) {
    for (const [name, options] of [
      ["explain", { method: "GradCAM", layer: -2 }],
      ["firstMap", { method: "GradCAM", per: "detection" }],
    ]) {
      const started = performance.now();
      await detector.explain(image, options);
      if (i >= 0) times[name].push(performance.now() - started);
    }
  }
  await detector.dispose();
  return times;
}

const server = await servePage({ files: await listPageFiles(), weights: await findPageWeights() });
try {
  const node = await inNode();
  const web = {};
  for (const count of new Set([threads, 1])) {
    const { times, ...facts } = await inChromium(server, count);
    const ms = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, ratio(median(values))]));
    web[`wasm, ${count} threads`] = {
      ...facts,
      explainOverForward: ratio(ms.explain / ms.forward),
      explainOverDetect: ratio(ms.explain / ms.detect),
      liveFramesPerSecond: ratio(1000 / ms.liveFrame),
      explainOverNode: ratio(ms.explain / median(node.explain)),
      firstMapOverNode: ratio(ms.firstMap / median(node.firstMap)),
      ms,
    };
  }
  const all = {
    ...results,
    photo: photo.slice(root.length + 1),
    node: { version: results.node, explainMs: ratio(median(node.explain)) },
    web,
  };
  for (const [name, row] of Object.entries(web)) {
    const { ms, input: _, provider: __, ...ratios } = row;
    print(name, { ...ratios, ...Object.fromEntries(Object.entries(ms).map(([key, value]) => [`${key} ms`, value])) });
  }
  if (!quick) writeFileSync(join(root, "bench/results/web.json"), `${JSON.stringify(all, null, 2)}\n`);
} finally {
  await server.close();
}
