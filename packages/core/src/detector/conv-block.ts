import type { GraphIndex } from "../onnx/graph.js";
import type { Node } from "../onnx/model.js";

/** A convolution with the normalisation and the activation behind it, as far as they are there. */
export interface ConvBlock {
  readonly conv: Node;
  readonly norm: Node | undefined;
  /** One node, or the few that compute x · sigmoid(x) and its kin, in the order of the data. */
  readonly activation: readonly Node[];
  readonly output: string;
}

const ACTIVATIONS: ReadonlySet<string> = new Set(["Relu", "LeakyRelu", "HardSwish", "Mish", "Elu", "Swish"]);
const GATES: ReadonlySet<string> = new Set(["Sigmoid", "HardSigmoid", "Softplus", "Tanh", "Clip", "Add", "Div"]);
/** Ops of a gate at most; that of hardswish, clip(x + 3, 0, 6) / 6, has three. */
const MAX_GATE = 4;

/** The block that a convolution begins. */
export function readConvBlock(index: GraphIndex, conv: Node): ConvBlock {
  const norm = index.consumers(conv.outputs[0]!).find(({ opType }) => opType === "BatchNormalization");
  const x = (norm ?? conv).outputs[0]!;
  const activation = activationOf(index, x);
  return { conv, norm, activation, output: activation.at(-1)?.outputs[0] ?? x };
}

function activationOf(index: GraphIndex, x: string): readonly Node[] {
  const readers = index.consumers(x);
  for (const mul of readers.filter(({ opType }) => opType === "Mul")) {
    const gates = mul.inputs.map((input) => gateOf(index, input, x));
    if (gates.every((gate) => gate !== undefined)) return [...gates.flat(), mul];
  }
  return readers.filter(({ opType }) => ACTIVATIONS.has(opType)).slice(0, 1);
}

/** The short function of x alone that gives `value`, the second factor of x · sigmoid(x); empty for x itself. */
function gateOf(index: GraphIndex, value: string, x: string): Node[] | undefined {
  const gate: Node[] = [];
  for (let from = value; from !== x; from = gate[0]!.inputs[0]!) {
    const node = index.producer(from);
    if (node === undefined || !GATES.has(node.opType) || gate.length === MAX_GATE) return undefined;
    gate.unshift(node);
  }
  return gate;
}
