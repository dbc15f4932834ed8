import { isClassifyHead, readClassifyHead } from "./classify-head.js";
import { isDetrHead, readDetrHead } from "./detr-head.js";
import type { TorchModule } from "./module.js";
import type { TorchHead } from "./torch-head.js";
import { isUltralyticsHead, readUltralyticsHead } from "./ultralytics-head.js";
import { isYolov5Head, readYolov5Head, writeYolov5Head } from "./yolov5-head.js";

/**
 * The head of a network. Undefined when the module is not a known head.
 * @throws bad-input; unsupported-model when it has unknown parts.
 */
export function readHead(module: TorchModule): TorchHead | undefined {
  if (isClassifyHead(module)) return readClassifyHead(module);
  if (isDetrHead(module)) return readDetrHead(module);
  if (isUltralyticsHead(module)) return readUltralyticsHead(module);
  if (!isYolov5Head(module)) return undefined;
  const head = readYolov5Head(module);
  const { strides, anchors } = head;
  return { strides, anchors, metadata: new Map(), write: (call) => writeYolov5Head(call, head) };
}

/** Whether `readHead` knows modules of this class. */
export function isHead(module: TorchModule): boolean {
  return isYolov5Head(module) || isUltralyticsHead(module) || isDetrHead(module) || isClassifyHead(module);
}
