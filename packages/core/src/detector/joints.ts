import { intsAttribute } from "../onnx/attributes.js";
import type { GraphIndex } from "../onnx/graph.js";
import type { Node } from "../onnx/model.js";
import type { DetectorHead } from "./head.js";
import type { Layer } from "./layer.js";
import { downsampling } from "./stride.js";

const JOINS: ReadonlySet<string> = new Set(["Concat", "Add", "Sum", "Mul"]);

/**
 * Lists the joints of a network whose modules are not known, in file order. Their names are the names of the values. Joints are:
 * - outputs of upsampling, and of ops that join branches of different strides or depths;
 * - maps that such an op, or an op that changes the stride, reads;
 * - the input of a 1×1 convolution directly before the stride changes;
 * - the inputs of the head.
 *
 * The inside of a block has no joints: its branches split and join at the same stride.
 */
export function listJoints(index: GraphIndex, head: DetectorHead): Layer[] {
  const { graph } = index;
  const strides = downsampling(graph, { from: "network" });
  const towardsHead = index.ancestors(head.levels.flatMap((level) => level.convOutputs));
  const convs = graph.nodes.filter(({ opType }) => opType === "Conv").flatMap(({ outputs }) => outputs);
  const afterConv = index.descendants(convs);
  const found = new Set<string>(head.levels.flatMap((level) => level.inputs));
  /** The last join or stride change before a map. All maps of a block share it. */
  const place = new Map<string, Node | undefined>();
  for (const node of index.order) {
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
      // The map between a 1×1 convolution and a strided one (MobileNet, ResNet, SCDown) is inside a block.
      if (before === undefined || step < 1) found.add(map);
    }
    if (isJoin || step < 1) found.add(output);
  }
  const isLayer = (value: string): boolean => found.has(value) && towardsHead.has(value) && afterConv.has(value);
  return graph.nodes
    .flatMap((node) => node.outputs)
    .filter(isLayer)
    .map((value) => ({ index: undefined, name: value, value }));
}

/** The input of the 1×1 convolution that computes `value`, up to normalisation and activation; undefined if there is none. */
function beforePointwise(index: GraphIndex, value: string): string | undefined {
  const queue = [value];
  // Enough steps for BatchNormalization and an activation of a few nodes.
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

/** True if the convolution reads a concatenation: it is then the end of its block. */
function isJoined(index: GraphIndex, conv: Node): boolean {
  return index.producer(conv.inputs[0]!)?.opType === "Concat";
}

const ACTIVATIONS: ReadonlySet<string> = new Set(
  "BatchNormalization Sigmoid Mul Relu LeakyRelu HardSwish HardSigmoid Clip Mish Softplus Tanh Add Div Identity".split(
    " ",
  ),
);
