// One network, the detections of an image that are measured, and the figures of a map. The arithmetic is that of the option `measure`.
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { createDetector, createOrtPort, letterbox } from "whybox";
import { ChangedImages } from "../../packages/core/dist/explain/measure/changed-images.js";
import { openSubjects } from "../../packages/core/dist/explain/measure/measured-subject.js";
import { PROTOCOL_A, PROTOCOL_B, PROTOCOL_C, PROTOCOL_W } from "../../packages/core/dist/explain/measure/protocols.js";
import { loadModel } from "../../packages/core/dist/explain/model/load-model.js";
import { fitImage } from "../../packages/core/dist/explain/passes/fit-image.js";
import { runForward } from "../../packages/core/dist/explain/passes/forward-pass.js";
import { DetectorPlans } from "../../packages/core/dist/explain/plan/detector-plans.js";
import { Progress } from "../../packages/core/dist/explain/progress.js";
import { openModel } from "../../packages/core/dist/readers/open-model.js";
import { BASELINES, OPTIONS } from "./rows.mjs";

const PROTOCOLS = { A: PROTOCOL_A, B: PROTOCOL_B, C: PROTOCOL_C, W: PROTOCOL_W };
const CONFIDENCE = 0.4;
const SEED = 0;
/** Shares of the image at which a box stops being small, and medium. */
const SIZES = { small: 0.04, medium: 0.16 };

export async function openNetwork({ path, imageSize }, threads) {
  const bytes = readFileSync(path);
  const port = createOrtPort(ort);
  const detector = await createDetector(bytes, port, { threads });
  const loaded = await loadModel(await openModel(bytes, undefined), port, { threads });
  const plans = new DetectorPlans({ ...loaded, lazy: undefined });
  const detected = { confidence: CONFIDENCE, ...(imageSize ? { imageSize: [imageSize, imageSize] } : {}) };
  const options = (row) => ({ ...detected, method: row, per: "detection", ...OPTIONS[row] });
  const network = { detector, loaded, plan: plans.detection(detected), detected, options };
  return {
    detector,
    options,
    plainPass: (image) => forwardPass(network, image),
    openImage: (image, number) => openImage(network, image, number),
    dispose: async () => {
      await detector.dispose();
      await loaded.sessions.dispose();
    },
  };
}

/** The first or second detection of an image that is measured, and the figures of a row for it. */
async function openImage(network, image, number) {
  const { detector, loaded, detected } = network;
  const { detections } = await detector.detect(image, detected);
  const chosen = chooseDetections(detections, image)[number];
  if (chosen === undefined) return { detection: null };
  const forward = await forwardPass(network, image);
  const job = { loaded, options: { seed: SEED }, signal: undefined, progress: new Progress() };
  const [subject] = await openSubjects(new ChangedImages(job, forward), [chosen], Object.values(PROTOCOLS));
  if (subject === undefined) return { detection: null };
  return {
    detection: aboutDetection(chosen, image),
    measure: async (row) => figuresOf(subject, await valuesOf({ ...network, image, forward }, row, chosen)),
  };
}

async function forwardPass({ loaded, plan, detected }, image) {
  const fitted = fitImage(loaded, image, detected);
  const pixels = letterbox(image, fitted.letterbox);
  const request = { plan, letterbox: fitted.letterbox, pixels, keepsInput: true, signal: undefined };
  const forward = await runForward(loaded, request);
  for (const tensor of Object.values(forward.tensors)) tensor.dispose();
  return forward;
}

/**
 * The surest detection, and one more: the surest of another class and size, else of another size, else the next. So neither one class nor one
 * size fills the table. It does not depend on any map.
 */
function chooseDetections(detections, image) {
  const [first, ...others] = detections;
  if (first === undefined) return [];
  const size = (one) => aboutDetection(one, image).size;
  const isOther = (one) => size(one) !== size(first);
  const second =
    others.find((one) => isOther(one) && one.className !== first.className) ?? others.find(isOther) ?? others[0];
  return second === undefined ? [first] : [first, second];
}

function aboutDetection({ index, className, confidence, levelName, boxImage: box }, { height, width }) {
  const share = ((box.x2 - box.x1) * (box.y2 - box.y1)) / (height * width);
  const size = share < SIZES.small ? "small" : share <= SIZES.medium ? "medium" : "large";
  return { index, className, confidence, level: levelName, share, size };
}

/** The map of a detection over the network's input. A method that gives nothing for it is measured as a map without heat. */
async function valuesOf({ detector, options, image, forward }, row, { index, boxInput }) {
  const [height, width] = forward.letterbox.inputSize;
  if (BASELINES[row]) return BASELINES[row]([height, width], boxInput);
  const { maps } = await detector.explain(image, { ...options(row), detections: [index], frames: "both" });
  return maps[0]?.heatmapInput.data ?? new Float32Array(height * width);
}

/** Over-all scores of each protocol, and the smallest region that restores half of the score, over the area of the box. */
async function figuresOf(subject, values) {
  const orders = subject.ordersOf(values, SEED);
  const curves = await subject.curves(orders, Object.values(PROTOCOLS));
  const search = { protocol: PROTOCOL_A, curve: curves[0].insertion, orders };
  const region = subject.overBox(await subject.region("insertion", search));
  return { ...Object.fromEntries(Object.keys(PROTOCOLS).map((key, i) => [key, curves[i].overAll])), region };
}
