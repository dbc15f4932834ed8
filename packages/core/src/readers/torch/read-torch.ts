import { pythonDict } from "../../detector/python-names.js";
import type { Model } from "../../onnx/model.js";
import { broken } from "./broken.js";
import { type OpenCheckpoint, openCheckpoint } from "./checkpoint.js";
import { readHead } from "./head.js";
import type { TorchModule } from "./module.js";
import { buildNetwork } from "./network.js";
import { type PlainValue, toPlain } from "./plain.js";
import { storedPrecision } from "./stored-precision.js";
import type { PickleValue } from "./values.js";

const OPSET = 17;
const IR_VERSION = 8;
/** Float32 weights take twice the bytes of a half precision file. */
const GROWTH = 4;
const SMALL_FILE = 2 ** 24;
const MAX_NAMES = 2 ** 16;
const MAX_WORD = 100;
const MAX_LICENCE = 1000;
/** Maximum side of an input in the arguments of the training. */
const MAX_SIDE = 8192;
/** Maximum number of characters of all class names together: a pickle can hold one long name many times. */
const MAX_LETTERS = 2 ** 20;

/**
 * Reads a YOLO checkpoint (`best.pt`, as written by training) and converts it to an ONNX model in the form of the official
 * export: BatchNorm folded, weights in float32, the same node and value names, input "images" `[batch, 3, height,
 * width]` for every size that is a multiple of the largest stride, boxes in input pixels, stride and class names as metadata.
 *
 * YOLOv5 (v5.0 to v7.0): "output0" `[batch, R, 5+K]`, followed by mask coefficients. Ultralytics' YOLOv3u, v5u, v6, v8 to
 * v10, 11, 12 and 26: "output0" `[batch, 4+K, A]`, followed by mask coefficients, keypoints or the angle. End-to-end
 * models (YOLOv10, YOLO26) output the columns from which their export selects the best 300, with boxes as corners, and have "end2end" in
 * the metadata. Segmentation models have their prototypes as "output1". Classifiers: "output0" `[batch, K]`.
 *
 * The pickle inside is read as data: nothing in it is ever executed. Weights that need no
 * conversion are views into `bytes`: do not change the array afterwards.
 *
 * @throws bad-input when the file is broken; unsupported-model when it has no network or unknown modules, naming the
 * first; limit when the model would be far larger than the file.
 */
export function readTorch(bytes: Uint8Array): Model {
  const { model, entries } = openCheckpoint(bytes);
  const { graph, head } = buildNetwork(model, GROWTH * bytes.length + SMALL_FILE);
  const names = classNames(model);
  const metadata = new Map([...head.metadata, ["description", descriptionOf(model)]]);
  const [version, licence] = [textEntry(entries, "version"), textEntry(entries, "license")];
  const side = head.metadata.get("task") === "classify" ? trainedSide(entries) : undefined;
  if (side !== undefined) metadata.set("imgsz", `[${side}, ${side}]`);
  if (version !== undefined) metadata.set("version", version.slice(0, MAX_WORD));
  if (licence !== undefined) metadata.set("license", licence.slice(0, MAX_LICENCE));
  if (head.strides !== undefined) metadata.set("stride", String(Math.max(...head.strides)));
  if (names !== undefined) metadata.set("names", pythonDict(names));
  return {
    irVersion: IR_VERSION,
    filePrecision: storedPrecision(model),
    opsets: new Map([["", OPSET]]),
    producerName: "whybox",
    producerVersion: "",
    metadata,
    graph,
  };
}

/** The side of the images of the training. */
function trainedSide(entries: OpenCheckpoint["entries"]): number | undefined {
  const found = entries.get("train_args");
  const side = found instanceof Map ? found.get("imgsz") : undefined;
  return typeof side === "number" && Number.isInteger(side) && side >= 1 && side <= MAX_SIDE ? side : undefined;
}

/** "ultralytics.nn.tasks.PoseModel (yolo26n-pose.yaml)". */
function descriptionOf(model: TorchModule): string {
  const yaml = model.attribute("yaml");
  const named = yaml instanceof Map ? yaml.get("yaml_file") : undefined;
  // Only the last part of a path: the rest describes the machine where the model was trained.
  const given = typeof named === "string" ? named : model.attribute("yaml_file");
  const file = typeof given === "string" ? given.slice(-MAX_WORD).split(/[\\/]/).at(-1) : undefined;
  return `${model.type.path.slice(0, MAX_WORD)}${file ? ` (${file})` : ""}`;
}

/** The description of a checkpoint. */
export interface TorchCheckpoint {
  /** The format of torch.save: a zip archive (PyTorch 1.6 and newer), or the older format. */
  readonly container: "zip" | "legacy";
  /** The entry with the network that `readTorch` uses: the running average, else the model, or the file itself. */
  readonly from: "ema" | "model" | "file";
  /** Python class of the network, such as "models.yolo.DetectionModel". */
  readonly modelClass: string;
  /** Class of the last layer, such as "models.yolo.Detect". */
  readonly headClass: string | undefined;
  readonly names: readonly string[] | undefined;
  /** Input pixels per cell, level by level. Undefined when the head is unknown. */
  readonly strides: readonly number[] | undefined;
  /** Anchors `[width, height]` in input pixels, level by level. Undefined when the head has none. */
  readonly anchors: readonly (readonly (readonly [number, number])[])[] | undefined;
  /** The architecture from the yaml, as JSON values. Other values are text. */
  readonly yaml: PlainValue | undefined;
  readonly epoch: number | undefined;
  readonly date: string | undefined;
}

/**
 * Describes a checkpoint without building its network. Also works for networks with unknown modules.
 * @throws bad-input; unsupported-model when it contains no network.
 */
export function readCheckpoint(bytes: Uint8Array): TorchCheckpoint {
  const { container, from, model, entries } = openCheckpoint(bytes);
  const last = model.childOrNone("model")?.items().at(-1);
  const head = last === undefined ? undefined : readHead(last);
  const yaml = model.attribute("yaml");
  return {
    container,
    from,
    modelClass: model.type.path,
    headClass: last?.type.path,
    names: classNames(model),
    strides: head?.strides,
    anchors: head?.anchors,
    yaml: yaml === undefined ? undefined : toPlain(yaml),
    epoch: numberEntry(entries, "epoch"),
    date: textEntry(entries, "date"),
  };
}

function numberEntry(entries: OpenCheckpoint["entries"], key: string): number | undefined {
  const value = entries.get(key);
  return typeof value === "number" ? value : undefined;
}

function textEntry(entries: OpenCheckpoint["entries"], key: string): string | undefined {
  const value = entries.get(key);
  return typeof value === "string" ? value : undefined;
}

/** `names` of the network: a list, or a dict from index to name. @throws bad-input when indices are missing. */
function classNames(model: TorchModule): string[] | undefined {
  const names = model.attribute("names");
  if (names === undefined || names === null) return undefined;
  const list =
    names instanceof Map && names.size <= MAX_NAMES
      ? Array.from({ length: names.size }, (_, i) => names.get(i))
      : names;
  if (!Array.isArray(list) || list.length > MAX_NAMES) throw model.odd("names", "a list of class names");
  const words = list.map((name: PickleValue | undefined, i) => {
    if (typeof name === "string" || typeof name === "number") return String(name);
    throw broken(`${model.label} has no name for class ${i}`);
  });
  if (words.reduce((sum, word) => sum + word.length, 0) <= MAX_LETTERS) return words;
  throw model.odd("names", `class names of at most ${MAX_LETTERS} characters in total`);
}
