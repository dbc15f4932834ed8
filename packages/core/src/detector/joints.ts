import { intsAttribute } from "../onnx/attributes.js";
import { type GraphIndex, topologicalOrder } from "../onnx/graph.js";
import type { Node } from "../onnx/model.js";
import type { DetectorHead } from "./head.js";
import type { Layer } from "./layer.js";
import { downsampling } from "./stride.js";

/** Ops that bring branches together. */
const JOINS: ReadonlySet<string> = new Set(["Concat", "Add", "Sum", "Mul"]);

/**
 * The feature maps that stand out in a network whose modules are not known, in the order of the file, by their values' names: where the
 * stride changes or branches of different strides (or depths) join, what goes up, what such a place reads, the map in front
 * of the 1×1 convolution that squeezes before going up or down, and the head's inputs. The inside of a block, whose branches part and join
 * at one stride, has none.
 */
export function listJoints(index: GraphIndex, head: DetectorHead): Layer[] {
  const { graph } = index;
  const strides = downsampling(graph);
  const towardsHead = index.ancestors(head.levels.flatMap((level) => level.convOutputs));
  const convs = graph.nodes.filter(({ opType }) => opType === "Conv").flatMap(({ outputs }) => outputs);
  const behindConv = index.descendants(convs);
  const found = new Set<string>(head.levels.flatMap((level) => level.inputs));
  /** The place that a map comes from: all maps of a block have one. */
  const place = new Map<string, Node | undefined>();
  for (const node of topologicalOrder(graph.nodes)) {
    const maps = node.inputs.filter((input) => strides.has(input));
    const output = node.outputs[0]!;
    if (maps.length === 0 || !strides.has(output)) continue;
    const from = new Set(maps.map((map) => place.get(map)));
    const isJoin = JOINS.has(node.opType) && from.size > 1;
    const step = strides.get(output)! / strides.get(maps[0]!)!;
    const isStep = step !== 1;
    for (const value of node.outputs) place.set(value, isJoin || isStep ? node : [...from][0]);
    if (!isJoin && !isStep) continue;
    for (const map of maps) {
      const before = isStep ? beforePointwise(index, map) : undefined;
      if (before !== undefined) found.add(before);
      // What a 1×1 convolution widens or narrows before a strided one (MobileNet, ResNet, SCDown) is the inside of a block.
      if (before === undefined || step < 1) found.add(map);
    }
    if (isJoin || step < 1) found.add(output);
  }
  const isLayer = (value: string): boolean => found.has(value) && towardsHead.has(value) && behindConv.has(value);
  return graph.nodes
    .flatMap((node) => node.outputs)
    .filter(isLayer)
    .map((value) => ({ index: undefined, name: value, value }));
}

/** What the 1×1 convolution reads whose (normalised, activated) output `value` is; undefined when it is of another kind. */
function beforePointwise(index: GraphIndex, value: string): string | undefined {
  const queue = [value];
  // Conv, BatchNormalization, and an activation of two nodes or so.
  for (let i = 0; i < 6 && queue.length > 0; i++) {
    const node = index.producer(queue.shift()!);
    if (node?.opType === "Conv") return isPointwise(node) && !isJoined(index, node) ? node.inputs[0]! : undefined;
    if (node !== undefined && ACTIVATIONS.has(node.opType)) {
      queue.push(...node.inputs.filter((input) => index.producer(input) !== undefined));
    }
  }
  return undefined;
}

function isPointwise(conv: Node): boolean {
  const [kernel, strides] = ["kernel_shape", "strides"].map((name) => intsAttribute(conv, name));
  return kernel?.every((side) => side === 1) === true && (strides ?? []).every((stride) => stride === 1);
}

/** Behind a concatenation the convolution is the end of its block. */
function isJoined(index: GraphIndex, conv: Node): boolean {
  return index.producer(conv.inputs[0]!)?.opType === "Concat";
}

const ACTIVATIONS: ReadonlySet<string> = new Set(
  "BatchNormalization Sigmoid Mul Relu LeakyRelu HardSwish HardSigmoid Clip Mish Softplus Tanh Add Div Identity".split(
    " ",
  ),
);
