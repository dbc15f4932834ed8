import { intsAttribute } from "../../onnx/attributes.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { RawFacts } from "./raw-family.js";
import type { RawLevels } from "./raw-levels.js";

/**
 * Which of Darknet's networks a body is. All have LeakyReLU in their necks; YOLOv4's body has Mish. YOLOv7-tiny has LeakyReLU too, but three levels
 * and a first convolution of stride 2.
 */
export function darknetBody({ graph }: GraphIndex, { levels }: RawLevels): RawFacts["darknet"] {
  const has = (opType: string): boolean => graph.nodes.some((node) => node.opType === opType);
  if (!has("LeakyRelu")) return undefined;
  if (levels.length === 1) return levels[0]!.stride === 32 ? "yolov2" : undefined;
  const first = graph.nodes.find(({ opType }) => opType === "Conv");
  const isWhole = first !== undefined && (intsAttribute(first, "strides")?.[0] ?? 1) === 1;
  if (levels.length === 2) return isWhole ? "yolov3-tiny" : "yolov4-tiny";
  if (levels.length !== 3 || !isWhole) return undefined;
  return has("Softplus") || has("Mish") ? "yolov4" : "yolov3";
}
