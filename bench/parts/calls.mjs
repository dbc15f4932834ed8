// What people call: the public functions, every heatmap read.
import * as ort from "onnxruntime-node";
import { readHeatmaps, threads } from "../measure.mjs";

/** A detector in the caller's thread, and the same question to it with every heatmap read. */
export async function coreOf({ api }, { bytes, image }, options = {}) {
  const detector = await api.createDetector(bytes, api.createOrtPort(ort, options.port), {
    threads,
    ...options.create,
  });
  return {
    detector,
    explain: (question) => async () => readHeatmaps(await detector.explain(image, question)),
    detect: (question) => () => detector.detect(image, question),
  };
}

/** A number of detections in a photo with four objects: these, then less confident ones, of all levels. */
export function many(count) {
  if (count <= 6) return { confidence: count <= 4 ? 0.25 : 0.12, maxDetections: count };
  return { confidence: 0.001, iou: 0.7, maxDetections: count };
}

export const calls = {
  name: "calls",
  title: "Layer −2: over a plain pass",
  async open(side, subject) {
    const { photo, image, path } = subject;
    const core = await coreOf(side, subject);
    const loaded = await side.api.loadDetector(path, { threads });
    const question = { layer: -2 };
    return {
      actions: {
        path: async () => readHeatmaps(await loaded.explain(photo, question)),
        pixels: async () => readHeatmaps(await loaded.explain(image, question)),
        core: core.explain(question),
        unread: () => core.detector.explain(image, question),
        auto: async () => readHeatmaps(await loaded.explain(photo)),
        detect: core.detect(),
      },
      close: async () => {
        await loaded.dispose();
        await core.detector.dispose();
      },
    };
  },
  rows: [
    { name: "`loadDetector(…).explain(path, { layer: -2 })`, decoding included", of: "path", aim: 1.25 },
    { name: "the same from pixels", of: "pixels", aim: 1.15 },
    { name: "core in the caller's thread", of: "core", aim: 1.1 },
    { name: "the same, heatmap not read", of: "unread" },
    { name: "`loadDetector(…).explain(path)`, decoding included: Grad-CAM at its own layers", of: "auto" },
    { name: "detection alone, core", of: "detect" },
  ],
};

/** One heatmap for each detection. */
function perDetection(method, aims, { worker } = {}) {
  const rowName = (count) => `${method} per detection, ${count} detection${count === 1 ? "" : "s"}`;
  return {
    async open(side, subject) {
      const core = await coreOf(side, subject);
      const questions = aims.map(([count]) => [count, { method, per: "detection", ...many(count) }]);
      const actions = Object.fromEntries(
        questions.map(([count, question]) => [count, exactly(count, core.explain(question))]),
      );
      if (worker === undefined) return { actions, close: () => core.detector.dispose() };
      const loaded = await side.api.loadDetector(subject.path, { threads });
      const question = { method, per: "detection", ...many(worker) };
      actions.worker = exactly(worker, async () => readHeatmaps(await loaded.explain(subject.image, question)));
      return { actions, close: () => Promise.all([loaded.dispose(), core.detector.dispose()]) };
    },
    rows: [
      ...aims.map(([count, aim]) => ({ name: rowName(count), of: `${count}`, ...(aim ? { aim } : {}) })),
      ...(worker === undefined
        ? []
        : [{ name: `${method} per detection through \`loadDetector\`, ${worker} detections`, of: "worker" }]),
    ],
  };
}

/** A photo in which fewer are found would make the row cheaper than its name. */
function exactly(count, explain) {
  return async () => {
    const { maps } = await explain();
    if (maps.length !== count) throw new Error(`Explained ${maps.length} detections. Expected ${count}.`);
  };
}

const named = (name, title, part) => ({ name, title, ...part });

/** One heatmap for each of 1, some and many detections, and for 100 in a part of its own, because it takes seconds. */
const upToHundred = (method, aims, options) => [
  named(method, method, perDetection(method, aims, options)),
  named(`hundred ${method}`, `${method}, 100 detections`, perDetection(method, [[100]])),
];

export const detections = [
  ...upToHundred("tap-fusion-fast", [
    [1, 1.6],
    [4, 2.5],
    [18, 5],
  ]),
  ...upToHundred("tap-fusion", [
    [1, 2],
    [5, 3.5],
    [20, 8],
  ]),
  ...upToHundred(
    "ODAM",
    [
      [1, 1.4],
      [5, 1.8],
      [20, 3],
    ],
    { worker: 5 },
  ),
  named("GradCAM", "Grad-CAM", perDetection("GradCAM", [[1], [5], [20], [100]])),
];

export const tails = {
  name: "tails",
  title: "Methods without a backward pass per detection",
  async open(side, subject) {
    const core = await coreOf(side, subject);
    return {
      actions: {
        ablation: core.explain({ method: "AblationCAM", layer: -2 }),
        eigen: core.explain({ method: "EigenCAM", layer: 17 }),
        detect: core.detect(),
      },
      close: () => core.detector.dispose(),
    };
  },
  rows: [
    { name: "AblationCAM at −2, 512 channels", of: "ablation", aim: 1.5 },
    { name: "EigenCAM at 17", of: "eigen" },
    { name: "EigenCAM at 17, over detection", of: "eigen", aim: 0.1, value: (ms) => (ms.eigen - ms.detect) / ms.plain },
  ],
};

/** Apart from the others: it takes seconds. */
export const recipro = {
  name: "Recipro-CAM",
  title: "Recipro-CAM",
  async open(side, subject) {
    const core = await coreOf(side, subject);
    return { actions: { recipro: core.explain({ method: "Recipro-CAM" }) }, close: () => core.detector.dispose() };
  },
  rows: [{ name: "Recipro-CAM at its own layers", of: "recipro", aim: 5 }],
};

/** Images in a batch of masked images. */
const BATCH = 4;
const FEW = 4;
const MANY = 36;
/** Channels of layer 2, each of which is a mask of Score-CAM. */
const CHANNELS = 64;

export const drise = {
  name: "D-RISE",
  title: "D-RISE",
  plain: { batch: { batch: BATCH } },
  async open(side, subject) {
    const core = await coreOf(side, subject);
    const masks = (samples) => core.explain({ method: "D-RISE", samples });
    return { actions: { few: masks(FEW), many: masks(MANY) }, close: () => core.detector.dispose() };
  },
  rows: [
    {
      name: "D-RISE, one masked image over one of a plain batch",
      of: "many",
      aim: 1.05,
      value: (ms) => (ms.many - ms.few) / (MANY - FEW) / (ms.batch / BATCH),
    },
  ],
};

export const scoreCam = {
  name: "ScoreCAM",
  title: "ScoreCAM",
  plain: { batch: { batch: BATCH } },
  async open(side, subject) {
    const core = await coreOf(side, subject);
    return {
      actions: { score: core.explain({ method: "ScoreCAM", layer: 2 }), detect: core.detect() },
      close: () => core.detector.dispose(),
    };
  },
  rows: [
    {
      name: "ScoreCAM, one masked image over one of a plain batch",
      of: "score",
      aim: 1.05,
      value: (ms) => (ms.score - ms.detect) / CHANNELS / (ms.batch / BATCH),
    },
  ],
};
