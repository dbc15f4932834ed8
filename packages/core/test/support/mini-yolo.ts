import type { DetectorHead } from "../../src/detector/head.js";
import { listLayers } from "../../src/detector/layers.js";
import type { Model } from "../../src/onnx/model.js";
import { readTfjs } from "../../src/readers/tfjs/read-tfjs.js";
import { restoreYolov5 } from "../../src/readers/yolov5/restore-yolov5.js";
import { writeTfjs } from "../readers/make-yolov5.js";
import { anchorHead } from "./anchor-head.js";

export interface MiniYolo {
  readonly model: Model;
  readonly head: DetectorHead;
  /** Values of the 24 layers, by YOLOv5's numbers. */
  readonly layers: readonly string[];
  /** Each level's own rows, finest first. */
  readonly rows: readonly string[];
}

export const MINI_CLASSES = 4;

/** A YOLOv5 of 2 to 10 channels with made-up weights: all 24 modules, dynamic input and names like an export's. */
export function miniYolo(): MiniYolo {
  const net = { size: [64, 96], depths: [1, 2, 3, 1], levels: 3, classCount: MINI_CLASSES, seed: 1 } as const;
  const { json, bytes } = writeTfjs(net);
  const model = restoreYolov5(readTfjs(JSON.stringify(json), bytes));
  const head = anchorHead(model.graph);
  const layers = listLayers(model.graph, head).map((layer) => layer.value);
  return { model, head, layers, rows: head.levels.map((level) => level.rows!) };
}
