import { keepsNothing } from "../keeps-nothing.js";
import { resizeBilinear } from "../kernels/resample.js";
import type { Map2D } from "../tensor/tensor.js";
import type { CamMethod, ClassMap } from "./method.js";

/** Number of cells along each side of the original's map. */
const ORIGINAL_SIZE = 23;

/**
 * The detector's own class probabilities, averaged over its levels: where does it see the class?
 *
 * `cam = mean over levels of p[k]`, where `p` `[K, h, w]` is the class probability without objectness, the maximum over anchors, resized to the finest level. The class is that of the
 * detection. With several detections, it is the maximum over their classes. No extra pass, no gradient, no layer: an instant preview. One map per class, not per box.
 *
 * The original, in OpenVINO's tools, resizes every level to 23 × 23 and applies a softmax over the classes' raw outputs after averaging. YOLO trains each class independently, and
 * 23 × 23 skips cells of the finer levels. So neither is done here. `compat: true` does both.
 *
 * DetClassProbabilityMap, OpenVINO Explainable AI Toolkit (openvino_xai), 2023.
 */
export const detClassProbabilityMap: CamMethod<"classMaps" | "places"> = keepsNothing({
  id: "DetClassProbabilityMap",
  aliases: ["det-class-probability-map", "class-probability-map"],
  title: "Class probability map",
  paper: "OpenVINO Explainable AI Toolkit, 2023",
  needs: ["classMaps", "places"],
  reads: "network",
  hasCompat: true,
  map({ classMaps, places, compat }) {
    const [, finestHeight, finestWidth] = classMaps[0]!.probabilities.dims as [number, number, number];
    const [height, width] = compat ? [ORIGINAL_SIZE, ORIGINAL_SIZE] : [finestHeight, finestWidth];
    const classes = [...new Set(places.map((place) => place.classIndex))];
    const data = new Float32Array(height * width);
    const take = ({ data: found }: Map2D): void => {
      for (let i = 0; i < data.length; i++) data[i] = Math.max(data[i]!, found[i]!);
    };
    if (compat) {
      const shares = softmaxOverClasses(classMaps, height, width);
      for (const k of classes) take({ height, width, data: shares(k) });
    } else for (const k of classes) take({ height, width, data: meanOfLevels(classMaps, k, height, width) });
    return { height, width, data };
  },
});

function meanOfLevels(
  maps: readonly ClassMap[],
  classIndex: number,
  height: number,
  width: number,
  of: (probability: number) => number = (p) => p,
): Float32Array {
  const mean = new Float32Array(height * width);
  for (const { probabilities, classIndices } of maps) {
    const [, h, w] = probabilities.dims as [number, number, number];
    const k = classIndices.indexOf(classIndex);
    if (k === -1) continue;
    const level = { height: h, width: w, data: probabilities.data.slice(k * h * w, (k + 1) * h * w).map(of) };
    const resized = resizeBilinear(level, height, width).data;
    for (let i = 0; i < mean.length; i++) mean[i]! += resized[i]! / maps.length;
  }
  return mean;
}

/** The network's raw output: the logit, which is finite even for probabilities that round to 0 or 1. */
function logit(probability: number): number {
  const p = Math.min(Math.max(probability, 1e-7), 1 - 1e-7);
  return Math.log(p / (1 - p));
}

function softmaxOverClasses(maps: readonly ClassMap[], height: number, width: number): (k: number) => Float32Array {
  const outputs = new Map(maps[0]!.classIndices.map((k) => [k, meanOfLevels(maps, k, height, width, logit)]));
  const total = new Float64Array(height * width);
  for (const output of outputs.values()) for (let i = 0; i < total.length; i++) total[i]! += Math.exp(output[i]!);
  return (k) =>
    (outputs.get(k) ?? new Float32Array(total.length).fill(-Infinity)).map((o, i) => Math.exp(o) / total[i]!);
}
