import { WhyboxError } from "../../errors.js";
import type { PaddingSide } from "../../image/letterbox.js";
import { type GraphIndex, indexOf } from "../../onnx/graph.js";
import { DataType, type Dim, type Model, type Node } from "../../onnx/model.js";
import type { FoundHead } from "../find-head.js";
import type { DetectorHead } from "../head.js";
import { outChannels } from "../heads/head-walk.js";
import { floatInput } from "./float-input.js";
import type { ImageInput } from "./image-input.js";
import { channelsOf, normalisationOf, rangeOf } from "./normalisation.js";
import { checkPreparation, type Preparation, type PreparationOptions, preparationOf } from "./preparation.js";
import { prepend } from "./prepend.js";
import type { Preprocessor } from "./preprocessor.js";

/** The image that a model expects, for files that do not declare it or declare it wrongly. */
export interface InputOptions extends PreparationOptions {
  /** Pixels from 0 to 1 or from 0 to 255. Default: the range that the normalisation in the graph expects, else that of the family, else 0..1. */
  readonly range?: 1 | 255;
  /** Order of the channels. Default "rgb"; "bgr" for a recognised YOLOX, for families whose authors do so, and for a graph that subtracts the ImageNet means in that order. */
  readonly channels?: "rgb" | "bgr";
  /** Grey padding on both sides of the image, or only at the right and bottom. Default "centre"; "end" for a recognised YOLOX. */
  readonly padding?: PaddingSide;
}

/** The image that a model expects, and the source of this information. Whybox feeds RGB planes in 0..1 and adds the conversion to the graph. */
export interface InputFacts extends Preparation {
  readonly name: string;
  readonly layout: "NCHW" | "NHWC";
  /** Batch size in the file. Whybox always runs a batch of one image. */
  readonly batch: Dim;
  /** Height and width; undefined unless the file fixes them. */
  readonly sides: readonly [height: number | undefined, width: number | undefined];
  readonly range: 1 | 255;
  readonly channels: "rgb" | "bgr";
  readonly padding: PaddingSide;
  /**
   * Source of the range: the options, the type of the input, the normalisation in the graph, a `preprocessor_config.json`, a recognised YOLOX, the
   * way of the models that have such outputs, or the default.
   */
  readonly rangeFrom: "options" | "type" | "graph" | "preprocessor" | "yolox" | "family" | "default";
}

/** Converts a model to one input of float32 planes `[batch, 3, H, W]`. Does not change a model that already has this input. */
export function toPlanes(model: Model, { declared, layout, batch, isUnbatched, sides, isInteger }: ImageInput): Model {
  const alone = { ...model, graph: { ...model.graph, inputs: [declared] } };
  const floats = isInteger ? floatInput(alone) : alone;
  const [height, width] = layout === "NCHW" ? [2, 3] : [1, 2];
  const dim = (at: number): Dim => declared.shape?.[isUnbatched ? at - 1 : at] ?? null;
  const info = {
    ...declared,
    elemType: DataType.FLOAT,
    shape: [batch, 3, sides[0] ?? dim(height), sides[1] ?? dim(width)],
  };
  if (layout === "NHWC" || isUnbatched) {
    return prepend(floats, info, (build, input) => {
      const moved = layout === "NHWC" ? build.op("Transpose", [input], { perm: [0, 2, 3, 1] }) : input;
      return isUnbatched ? build.op("Squeeze", [moved, build.ints([0])]) : moved;
    });
  }
  return { ...floats, graph: { ...floats.graph, inputs: [info] } };
}

/**
 * Determines the image that a model expects, from the options, else from its graph, a `preprocessor_config.json` and its metadata.
 * @throws usage for invalid options, and for options that contradict the type of the input.
 */
export function inputFacts(
  { model, head }: FoundHead,
  input: ImageInput,
  options: InputOptions,
  preprocessor: Preprocessor | undefined,
): InputFacts {
  checkPreparation(options);
  check("range", options.range, [1, 255]);
  check("channels", options.channels, ["rgb", "bgr"]);
  check("padding", options.padding, ["centre", "end"]);
  const { name } = input.declared;
  if (input.isInteger && options.range === 1) {
    throw new WhyboxError(
      "usage",
      `The input's range is set to 1, but the model's input "${name}" has integer pixels in 0..255. Omit the range.`,
      { details: { option: "range", input: name } },
    );
  }
  const index = indexOf(model.graph);
  const normalisation = normalisationOf(index, name);
  const known = rangeOf(normalisation);
  const isPlain = known === undefined && !input.isInteger;
  const yolox = isPlain && isYolox(index, head, name);
  const family = isPlain ? head.preparation : undefined;
  const [range, rangeFrom] =
    options.range !== undefined
      ? ([options.range, "options"] as const)
      : input.isInteger
        ? ([255, "type"] as const)
        : known !== undefined
          ? ([known, "graph"] as const)
          : preprocessor?.range !== undefined
            ? ([preprocessor.range, "preprocessor"] as const)
            : yolox
              ? ([255, "yolox"] as const)
              : family?.range !== undefined
                ? ([family.range, "family"] as const)
                : ([1, "default"] as const);
  const isInGraph = input.isInteger || known !== undefined;
  const isAlone = input.others.length === 0;
  return {
    ...preparationOf({ model, head, isAlone, isInGraph, range, preprocessor }, options),
    name,
    layout: input.layout,
    batch: input.batch,
    sides: input.sides,
    range,
    channels:
      options.channels ??
      (yolox ? "bgr" : (channelsOf(normalisation, range) ?? preprocessor?.channels)) ??
      family?.channels ??
      "rgb",
    padding: options.padding ?? (yolox ? "end" : "centre"),
    rangeFrom,
  };
}

/** Converts a model of float32 planes to RGB input in 0..1. Does not change a model that already expects this. */
export function toUnitRgb(model: Model, { name, range, channels, mean, std }: InputFacts): Model {
  if (range === 1 && channels === "rgb" && mean === undefined && std === undefined) return model;
  const info = model.graph.inputs.find((input) => input.name === name)!;
  return prepend(model, info, (build, input) => {
    let value = input;
    if (channels === "bgr") {
      const planes = build.ops("Split", [value, build.ints([1, 1, 1])], 3, { axis: 1 });
      value = build.op("Concat", [...planes].reverse(), { axis: 1 });
    }
    if (range === 255) value = build.op("Mul", [value, build.float(255)]);
    if (mean !== undefined) value = build.op("Sub", [value, build.floats([1, 3, 1, 1], mean)]);
    return std === undefined ? value : build.op("Div", [value, build.floats([1, 3, 1, 1], std)]);
  });
}

/**
 * Recognises an original YOLOX export: a stem that folds 2 × 2 pixels into channels (Focus), and for each level one convolution each for boxes,
 * objectness and classes. It is trained on BGR in 0..255 with grey padding at the right and bottom. Its graph does not contain this.
 * Ge et al., "YOLOX: Exceeding YOLO Series in 2021"; preproc of the official code since version 0.1.1.
 */
function isYolox(index: GraphIndex, head: DetectorHead, input: string): boolean {
  if (head.kind !== "anchor-free" || !head.hasObjectness) return false;
  if (!head.levels.every((level) => level.convOutputs.length === 3)) return false;
  const stem = index.graph.nodes.find((node) => node.opType === "Concat" && joinsSlices(index, node, input));
  const conv = stem && index.consumers(stem.outputs[0]!).find((node) => node.opType === "Conv");
  return conv !== undefined && outChannels(index, conv) !== undefined;
}

function joinsSlices(index: GraphIndex, { inputs }: Node, input: string): boolean {
  const fromInput = (value: string): boolean => {
    let name = value;
    for (let step = 0; step < 4 && name !== input; step++) {
      const node = index.producer(name);
      if (node?.opType !== "Slice") return false;
      name = node.inputs[0]!;
    }
    return name === input && value !== input;
  };
  return inputs.length === 4 && inputs.every(fromInput);
}

function check(option: string, value: unknown, valid: readonly unknown[]): void {
  if (value === undefined || valid.includes(value)) return;
  throw new WhyboxError("usage", `The input's ${option} is ${JSON.stringify(value)}; expected ${valid.join(" or ")}.`, {
    details: { option, value },
  });
}
