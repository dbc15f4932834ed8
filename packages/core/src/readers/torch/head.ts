import { isDetrHead, readDetrHead } from "./detr-head.js";
import type { TorchModule } from "./module.js";
import type { ModuleCall } from "./module-context.js";
import { isUltralyticsHead, readUltralyticsHead } from "./ultralytics-head.js";
import { isYolov5Head, readYolov5Head, writeYolov5Head } from "./yolov5-head.js";

/** The last layer of a network: what it says of itself, and how it is written. */
export interface TorchHead {
  /** Input pixels per cell, level by level; undefined where rows do not belong to cells. */
  readonly strides?: readonly number[];
  /** `[width, height]` in input pixels, level by level; undefined where the head has none. */
  readonly anchors?: readonly (readonly (readonly [number, number])[])[];
  /** What the official export writes as metadata besides names and, where there are several, the largest stride. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Writes the nodes and declares the graph's outputs. */
  write(call: ModuleCall): void;
}

/**
 * The head of a network; undefined where the module is none that is known.
 * @throws bad-input; unsupported-model when it has parts that such heads have not.
 */
export function readHead(module: TorchModule): TorchHead | undefined {
  if (isDetrHead(module)) return readDetrHead(module);
  if (isUltralyticsHead(module)) return readUltralyticsHead(module);
  if (!isYolov5Head(module)) return undefined;
  const head = readYolov5Head(module);
  const { strides, anchors } = head;
  return { strides, anchors, metadata: new Map(), write: (call) => writeYolov5Head(call, head) };
}

/** Whether `readHead` knows modules of this class. */
export function isHead(module: TorchModule): boolean {
  return isYolov5Head(module) || isUltralyticsHead(module) || isDetrHead(module);
}
