import { floatTensor } from "../../onnx/tensors.js";
import { buildDetectHead, type DetectLevel } from "../yolov5/detect-head.js";
import { broken } from "./broken.js";
import type { TorchModule } from "./module.js";
import type { ModuleCall } from "./module-context.js";
import { floatsOfTensor, TorchTensor } from "./tensor.js";

/** Levels and anchors of a head. */
const MAX_LEVELS = 16;
const MAX_ANCHORS = 64;
const MAX_CLASSES = 2 ** 16;

export interface Yolov5Head {
  readonly classCount: number;
  /** Input pixels per cell, level by level. */
  readonly strides: readonly number[];
  /** `[width, height]` in input pixels, level by level. */
  readonly anchors: readonly (readonly (readonly [number, number])[])[];
  /** Number of mask coefficients of each row. 0 without masks. */
  readonly maskCount: number;
  /** Whether each row has the five points of a face (yolov5-face). */
  readonly hasLandmarks: boolean;
}

/** Number of values of the five points of a face. */
const LANDMARKS = 10;

/** Whether the module is the head of a YOLOv5 detection or segmentation model, or of YOLOv7 (IDetect; IAuxDetect has more levels for training). */
export function isYolov5Head({ type }: TorchModule): boolean {
  return (
    ["Detect", "Segment", "IDetect", "IAuxDetect"].includes(type.name) &&
    /(^|\.)models\.yolo$/.test(type.module) &&
    !/^ultralytics\./.test(type.module)
  );
}

/**
 * Reads YOLOv5's Detect or Segment module (v5.0 to v7.0).
 * @throws bad-input; unsupported-model when it has unknown parts.
 */
export function readYolov5Head(head: TorchModule): Yolov5Head {
  head.expectOnly("m", "m2", "ia", "im", "anchors", "anchor_grid", "proto");
  const maskCount = head.type.name === "Segment" ? head.int("nm") : 0;
  const classCount = head.int("nc");
  if (classCount < 1 || classCount > MAX_CLASSES) throw head.odd("nc", `a number of classes from 1 to ${MAX_CLASSES}`);
  if (maskCount < 0 || maskCount > 4096) throw head.odd("nm", "a number of masks from 1 to 4096");
  const cells = head.tensor("anchors");
  const [levels = 0, perLevel = 0, two] = cells.dims;
  if (
    cells.dims.length !== 3 ||
    two !== 2 ||
    levels < 1 ||
    levels > MAX_LEVELS ||
    perLevel < 1 ||
    perLevel > MAX_ANCHORS
  ) {
    throw head.odd("anchors", "a tensor [levels, anchors, 2]", cells);
  }
  const strides = stridesOf(head, levels);
  // v5.0 stores the anchors in pixels too, and decodes with them.
  const grid = head.tensorOrNone("anchor_grid");
  const inPixels = grid?.count === cells.count ? floatsOfTensor(grid) : undefined;
  const values = inPixels ?? floatsOfTensor(cells);
  const anchors = strides.map((stride, level) =>
    Array.from({ length: perLevel }, (_, anchor) => {
      const at = 2 * (level * perLevel + anchor);
      const unit = inPixels === undefined ? stride : 1;
      return [values[at]! * unit, values[at + 1]! * unit] as const;
    }),
  );
  const hasLandmarks = head.attribute("no") === 5 + LANDMARKS + classCount && maskCount === 0;
  return { classCount, strides, anchors, maskCount, hasLandmarks };
}

function stridesOf(head: TorchModule, levels: number): number[] {
  const tensor = head.attribute("stride");
  const strides = tensor instanceof TorchTensor && tensor.count === levels ? [...floatsOfTensor(tensor)] : [];
  if (strides.length === levels && strides.every((stride) => Number.isInteger(stride) && stride >= 1)) return strides;
  throw head.odd("stride", `a tensor of ${levels} whole numbers`, tensor);
}

/** Writes the head: output "output0" `[batch, R, 5+K(+masks)]`, and for masks the prototypes as "output1" `[batch, masks, h, w]`. */
export function writeYolov5Head(call: ModuleCall, facts: Yolov5Head): void {
  const { module, inputs, writer } = call;
  const { classCount, maskCount, hasLandmarks } = facts;
  const convs = module.child("m").items();
  // The inputs after those of the levels serve the training of YOLOv7.
  const wanted = facts.strides.length + (module.childOrNone("m2")?.items().length ?? 0);
  if (inputs.length !== wanted || convs.length !== facts.strides.length) {
    throw broken(
      `${module.label} has ${convs.length} convolutions and ${inputs.length} inputs for ${facts.strides.length} levels`,
    );
  }
  // The prototypes come first, as in Segment.forward.
  const prototypes = maskCount === 0 ? undefined : call.call("proto", inputs[0]!);
  const levels = convs.map((conv, i): DetectLevel => {
    const columns = 5 + classCount + maskCount + (hasLandmarks ? LANDMARKS : 0);
    const dims = [facts.anchors[i]!.length * columns, inputs[i]!.channels, 1, 1];
    const found = conv.tensor("weight");
    if (conv.type.name !== "Conv2d" || found.dims.join() !== dims.join()) {
      throw conv.odd("weight", `a tensor [${dims.join(", ")}]`, found);
    }
    conv.expectOnly("weight", "bias");
    const { weight, bias } = withImplicit(module, i, {
      weight: floatsOfTensor(found),
      bias: conv.floats("bias", dims[0]!),
    });
    return {
      feature: inputs[i]!.value,
      weight: floatTensor("", dims, weight),
      bias: floatTensor("", [dims[0]!], bias),
      stride: facts.strides[i]!,
      anchors: facts.anchors[i]!,
    };
  });
  buildDetectHead(writer.builder, levels, { classCount, maskCount, hasLandmarks, module: module.path });
  if (prototypes !== undefined) {
    writer.builder.node("Identity", [prototypes.value], ["output1"], {}, `${call.scope}/Identity`);
    writer.builder.output("output1", ["batch", prototypes.channels, "mask_height", "mask_width"]);
  }
}

interface Weights {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/**
 * YOLOv7 adds a value to each input channel (ia) and multiplies each output channel (im): (W·(x + a) + b)·m. Its fuse() folds them into the convolution,
 * leaves them in place and sets another forward.
 */
function withImplicit(head: TorchModule, level: number, { weight, bias }: Weights): Weights {
  const isFolded = head.attribute("forward") !== undefined;
  if (isFolded || head.childOrNone("ia") === undefined) return { weight, bias };
  const [out, channels] = [bias.length, weight.length / bias.length];
  const implicit = (name: string, count: number): Float32Array => {
    const module = head.child(name).items()[level];
    if (module === undefined) throw broken(`${head.child(name).label} has no module for level ${level}`);
    module.expectOnly("implicit");
    return module.floats("implicit", count);
  };
  const [added, factors] = [implicit("ia", channels), implicit("im", out)];
  const row = (k: number): Float32Array => weight.subarray(k * channels, (k + 1) * channels);
  return {
    weight: weight.map((value, i) => value * factors[Math.floor(i / channels)]!),
    bias: bias.map((value, k) => (value + row(k).reduce((sum, w, c) => sum + w * added[c]!, 0)) * factors[k]!),
  };
}
