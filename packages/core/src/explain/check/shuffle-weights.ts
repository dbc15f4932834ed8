import { createRandom } from "../../algebra/random.js";
import { shuffle } from "../../algebra/shuffled.js";
import { storedWidth } from "../../onnx/data-types.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { Model, Node, TensorProto } from "../../onnx/model.js";

/** Ops with weights. */
const WEIGHTED: ReadonlySet<string> = new Set([
  ...["Conv", "ConvTranspose", "Gemm", "MatMul", "DeformConv", "Einsum", "PRelu"],
  ...["BatchNormalization", "InstanceNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization"],
]);

/** Ops that only change the form of a weight. */
const FORMS: ReadonlySet<string> = new Set([
  ...["DequantizeLinear", "QuantizeLinear", "Cast", "Identity"],
  ...["Transpose", "Reshape", "Squeeze", "Unsqueeze"],
]);

/** A bias or a factor for each channel, if exporters write it as an op of its own. */
const PER_CHANNEL: ReadonlySet<string> = new Set(["Add", "Sub", "Mul", "Div"]);

/** An op, and the names of the constants that are its weights. */
export interface WeightedOp {
  readonly node: Node;
  readonly weights: readonly string[];
}

/**
 * The ops with weights, in the order in which they run: convolutions, matrix products and normalisations with their constants, also if these are quantised
 * or cast; and biases and factors for each channel after them. Constants of one value and those of the image's preparation are no weights.
 */
export function weightedOps(index: GraphIndex): WeightedOp[] {
  const { initializers } = index.graph;
  const found = index.order.flatMap((node): WeightedOp[] => {
    if (node.domain !== "" || !WEIGHTED.has(node.opType)) return [];
    const weights = node.inputs.flatMap((input) => constantBehind(index, input) ?? []);
    return weights.length === 0 ? [] : [{ node, weights }];
  });
  const own = new Map(found.map((op) => [op.node, op]));
  const after = index.descendants(found.flatMap(({ node }) => node.outputs));
  for (const node of index.order) {
    if (node.domain !== "" || !PER_CHANNEL.has(node.opType) || !node.inputs.some((input) => after.has(input))) continue;
    const weights = node.inputs.flatMap((input) => constantBehind(index, input) ?? []);
    const areVectors = weights.every((name) => initializers.get(name)!.dims.filter((dim) => dim > 1).length === 1);
    if (weights.length === 1 && areVectors) own.set(node, { node, weights });
  }
  return index.order.flatMap((node) => own.get(node) ?? []);
}

/** The constant that an input is made from without other operands, if it has several values. */
function constantBehind(index: GraphIndex, value: string): string | undefined {
  let name = value;
  for (let node = index.producer(name); node !== undefined; node = index.producer(name)) {
    if (!FORMS.has(node.opType) || node.domain !== "") return undefined;
    name = node.inputs[0] ?? "";
  }
  const tensor = index.graph.initializers.get(name);
  return tensor !== undefined && valuesIn(tensor) > 1 && tensor.external === undefined ? name : undefined;
}

/** Number of values. */
export function valuesIn({ dims }: TensorProto): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/**
 * Shuffles the values of some constants, each within itself: random weights with exactly the distribution of the trained ones, in every element type.
 * The order depends on the seed and on the place of the constant in the file, not on which others are shuffled.
 */
export function shuffleWeights(model: Model, names: ReadonlySet<string>, seed: number): Model {
  const all = [...model.graph.initializers];
  const total = all.reduce((sum, [name, { bytes }]) => sum + (names.has(name) ? padded(bytes.length) : 0), 0);
  // One memory for all, so that a runtime that reads the weights from memory gets it once.
  const memory = new Uint8Array(total);
  let end = 0;
  const initializers = new Map(
    all.map(([name, tensor], place) => {
      if (!names.has(name)) return [name, tensor] as const;
      const { bytes } = tensor;
      const copy = memory.subarray(end, end + bytes.length);
      end += padded(bytes.length);
      copy.set(bytes);
      const random = createRandom(seed, place);
      const width = storedWidth(tensor.dataType) ?? 1;
      // Each value as an integer of its width: its meaning does not matter for a shuffle.
      if (width === 8) shuffle(new BigUint64Array(copy.buffer, copy.byteOffset, copy.length / 8), random);
      else shuffle(valueView(copy, width), random);
      const { byteLength: _, ...rest } = tensor;
      return [name, { ...rest, bytes: copy }] as const;
    }),
  );
  return { ...model, graph: { ...model.graph, initializers } };
}

const ALIGNMENT = 64;

function padded(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function valueView({ buffer, byteOffset, length }: Uint8Array, width: number) {
  if (width === 2) return new Uint16Array(buffer, byteOffset, length / 2);
  if (width === 4) return new Uint32Array(buffer, byteOffset, length / 4);
  return new Uint8Array(buffer, byteOffset, length);
}
