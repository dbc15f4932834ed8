import type { GraphIndex } from "../onnx/graph.js";
import type { Node } from "../onnx/model.js";

/** A convolution with the normalisation and the activation after it, if present. */
export interface ConvBlock {
  readonly conv: Node;
  readonly norm: Node | undefined;
  /** One node, or the nodes that compute x · sigmoid(x) or a similar function, in execution order. */
  readonly activation: readonly Node[];
  readonly output: string;
}

const ACTIVATIONS: ReadonlySet<string> = new Set(["Relu", "LeakyRelu", "HardSwish", "Mish", "Elu", "Swish"]);
const GATES: ReadonlySet<string> = new Set(["Sigmoid", "HardSigmoid", "Softplus", "Tanh", "Clip", "Add", "Div"]);
/** Maximum number of ops in a gate. The gate of hardswish, clip(x + 3, 0, 6) / 6, has three. */
const MAX_GATE = 4;

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

/** The nodes that compute a gate `value` from x alone, as in x · sigmoid(x). Empty if `value` is x; undefined if there is no gate. */
function gateOf(index: GraphIndex, value: string, x: string): Node[] | undefined {
  const gate: Node[] = [];
  for (let from = value; from !== x; from = gate[0]!.inputs[0]!) {
    const node = index.producer(from);
    if (node === undefined || !GATES.has(node.opType) || gate.length === MAX_GATE) return undefined;
    gate.unshift(node);
  }
  return gate;
}
