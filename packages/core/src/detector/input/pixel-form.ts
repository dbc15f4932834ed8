import { WhyboxError } from "../../errors.js";
import type { PaddingSide } from "../../image/letterbox.js";
import { GraphIndex } from "../../onnx/graph.js";
import { DataType, type Dim, type Model, type Node } from "../../onnx/model.js";
import type { DetectorHead } from "../head.js";
import { outChannels } from "../heads/head-walk.js";
import { floatInput } from "./float-input.js";
import type { ImageInput } from "./image-input.js";
import { channelsOf, normalisationOf, rangeOf } from "./normalisation.js";
import { prepend } from "./prepend.js";

/** What to feed a model with, where its file does not tell, or tells wrongly. */
export interface InputOptions {
  /** Pixels from 0 to 1 or from 0 to 255. Default: what the graph does to them, else 0..1. */
  readonly range?: 1 | 255;
  /** Order of the channels. Default "rgb"; "bgr" for a YOLOX that is recognised, and where the graph subtracts ImageNet's means in that order. */
  readonly channels?: "rgb" | "bgr";
  /** Grey on both sides of the picture, or at the right and at the bottom only. Default "centre", and "end" for a YOLOX that is recognised. */
  readonly padding?: PaddingSide;
}

/** What a model takes, and how that is known. Whybox feeds RGB planes in 0..1; the graph is given what turns them into this. */
export interface InputFacts {
  readonly name: string;
  readonly layout: "NCHW" | "NHWC";
  /** As the file has it; one picture is run in any case. */
  readonly batch: Dim;
  /** Sides that the file fixes. */
  readonly sides: readonly [height: number | undefined, width: number | undefined];
  readonly range: 1 | 255;
  readonly channels: "rgb" | "bgr";
  readonly padding: PaddingSide;
  /** Where the range is known from: the options, the input's type, what the graph does to its pixels, its structure, or nowhere. */
  readonly rangeFrom: "options" | "type" | "graph" | "yolox" | "default";
}

/** The model with float32 planes for its only input, `[batch, 3, H, W]`; nothing changes for one that has them. */
export function toPlanes(model: Model, { declared, layout, batch, sides, isInteger }: ImageInput): Model {
  const alone = { ...model, graph: { ...model.graph, inputs: [declared] } };
  const floats = isInteger ? floatInput(alone) : alone;
  const [height, width] = layout === "NCHW" ? [2, 3] : [1, 2];
  const dim = (at: number): Dim => declared.shape?.[at] ?? null;
  const info = {
    ...declared,
    elemType: DataType.FLOAT,
    shape: [batch, 3, sides[0] ?? dim(height), sides[1] ?? dim(width)],
  };
  if (layout === "NHWC") {
    return prepend(floats, info, (build, input) => build.op("Transpose", [input], { perm: [0, 2, 3, 1] }));
  }
  return { ...floats, graph: { ...floats.graph, inputs: [info] } };
}

/**
 * What a model's pixels are: as the options say, else as its graph tells.
 * @throws usage for options that cannot be, or that contradict the type of the input.
 */
export function inputFacts(model: Model, head: DetectorHead, input: ImageInput, options: InputOptions): InputFacts {
  check("range", options.range, [1, 255]);
  check("channels", options.channels, ["rgb", "bgr"]);
  check("padding", options.padding, ["centre", "end"]);
  const { name } = input.declared;
  if (input.isInteger && options.range === 1) {
    throw new WhyboxError(
      "usage",
      `The input's range is given as 1, but the model's input "${name}" takes whole numbers: its pixels can only be 0..255. Leave the range out.`,
      { details: { option: "range", input: name } },
    );
  }
  const index = new GraphIndex(model.graph);
  const normalisation = normalisationOf(index, name);
  const told = rangeOf(normalisation);
  const yolox = told === undefined && !input.isInteger && isYolox(index, head, name);
  const [range, rangeFrom] =
    options.range !== undefined
      ? ([options.range, "options"] as const)
      : input.isInteger
        ? ([255, "type"] as const)
        : told !== undefined
          ? ([told, "graph"] as const)
          : yolox
            ? ([255, "yolox"] as const)
            : ([1, "default"] as const);
  return {
    name,
    layout: input.layout,
    batch: input.batch,
    sides: input.sides,
    range,
    channels: options.channels ?? (yolox ? "bgr" : channelsOf(normalisation, range)) ?? "rgb",
    padding: options.padding ?? (yolox ? "end" : "centre"),
    rangeFrom,
  };
}

/** The model of float32 planes with RGB in 0..1 for its input; nothing changes for one that takes them so. */
export function toUnitRgb(model: Model, { name, range, channels }: InputFacts): Model {
  if (range === 1 && channels === "rgb") return model;
  const info = model.graph.inputs.find((input) => input.name === name)!;
  return prepend(model, info, (build, input) => {
    let value = input;
    if (channels === "bgr") {
      const planes = build.ops("Split", [value, build.ints([1, 1, 1])], 3, { axis: 1 });
      value = build.op("Concat", [...planes].reverse(), { axis: 1 });
    }
    return range === 255 ? build.op("Mul", [value, build.float(255)]) : value;
  });
}

/**
 * YOLOX as its authors export it: a stem that folds 2 × 2 pixels into channels (Focus), and per level one convolution each for boxes,
 * objectness and classes. It is trained on BGR in 0..255 with grey at the right and the bottom, and its graph says nothing of that.
 * Ge et al., "YOLOX: Exceeding YOLO Series in 2021"; preproc of the official code since version 0.1.1.
 */
function isYolox(index: GraphIndex, head: DetectorHead, input: string): boolean {
  if (head.kind !== "anchor-free" || !head.hasObjectness) return false;
  if (!head.levels.every((level) => level.convOutputs.length === 3)) return false;
  const stem = index.graph.nodes.find((node) => node.opType === "Concat" && behindSlices(index, node, input));
  const conv = stem && index.consumers(stem.outputs[0]!).find((node) => node.opType === "Conv");
  return conv !== undefined && outChannels(index, conv) !== undefined;
}

/** Whether it joins four slices of the input. */
function behindSlices(index: GraphIndex, { inputs }: Node, input: string): boolean {
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
