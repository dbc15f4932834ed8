import { WhyboxError } from "../../errors.js";
import { intAttribute } from "../../onnx/attributes.js";
import { GraphBuilder } from "../../onnx/builder.js";
import { type GraphIndex, indexOf } from "../../onnx/graph.js";
import type { Model, Node, TensorProto } from "../../onnx/model.js";
import { floatsOf, floatTensor, intsOf } from "../../onnx/tensors.js";
import { fixedInput, type RestoreOptions, restoredMetadata } from "../restored.js";
import { buildGflHead } from "./gfl-head.js";

/** NanoDet's input: BGR pixels 0..255, minus the mean, divided by the standard deviation. Source: its config nanodet-g.yml, `normalize`. */
const MEAN_BGR = [103.53, 116.28, 123.675] as const;
const STD_BGR = [57.375, 57.12, 58.395] as const;

/** One output level: a convolution that outputs K class logits, then 4 × bins logits of the box sides. */
interface Level {
  readonly conv: Node;
  readonly classes: number;
  readonly bins: number;
  readonly stride: number;
}

/**
 * Converts NanoDet (the first generation, with the GFL head, as `readTfjs` returns it) to the usual form: input "images"
 * `[batch, 3, h, w]`, RGB 0..1, in the file's size; output "output0" `[batch, 4+K, A]` with box centre and size in input
 * pixels and class probabilities. NanoDet leaves the normalisation of the pixels and the decoding of the boxes to its caller; this adds them to
 * the graph.
 *
 * Source: NanoDet v0.4 (RangiLyu, 2021), NanoDetHead and GFLHead; Li et al., Generalized Focal Loss, NeurIPS 2020.
 * @throws unsupported-model when the graph is not such a NanoDet; usage when the number of `names` is not the number of classes.
 */
export function restoreNanodet(model: Model, options: RestoreOptions = {}): Model {
  const index = indexOf(model.graph);
  const input = fixedInput(model.graph);
  if (input === undefined) throw notNanodet("it needs one input [1, 3, h, w] of fixed size");
  const levels = findLevels(index, input.size);
  const { classes, bins } = levels[0]!;
  const metadata = restoredMetadata(levels.at(-1)!.stride, classes, options);
  const builder = new GraphBuilder("nanodet");
  builder.input("images", ["batch", 3, ...input.size]);
  writeBody(builder, index, input.name, levels);
  buildGflHead(
    builder,
    levels.map(({ conv, stride }) => ({
      logits: conv.outputs[0]!,
      stride,
      grid: [input.size[0] / stride, input.size[1] / stride],
    })),
    { classes, bins },
  );
  return { ...model, metadata, graph: builder.graph("nanodet") };
}

/** The levels, finest first, from the pairs of outputs [1, cells, K] and [1, cells, 4·bins]. */
function findLevels(index: GraphIndex, [H, W]: readonly [number, number]): Level[] {
  const halves = index.graph.outputs.map(({ name, shape }) => ({ ...readHalf(index, name), rows: shape?.[1] }));
  const scores = halves.filter(({ sigmoid }) => sigmoid);
  const levels = scores.map(({ split, port, columns, rows }): Level => {
    const box = halves.find((half) => half.split === split && !half.sigmoid && half.rows === rows);
    const conv = index.producer(split.inputs[0]!);
    const stride = Math.sqrt((H * W) / Number(rows));
    if (port !== 0 || box?.port !== 1 || conv?.opType !== "Conv" || box.columns % 4 !== 0) {
      throw notNanodet(`an output of ${rows} rows is no half of a convolution's classes and box sides`);
    }
    if (!Number.isInteger(stride) || H % stride !== 0 || W % stride !== 0) {
      throw notNanodet(`${rows} rows are no grid on ${W} × ${H} pixels`);
    }
    return { conv, classes: columns, bins: box.columns / 4, stride };
  });
  const kinds = new Set(levels.map(({ classes, bins }) => `${classes} ${bins}`));
  if (kinds.size !== 1 || halves.length !== 2 * levels.length) {
    throw notNanodet(
      `${halves.length} outputs with ${scores.length} class maps, expected a class and a box map for each level`,
    );
  }
  return levels.sort((a, b) => a.stride - b.stride);
}

interface Half {
  readonly split: Node;
  readonly port: number;
  readonly columns: number;
  readonly sigmoid: boolean;
}

/** Follows an output back through Sigmoid and nodes that only move values, to its half of a level's convolution. */
function readHalf(index: GraphIndex, output: string): Half {
  let sigmoid = false;
  for (let value = output; ; ) {
    const node = index.producer(value);
    if (node?.opType === "Split" && intAttribute(node, "axis", 0) === 1) {
      const sizes = index.graph.initializers.get(node.inputs[1] ?? "");
      const port = node.outputs.indexOf(value);
      const columns = sizes === undefined ? undefined : intsOf(sizes)[port];
      if (columns !== undefined) return { split: node, port, columns, sigmoid };
    }
    if (node === undefined || !["Identity", "Transpose", "Reshape", "Sigmoid"].includes(node.opType)) {
      throw notNanodet(`output "${output}" comes from ${node?.opType ?? "no node"}, expected a half of a convolution`);
    }
    if (node.opType === "Sigmoid") sigmoid = true;
    value = node.inputs[0]!;
  }
}

/** All nodes up to the levels' convolutions, applied to pixels in NanoDet's form. */
function writeBody(builder: GraphBuilder, index: GraphIndex, input: string, levels: readonly Level[]): void {
  const needed = index.ancestors(levels.map(({ conv }) => conv.outputs[0]!));
  const rgb = (bgr: readonly [number, number, number]): [number, number, number] => [bgr[2], bgr[1], bgr[0]];
  const [mean, std] = [rgb(MEAN_BGR), rgb(STD_BGR)];
  const scale = builder.floats(
    [3, 1, 1],
    std.map((value) => 255 / value),
    "normalise.scale",
  );
  const shift = builder.floats(
    [3, 1, 1],
    mean.map((value, c) => -value / std[c]!),
    "normalise.shift",
  );
  builder.node("Mul", ["images", scale], ["normalise/scaled"]);
  builder.node("Add", ["normalise/scaled", shift], ["normalise/pixels"]);
  for (const node of index.graph.nodes) {
    if (!needed.has(node.outputs[0] ?? "")) continue;
    const first = node.inputs.includes(input);
    if (first && node.opType !== "Conv") throw notNanodet(`its pixels go into ${node.opType}, expected a convolution`);
    const inputs = node.inputs.map((name, i) => {
      const tensor = index.graph.initializers.get(name);
      if (tensor !== undefined) builder.initializers.set(name, first && i === 1 ? channelsReversed(tensor) : tensor);
      return name === input ? "normalise/pixels" : name;
    });
    builder.nodes.push({ ...node, inputs });
  }
}

/** Converts weights [O, 3, h, w] for BGR to weights for RGB. */
function channelsReversed(weights: TensorProto): TensorProto {
  const [O = 0, C = 0] = weights.dims;
  const source = floatsOf(weights);
  const area = source.length / (O * C);
  const target = new Float32Array(source.length);
  for (let o = 0; o < O; o++) {
    for (let c = 0; c < C; c++) {
      const from = (o * C + C - 1 - c) * area;
      target.set(source.subarray(from, from + area), (o * C + c) * area);
    }
  }
  return floatTensor(weights.name, weights.dims, target);
}

function notNanodet(what: string): WhyboxError {
  return new WhyboxError(
    "unsupported-model",
    `This is not a first-generation NanoDet: ${what}. Export the model to ONNX with its own tools instead.`,
    { details: { reason: what } },
  );
}
