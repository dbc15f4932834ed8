import { isDetrHead, readDetrHead } from "./detr-head.js";
import type { TorchModule } from "./module.js";
import type { ModuleCall } from "./module-context.js";
import { isUltralyticsHead, readUltralyticsHead } from "./ultralytics-head.js";
import { isYolov5Head, readYolov5Head, writeYolov5Head } from "./yolov5-head.js";

/** The last layer of a network: its properties, and how to write it. */
export interface TorchHead {
  /** Input pixels per cell, level by level. Undefined when rows do not belong to cells. */
  readonly strides?: readonly number[];
  /** Anchors `[width, height]` in input pixels, level by level. Undefined when the head has none. */
  readonly anchors?: readonly (readonly (readonly [number, number])[])[];
  /** Metadata that the official export writes in addition to the names and the largest stride. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Writes the nodes and declares the graph's outputs. */
  write(call: ModuleCall): void;
}

/**
 * The head of a network. Undefined when the module is not a known head.
 * @throws bad-input; unsupported-model when it has unknown parts.
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
