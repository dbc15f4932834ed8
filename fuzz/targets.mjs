// What is fuzzed: each target has sound files, changes of them, and the reader that they go through.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import * as ort from "onnxruntime-node";
import {
  classNamesIn,
  createDetector,
  createOrtPort,
  decodeImage,
  decodeNpy,
  defaultRules,
  exportMetadataIn,
  preprocessorIn,
  readCheckpoint,
  readModel,
  readTfjsDetector,
  tfjsWeightFiles,
} from "whybox";
import { buildBackwardModel } from "../packages/core/dist/autodiff/backward-model.js";
import { readPreprocessor } from "../packages/core/dist/detector/input/preprocessor.js";
import { parseNames } from "../packages/core/dist/detector/python-names.js";
import { encodeModel } from "../packages/core/dist/onnx/encode.js";
import { loadYaml } from "../packages/node/dist/models/read-names.js";
import { openRun, readRun } from "../packages/node/dist/report/read-run.js";
import { besideFiles, imageFiles, npyFiles, onnxFiles, runFiles, tfjsFiles, torchFiles } from "./corpus.mjs";
import { mutateBytes } from "./mutate/bytes.mjs";
import { mutateImage } from "./mutate/image.mjs";
import { mutateTorch } from "./mutate/pickle.mjs";
import { mutateOnnx } from "./mutate/protobuf.mjs";
import { mutateFiles, mutateJson, mutateLines, mutateText } from "./mutate/text.mjs";
import { readZip } from "./mutate/zip.mjs";

const runtime = createOrtPort(ort);
const once = { threads: 1 };

/** Builds and writes the backward graph from the inputs to the outputs or, where an op has no gradient, to the last convolution. */
function differentiate(model) {
  const { inputs, outputs, nodes } = model.graph;
  const taps = inputs.map(({ name }) => name);
  const request = { taps, rules: defaultRules, manySeeds: true, forwardValues: "saved" };
  const build = (ends) => encodeModel(buildBackwardModel(model, { ...request, outputs: ends }).model);
  try {
    build(outputs.map(({ name }) => name));
  } catch (error) {
    const last = nodes.findLast(({ opType }) => opType === "Conv")?.outputs[0];
    if (error?.code !== "no-gradient" || last === undefined) throw error;
    build([last]);
  }
}

function readTorchFile(bytes) {
  readCheckpoint(bytes);
  differentiate(readModel(bytes));
}

function readTfjsFiles(archive) {
  const files = new Map(readZip(archive).map(({ name, bytes }) => [name, bytes]));
  const json = new TextDecoder().decode(files.get("model.json") ?? new Uint8Array(0));
  tfjsWeightFiles(json);
  differentiate(readTfjsDetector(json, files.get("weights.bin") ?? new Uint8Array(0)));
}

/** Opens a file as a detector: also its head, layers and names, in sessions of ONNX Runtime, and the facts of `whybox inspect`. */
async function openDetector(bytes) {
  const detector = await createDetector(bytes, runtime, once);
  await detector.dispose();
}

const IMAGE = { width: 64, height: 64, data: Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 29) % 256) };

/** A whole explanation of a small image. */
async function explain(bytes) {
  const detector = await createDetector(bytes, runtime, once);
  try {
    const isFixed = detector.facts.input.sides.every((side) => typeof side === "number");
    await detector.explain(IMAGE, { ...(isFixed ? {} : { imageSize: 64 }), topk: 2 });
  } finally {
    await detector.dispose();
  }
}

async function readBeside(bytes, name) {
  const file = { name, text: new TextDecoder().decode(bytes) };
  if (name.endsWith(".json")) readPreprocessor(preprocessorIn(file));
  else if (name.endsWith(".names")) parseNames(file.text);
  else if (name === "metadata.yaml") await exportMetadataIn(file, loadYaml);
  else await classNamesIn(file, loadYaml);
}

async function readFolder(archive) {
  const folder = mkdtempSync(join(tmpdir(), "whybox-fuzz-"));
  try {
    for (const { name, bytes } of readZip(archive)) writeFileSync(join(folder, basename(name)), bytes);
    for await (const _ of readRun(await openRun(folder)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const mutateTfjs = (chance, archive) =>
  mutateFiles(chance, archive, (name, bytes) =>
    name === "model.json" || chance.is(0.05) ? mutateJson(chance, bytes) : mutateBytes(chance, bytes),
  );

const mutateRun = (chance, archive) =>
  mutateFiles(chance, archive, (name, bytes) => (name.endsWith("l") ? mutateLines : mutateJson)(chance, bytes));

const mutateBeside = (chance, bytes, name) => (name.endsWith("json") ? mutateJson : mutateText)(chance, bytes);

const detectorFiles = () => [...onnxFiles(), ...torchFiles()];

const mutateDetector = (chance, bytes, name) => (name.includes(".onnx") ? mutateOnnx : mutateTorch)(chance, bytes);

/** `share`: how many of 100 mutated files. `mutate` makes one change; `run` reads a file and throws if it is refused. */
export const targets = [
  { name: "onnx", share: 42, files: onnxFiles, mutate: mutateOnnx, run: (bytes) => differentiate(readModel(bytes)) },
  { name: "torch", share: 13, files: torchFiles, mutate: mutateTorch, run: readTorchFile },
  { name: "tfjs", share: 6, files: tfjsFiles, mutate: mutateTfjs, run: readTfjsFiles },
  { name: "detector", share: 4, files: detectorFiles, mutate: mutateDetector, run: openDetector },
  { name: "explain", share: 1, files: onnxFiles, mutate: mutateOnnx, run: explain },
  { name: "image", share: 12, files: imageFiles, mutate: mutateImage, run: (bytes) => decodeImage(bytes) },
  { name: "run", share: 8, files: runFiles, mutate: mutateRun, run: readFolder },
  { name: "npy", share: 7, files: npyFiles, mutate: mutateText, run: decodeNpy },
  { name: "beside", share: 7, files: besideFiles, mutate: mutateBeside, run: readBeside },
];

const loaded = new Map();

/** The sound files of a target. Read once. */
export function filesOf(target) {
  if (!loaded.has(target)) loaded.set(target, target.files());
  return loaded.get(target);
}
