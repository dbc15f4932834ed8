// What a run adds to the runtime: detection + GradCAM + JSON of many images by whybox run's workers, over bare ONNX Runtime on as many threads; and
// what writing PNGs costs. Bare are the passes of the model as it was exported and of the gradients; "own passes" are the ones that the run makes, whose
// forward pass leaves columns of the predictions out. Prints ratios and records them in results/runs.json. --quick: few images, nothing recorded.

import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Worker } from "node:worker_threads";
import * as ort from "onnxruntime-node";
import sharp from "sharp";
import { createDetector, createOrtPort, decodeImage, resolveWeights } from "whybox";
import { execute } from "../packages/node/dist/runs/execute.js";
import { beginRun } from "../packages/node/dist/runs/open-run.js";

const quick = process.argv.includes("--quick");
const root = resolve(import.meta.dirname, "..");
const photo = join(root, "fixtures/photos/dog.jpg");
/** Small images: the network sees 640 × 640 whatever they are, and decoding and measuring large ones is work of its own. */
const WIDTH = process.argv.includes("--photo") ? 768 : 320;
const threads = availableParallelism();
/** Images in a turn, and turns of each kind: the machine's speed changes within seconds, so kinds take turns. */
const TURN = quick ? 8 : 40;
const rounds = quick ? 1 : 12;
/** Turns that are not counted: the first images make the sessions, the next ones are slow until the code is compiled. */
const WARM = quick ? 1 : 2;
const { path: weights } = await resolveWeights("yolov5s");
const explain = {
  ...{
    method: "GradCAM",
    per: "detection",
    layer: "auto",
    classNames: [],
    backwardPerClass: false,
    topk: 10,
    scale: "each",
  },
  ...{ eigenSmooth: false, augSmooth: false, keepTopPercent: 100, compat: false, seed: 0 },
  ...{ confidence: 0.25, iou: 0.45, maxDetections: 1000, agnostic: false },
};
const folder = mkdtempSync(join(tmpdir(), "whybox-bench-"));
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** The same boxes in each, in other bytes: some have rows of two levels beside them, and a longer way back. */
const KINDS = 8;
const jpeg = (i) =>
  sharp(photo)
    .resize(WIDTH)
    .jpeg({ quality: 90 + (i % KINDS) })
    .toBuffer();

/** The passes of each kind of image as their sessions, feeds and outputs: what the runtime alone has to do. */
async function recordPasses() {
  const port = createOrtPort(ort.default ?? ort);
  const models = [];
  const runs = [];
  const tensors = new Map();
  const spy = {
    ...port,
    upload: async (type, dims, data) => {
      const tensor = await port.upload(type, dims, data);
      tensors.set(tensor, { type, dims: [...dims], data: data.slice() });
      return tensor;
    },
    createSession: async (model, options) => {
      const session = await port.createSession(model.slice(), options);
      const index = models.push({ model: model.slice(), options }) - 1;
      return {
        ...session,
        run: async (feeds, outputs) => {
          const kept = {};
          for (const [name, tensor] of Object.entries(feeds)) {
            kept[name] = tensors.get(tensor) ?? {
              type: tensor.type,
              dims: [...tensor.dims],
              data: (await tensor.read()).slice(),
            };
          }
          runs.push({ session: index, feeds: kept, outputs: [...outputs] });
          return session.run(feeds, outputs);
        },
        release: () => session.release(),
      };
    },
  };
  const detector = await createDetector(readFileSync(weights), spy, { threads: 1 });
  const images = [];
  for (let i = 0; i < KINDS; i++) {
    const image = await decodeImage(await jpeg(i));
    await detector.explain(image, explain);
    images.push(runs.splice(0));
  }
  await detector.dispose();
  return { models, images };
}

const replayer = `
  const { parentPort, workerData } = require("node:worker_threads");
  const ort = require("onnxruntime-node");
  const { models, images, threads } = workerData;
  (async () => {
    const options = { intraOpNumThreads: threads, interOpNumThreads: 1, enableMemPattern: false, executionProviders: ["cpu"],
      extra: { session: { force_spinning_stop: "1" } } };
    const sessions = [];
    for (const { model } of models) sessions.push(await ort.InferenceSession.create(model, options));
    const ready = images.map((runs) => runs.map(({ session, feeds, outputs }) => ({
      session: sessions[session], outputs,
      feeds: Object.fromEntries(Object.entries(feeds).map(([name, { type, dims, data }]) => [name, new ort.Tensor(type, data, dims)])),
    })));
    parentPort.on("message", async (count) => {
      for (let i = 0; i < count; i++) for (const { session, feeds, outputs } of ready[i % ready.length]) await session.run(feeds, outputs);
      parentPort.postMessage("done");
    });
    parentPort.postMessage("ready");
  })();
`;

const own = await recordPasses();
const bare = {
  models: [{ model: readFileSync(weights), options: {} }, ...own.models],
  images: own.images.map((runs) => runs.map(exported)),
};

/** The model's own pass in place of the forward pass; the others as they are. */
function exported({ session, feeds, outputs }, i) {
  if (i > 0) return { session: session + 1, feeds, outputs };
  return { session: 0, feeds: { images: Object.values(feeds)[0] }, outputs: ["output0"] };
}
const answer = async (worker) => (await once(worker, "message"))[0];

/** What was done since: images a second, and milliseconds of processor time for each. A machine that others use, too, slows both down alike. */
function meter() {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  return (count) => {
    const { user, system } = process.cpuUsage(cpu);
    return { rate: (1000 * count) / (performance.now() - start), cpu: (user + system) / 1000 / count };
  };
}

/** Turns of the passes alone, by as many sessions of one thread as there are cores. */
async function passes({ models, images }) {
  const workers = Array.from(
    { length: threads },
    () => new Worker(replayer, { eval: true, workerData: { models, images, threads: 1 }, execArgv: [] }),
  );
  await Promise.all(workers.map(answer));
  return {
    turn: async () => {
      const each = Math.ceil(TURN / threads);
      const measured = meter();
      for (const worker of workers) worker.postMessage(each);
      await Promise.all(workers.map(answer));
      return measured(each * threads);
    },
    close: () => Promise.all(workers.map((worker) => worker.terminate())),
  };
}

/** Turns of a run that writes what `save` says. */
async function run(save, name) {
  const out = join(folder, name);
  const quiet = { onProgress() {}, onNotice() {}, onProblem() {}, onListed() {}, onWait() {} };
  const draw = {
    frame: "image",
    colormap: "jet",
    opacity: 0.5,
    hideBoxes: false,
    hideLabels: false,
    sideBySide: false,
  };
  const batch = {
    weights,
    names: undefined,
    device: "cpu",
    threads: 1,
    input: undefined,
    explain,
    save,
    ...draw,
    crop: undefined,
  };
  const signal = new AbortController().signal;
  const opened = await beginRun({
    ...{ version: "bench", cwd: folder, signal, env: process.env, workers: threads, ...quiet },
    inputs: ["images"],
    settings: { batch, threads: 1, vidStride: 1, maxFrames: null, allowPrivate: false },
    listing: { recursive: false, split: "val", images: undefined, stdin: undefined },
    ...{ out, resume: false },
  });
  let turns = 0;
  return {
    /** From the first lines to the last: each turn is a folder of its own, as a shard is. */
    turn: async () => {
      const own = join(out, `turn-${turns}`);
      mkdirSync(own);
      const first = (TURN + threads) * turns++;
      let measured;
      const onProgress = ({ done }) => {
        if (done >= threads) measured ??= meter();
      };
      const work = { manifest: opened.manifest, items: join(out, "items.jsonl"), first, end: first + TURN + threads };
      await execute({ ...work, folder: own, skipMissing: false, signal, onProgress }, opened.explainers);
      return measured(TURN);
    },
    close: () => opened.close(),
  };
}

mkdirSync(join(folder, "images"));
for (let i = 0; i < (rounds + WARM) * (TURN + threads); i++) {
  writeFileSync(join(folder, "images", `${String(i).padStart(5, "0")}.jpg`), await jpeg(i));
}
const kinds = {
  bare: await passes(bare),
  own: await passes(own),
  json: await run([], "json"),
  png: await run(["png"], "png"),
};
const found = { bare: [], own: [], json: [], png: [] };
for (let round = 0; round < rounds + WARM; round++) {
  for (const [name, kind] of Object.entries(kinds)) found[name].push(await kind.turn());
  const words = Object.entries(found).map(
    ([name, all]) => `${name} ${all.at(-1).rate.toFixed(2)}/s ${all.at(-1).cpu.toFixed(0)} ms`,
  );
  console.error(`${round < WARM ? "(warming up) " : ""}${words.join(", ")}`);
}
for (const kind of Object.values(kinds)) await kind.close();
for (const all of Object.values(found)) all.splice(0, WARM);
rmSync(folder, { recursive: true });
const rounded = (value) => Number(value.toFixed(3));
/** Of each round; what is compared was measured one after the other. */
const over = (name, base) => ({
  rate: rounded(median(found[name].map(({ rate }, i) => rate / found[base][i].rate))),
  "processor time": rounded(median(found[name].map(({ cpu }, i) => found[base][i].cpu / cpu))),
});
const results = {
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  cpu: cpus()[0]?.model,
  ...{ threads, rounds, "images in a round": TURN, width: WIDTH },
  "passes an image": own.images.flat().length / KINDS,
  "JSON only / bare": over("json", "bare"),
  "with PNGs / bare": over("png", "bare"),
  "JSON only / own passes": over("json", "own"),
  "images a second, bare": rounded(median(found.bare.map(({ rate }) => rate))),
  "milliseconds of processor an image": Object.fromEntries(
    Object.entries(found).map(([name, all]) => [name, Math.round(median(all.map(({ cpu }) => cpu)))]),
  ),
};
console.log(results);
if (!quick) writeFileSync(join(root, "bench/results/runs.json"), `${JSON.stringify(results, null, 2)}\n`);
