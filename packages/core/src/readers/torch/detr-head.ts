import { broken } from "./broken.js";
import { convolution } from "./convolution.js";
import type { TorchModule } from "./module.js";
import type { ModuleCall } from "./module-context.js";
import type { Feature } from "./network-writer.js";
import type { TorchHead } from "./torch-head.js";
import { activated, addAndNorm, asTokens, layerNorm, linear, perceptron, selfAttention } from "./transformer-parts.js";
import { cellsOf, forEachCell } from "./ultralytics-decode.js";

const MAX_QUERIES = 10_000;
const MAX_LEVELS = 16;
const MAX_CLASSES = 2 ** 16;
const MAX_LAYERS = 64;
/** A logit whose sigmoid is one, even after an offset is added. PyTorch uses infinity, which makes gradients NaN. */
const CERTAIN = 1e4;

interface Facts {
  readonly classCount: number;
  readonly queries: number;
  readonly width: number;
  readonly levels: number;
  /** Number of decoder layers, up to the one that gives the result. */
  readonly depth: number;
}

/** Whether the module is the decoder of RT-DETR. */
export function isDetrHead({ type }: TorchModule): boolean {
  return type.name === "RTDETRDecoder" && /^ultralytics\.nn\.modules(\.head)?$/.test(type.module);
}

/**
 * Reads RT-DETR's decoder, the last layer. Source: Zhao et al., DETRs Beat YOLOs on Real-time Object Detection (CVPR 2024).
 * @throws bad-input; unsupported-model when it has unknown parts.
 */
export function readDetrHead(module: TorchModule): TorchHead {
  const boxes = ["enc_output", "enc_score_head", "enc_bbox_head", "dec_score_head", "dec_bbox_head"];
  module.expectOnly("input_proj", "decoder", "denoising_class_embed", "query_pos_head", ...boxes);
  const decoder = module.child("decoder");
  decoder.expectOnly("layers");
  const last = decoder.int("eval_idx");
  if (last < 0 || last >= MAX_LAYERS) throw decoder.odd("eval_idx", `a whole number from 0 to ${MAX_LAYERS - 1}`);
  const facts = {
    classCount: module.count("nc", MAX_CLASSES),
    queries: module.count("num_queries", MAX_QUERIES),
    width: module.count("hidden_dim", MAX_CLASSES),
    levels: module.count("nl", MAX_LEVELS),
    depth: last + 1,
  };
  const metadata = new Map([
    ["stride", "32"],
    ["task", "detect"],
    ["head", module.type.name],
    ["channels", "3"],
    ["end2end", "False"],
  ]);
  return { metadata, write: (call) => write(call, facts) };
}

/**
 * Writes the decoder: output "output0" `[batch, queries, 4+K]`: box centre and size relative to the input, class
 * probabilities. Queries are the cells with the best score of any class. All of them are in the output, in that order.
 */
function write(call: ModuleCall, facts: Facts): void {
  const { inputs, module, writer } = call;
  const projections = module.child("input_proj").items();
  if (inputs.length !== facts.levels || projections.length !== facts.levels) {
    throw broken(`${module.label} is given ${inputs.length} inputs for ${facts.levels} levels`);
  }
  const maps = projections.map((projection, i) => projected(call, projection, i, facts.width));
  const tokens = maps.map((map) => asTokens(call, map));
  const { embedding, box } = queriesOf(call, maps, tokens, facts);
  const { queries, boxes } = decode(call, { maps, tokens }, embedding, box, facts);
  const scores = linear(
    call,
    `dec_score_head.${facts.depth - 1}`,
    queries,
    itemOf(module, "dec_score_head", facts.depth - 1),
  );
  if (scores.channels !== facts.classCount) {
    throw broken(`${module.label} scores ${scores.channels} classes of ${facts.classCount}`);
  }
  const { builder } = writer;
  const columns = [boxes.value, call.op("Sigmoid", [scores.value], facts.classCount).value];
  builder.node("Concat", columns, ["output0"], { axis: 2 }, writer.numbered(`${call.scope}/Concat`));
  builder.output("output0", ["batch", "queries", 4 + facts.classCount]);
}

function itemOf(module: TorchModule, name: string, index: number): TorchModule {
  const item = module.child(name).items()[index];
  if (item === undefined) throw broken(`${module.child(name).label} has no module ${index}`);
  return item;
}

/** A convolution with normalisation that projects to the decoder's width. */
function projected(call: ModuleCall, projection: TorchModule, i: number, width: number): Feature {
  const [conv, norm, ...more] = projection.items();
  if (conv?.type.name !== "Conv2d" || more.length > 0)
    throw projection.unknown("expected a convolution and its normalisation");
  const outer = call.within(projection, `input_proj.${i}`, [call.inputs[i]!]);
  const y = convolution(outer.within(conv, `input_proj.${i}.0`, [call.inputs[i]!]), norm);
  if (y.channels !== width) throw broken(`${projection.label} gives ${y.channels} channels, expected ${width}`);
  return y;
}

interface Memory {
  readonly maps: readonly Feature[];
  readonly tokens: readonly Feature[];
}

/** The cells with the best scores become queries: their features, and boxes as logits `[N, queries, 4]`. */
function queriesOf(call: ModuleCall, maps: readonly Feature[], tokens: readonly Feature[], { queries, width }: Facts) {
  const { builder } = call.writer;
  const op = (type: string, values: readonly string[], attributes: Parameters<ModuleCall["op"]>[3] = {}) =>
    call.op(type, values, width, attributes).value;
  const cells = op(
    "Concat",
    maps.map((map, level) => anchorsOf(call, map, level)),
    { axis: 0 },
  );
  const least = op("ReduceMin", [cells], { axes: [1], keepdims: 1 });
  const most = op("ReduceMax", [cells], { axes: [1], keepdims: 1 });
  const inside = op("And", [op("Greater", [least, builder.float(0.01)]), op("Less", [most, builder.float(0.99)])]);
  const odds = op("Log", [op("Div", [cells, op("Sub", [builder.float(1), cells])])]);
  const anchors = op("Where", [inside, odds, builder.float(CERTAIN)]);
  const all = op(
    "Concat",
    tokens.map(({ value }) => value),
    { axis: 1 },
  );
  const masked = op("Mul", [op("Cast", [inside], { to: 1 }), all]);
  const features = encoded(call, { value: masked, channels: width });
  const best = op("ReduceMax", [linear(call, "enc_score_head", features).value], { axes: [-1], keepdims: 0 });
  const count = op("Min", [op("Shape", [best], { start: 1, end: 2 }), builder.ints([queries])]);
  const chosen = chosenRows(call, best, count);
  const everywhere = op("Expand", [op("Unsqueeze", [chosen, builder.ints([2])]), builder.ints([1, 1, width])]);
  const rows = op("GatherElements", [features.value, everywhere], { axis: 1 });
  const embedding = { value: rows, channels: width };
  const offsets = perceptron(call, "enc_bbox_head", embedding);
  return { embedding, box: op("Add", [offsets.value, op("Gather", [anchors, chosen], { axis: 0 })]) };
}

function chosenRows(call: ModuleCall, scores: string, count: string): string {
  call.writer.countCall();
  const name = call.writer.numbered(`${call.scope}/TopK`);
  const outputs = [`${name}_output_0`, `${name}_output_1`];
  call.writer.builder.node("TopK", [scores, count], outputs, { axis: 1, largest: 1, sorted: 1 }, name);
  return outputs[1]!;
}

function encoded(call: ModuleCall, x: Feature): Feature {
  const module = call.module.child("enc_output");
  const inner = call.within(module, "enc_output", [x]);
  return layerNorm(inner, "1", linear(inner, "0", x));
}

/** A box for each cell `[h·w, 4]` relative to the input: its centre, and a size that doubles with each level. */
function anchorsOf(call: ModuleCall, map: Feature, level: number): string {
  const { builder } = call.writer;
  const centres = call.op("Add", [cellsOf(call, map), builder.float(0.5)], 2);
  const turned = call.op("Transpose", [centres.value], 2, { perm: [1, 0] });
  const size = call.op("Shape", [map.value], 0, { start: 2, end: 4 });
  const widthFirst = call.op("Gather", [size.value, builder.ints([1, 0])], 2, { axis: 0 });
  const sizes = call.op("Cast", [widthFirst.value], 2, { to: 1 });
  const shares = call.op("Div", [turned.value, sizes.value], 2);
  const extent = forEachCell(call, map, 0.05 * 2 ** level, [2]);
  return call.op("Concat", [shares.value, extent], 4, { axis: 1 }).value;
}

/** The decoder's layers. Each refines the boxes. */
function decode(call: ModuleCall, memory: Memory, embedding: Feature, logits: string, { depth }: Facts) {
  const decoder = call.module.child("decoder");
  const inner = call.within(decoder, "decoder", call.inputs);
  let queries = embedding;
  let boxes = call.op("Sigmoid", [logits], 4);
  for (let i = 0; i < depth; i++) {
    const layer = itemOf(decoder, "layers", i);
    const place = perceptron(call, "query_pos_head", boxes);
    queries = decoderLayer(inner.within(layer, `layers.${i}`, [queries]), queries, boxes, place, memory);
    const moved = perceptron(call, `dec_bbox_head.${i}`, queries, itemOf(call.module, "dec_bbox_head", i));
    if (moved.channels !== 4) throw broken(`${call.module.label} has boxes of ${moved.channels} numbers`);
    boxes = call.op("Sigmoid", [call.op("Add", [moved.value, logit(call, boxes)], 4).value], 4);
  }
  return { queries, boxes };
}

/** log(x/(1 − x)), with numerator and denominator clamped above zero. */
function logit(call: ModuleCall, x: Feature): string {
  const { builder } = call.writer;
  const [least, none, one] = [builder.float(1e-5), builder.float(0), builder.float(1)];
  const share = call.op("Clip", [x.value, none, one], 4).value;
  const rest = call.op("Max", [call.op("Sub", [one, share], 4).value, least], 4).value;
  return call.op("Log", [call.op("Div", [call.op("Max", [share, least], 4).value, rest], 4).value], 4).value;
}

function decoderLayer(call: ModuleCall, x: Feature, boxes: Feature, place: Feature, memory: Memory): Feature {
  const { module } = call;
  const parts = [1, 2, 3].flatMap((i) => [`norm${i}`, `dropout${i}`]);
  module.expectOnly("self_attn", "cross_attn", "linear1", "linear2", "act", "dropout4", ...parts);
  const own = addAndNorm(call, "norm1", x, selfAttention(call, "self_attn", x, place.value));
  const asked = call.add(own, place);
  const seen = addAndNorm(call, "norm2", own, deformable(call, asked, boxes, memory));
  return addAndNorm(call, "norm3", seen, linear(call, "linear2", activated(call, linear(call, "linear1", seen))));
}

/**
 * Each query samples each level at some points around its box, and takes their weighted sum.
 * Source: Zhu et al., Deformable DETR (ICLR 2021), equation 3.
 */
function deformable(layer: ModuleCall, asked: Feature, boxes: Feature, { maps, tokens }: Memory): Feature {
  const module = layer.module.child("cross_attn");
  module.expectOnly("sampling_offsets", "attention_weights", "value_proj", "output_proj");
  const call = layer.within(module, "cross_attn", [asked]);
  const { builder } = call.writer;
  const [heads, points] = [module.int("n_heads"), module.int("n_points")];
  const width = asked.channels;
  if (heads < 1 || points < 1 || points > 256 || width % heads !== 0 || module.int("n_levels") !== maps.length) {
    throw broken(`${module.label} has ${heads} heads of ${width} and ${points} points on ${maps.length} levels`);
  }
  const all = points * maps.length;
  const op = (type: string, values: readonly string[], attributes: Parameters<ModuleCall["op"]>[3] = {}) =>
    call.op(type, values, width, attributes).value;
  const shape = (...dims: readonly number[]) => builder.ints(dims);
  const count = op("Shape", [asked.value], { start: 1, end: 2 });
  const join = (...dims: readonly string[]) => op("Concat", dims, { axis: 0 });
  // Sampling positions: the box's centre plus offsets, relative to half its size.
  const offsets = op("Reshape", [linear(call, "sampling_offsets", asked).value, shape(0, -1, heads, all, 2)]);
  const [centre, size] = call.split(
    { value: op("Reshape", [boxes.value, shape(0, -1, 1, 1, 4)]), channels: 4 },
    [2, 2],
    4,
  );
  const moved = op("Mul", [op("Mul", [offsets, builder.float(0.5 / points)]), size!.value]);
  const place = op("Sub", [op("Mul", [op("Add", [centre!.value, moved]), builder.float(2)]), builder.float(1)]);
  const byHead = op("Transpose", [place], { perm: [0, 2, 1, 3, 4] });
  const places = call.split(
    { value: op("Reshape", [byHead, join(shape(-1), count, shape(all, 2))]), channels: 2 },
    maps.map(() => points),
    2,
  );
  const values = maps.map((map, i) => {
    const value = op("Transpose", [linear(call, "value_proj", tokens[i]!).value], { perm: [0, 2, 1] });
    const extent = op("Shape", [map.value], { start: 2, end: 4 });
    const perHead = op("Reshape", [value, join(shape(-1, width / heads), extent)]);
    call.writer.declare(perHead, [null, width / heads, null, null]);
    const attributes = { align_corners: 0, mode: "bilinear", padding_mode: "zeros" };
    return op("GridSample", [perHead, places[i]!.value], attributes);
  });
  const logits = op("Reshape", [linear(call, "attention_weights", asked).value, shape(0, -1, heads, all)]);
  const weights = op("Transpose", [op("Softmax", [logits], { axis: -1 })], { perm: [0, 2, 1, 3] });
  const weighed = op("Mul", [
    op("Concat", values, { axis: 3 }),
    op("Reshape", [weights, join(shape(-1, 1), count, shape(all))]),
  ]);
  const sum = op("ReduceSum", [weighed, shape(-1)], { keepdims: 0 });
  const seen = op("Transpose", [op("Reshape", [sum, join(shape(-1, width), count)])], { perm: [0, 2, 1] });
  return linear(call, "output_proj", { value: seen, channels: width });
}
