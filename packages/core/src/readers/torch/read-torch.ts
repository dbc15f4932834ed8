import type { Model } from "../../onnx/model.js";
import { namesAsPythonDict } from "../yolov5/restore-yolov5.js";
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
/** Weights in float32 take twice the bytes of a file in half precision. */
const GROWTH = 4;
const SMALL_FILE = 2 ** 24;
const MAX_NAMES = 2 ** 16;
const MAX_WORD = 100;
/** Letters of all class names together: a pickle can hold one long name many times. */
const MAX_LETTERS = 2 ** 20;

/**
 * Reads a YOLO checkpoint (`best.pt`, as training writes it) and makes an ONNX model of it, of the shape that the official
 * export gives: BatchNorm folded, weights in float32, the same node and value names, input "images" `[batch, 3, height,
 * width]` for every size that is a multiple of the largest stride, boxes in input pixels, stride and class names as metadata.
 *
 * YOLOv5 (v5.0 to v7.0): "output0" `[batch, R, 5+K]`, mask coefficients behind the classes. Ultralytics' YOLOv3u, v5u, v6, v8 to
 * v10, 11, 12 and 26: "output0" `[batch, 4+K, A]`, behind the classes mask coefficients, keypoints or the angle. End-to-end
 * models (YOLOv10, YOLO26) give the columns from which their export picks the best 300, boxes as corners, and "end2end" as
 * metadata. Segmentation models have their prototypes as "output1".
 *
 * The pickle inside is read as data: nothing of it is ever executed. Weights that need no
 * change are views into `bytes`: do not change the array afterwards.
 *
 * @throws bad-input when the file is broken; unsupported-model when it has no network or one of other modules, naming the
 * first; limit when it would grow out of all proportion.
 */
export function readTorch(bytes: Uint8Array): Model {
  const { model, entries } = openCheckpoint(bytes);
  const { graph, head } = buildNetwork(model, GROWTH * bytes.length + SMALL_FILE);
  const names = classNames(model);
  const metadata = new Map([...head.metadata, ["description", descriptionOf(model)]]);
  const version = textEntry(entries, "version");
  if (version !== undefined) metadata.set("version", version.slice(0, MAX_WORD));
  if (head.strides !== undefined) metadata.set("stride", String(Math.max(...head.strides)));
  if (names !== undefined) metadata.set("names", namesAsPythonDict(names));
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

/** "ultralytics.nn.tasks.PoseModel (yolo26n-pose.yaml)". */
function descriptionOf(model: TorchModule): string {
  const yaml = model.attribute("yaml");
  const named = yaml instanceof Map ? yaml.get("yaml_file") : undefined;
  // Of a path its last part: the rest tells of the machine where it was trained.
  const given = typeof named === "string" ? named : model.attribute("yaml_file");
  const file = typeof given === "string" ? given.slice(-MAX_WORD).split(/[\\/]/).at(-1) : undefined;
  return `${model.type.path.slice(0, MAX_WORD)}${file ? ` (${file})` : ""}`;
}

/** What a checkpoint says of itself. */
export interface TorchCheckpoint {
  /** How torch.save wrote it: as a zip archive (PyTorch 1.6 and newer), or in the format before that. */
  readonly container: "zip" | "legacy";
  /** Where the network that `readTorch` takes lies: the running average before the model, or the file itself. */
  readonly from: "ema" | "model" | "file";
  /** Python class of the network, such as "models.yolo.DetectionModel". */
  readonly modelClass: string;
  /** Class of the last layer, such as "models.yolo.Detect". */
  readonly headClass: string | undefined;
  readonly names: readonly string[] | undefined;
  /** Input pixels per cell, level by level; undefined where the head is not known. */
  readonly strides: readonly number[] | undefined;
  /** `[width, height]` in input pixels, level by level; undefined where the head has none. */
  readonly anchors: readonly (readonly (readonly [number, number])[])[] | undefined;
  /** The architecture as the yaml had it: JSON values; what is none is text. */
  readonly yaml: PlainValue | undefined;
  readonly epoch: number | undefined;
  readonly date: string | undefined;
}

/**
 * What a checkpoint says of itself, without building its network: for networks of unknown modules too.
 * @throws bad-input; unsupported-model when there is no network in it.
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
  throw model.odd("names", `class names of at most ${MAX_LETTERS} letters in all`);
}
