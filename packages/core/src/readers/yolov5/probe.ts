import type { GraphIndex } from "../../onnx/graph.js";
import type { Node } from "../../onnx/model.js";
import { floatsOf } from "../../onnx/tensors.js";
import { sizeOf, type Tensor } from "../../tensor/tensor.js";

/** Box arithmetic has no values beyond this. */
const MAX_SIZE = 2 ** 24;

/**
 * Evaluates the elementwise arithmetic with constants (Mul, Add, Sub, Div) from `from` to `to`, with the number
 * `probe` instead of `from`. So a decoding is recognised by its result, regardless of how its constants are folded.
 * @returns the result at `to`. Undefined when another op or a computed value is involved.
 */
export function probeArithmetic(index: GraphIndex, from: string, to: string, probe: number): Tensor | undefined {
  const values = new Map<string, Tensor>([[from, { dims: [], data: Float32Array.of(probe) }]]);
  const after = index.descendants([from]);
  const before = index.ancestors([to]);
  const chain = index.graph.nodes.filter(
    ({ outputs: [output = ""] }) => output !== from && after.has(output) && before.has(output),
  );
  for (const node of chain) {
    const operands = node.inputs.map((input) => values.get(input) ?? constantOf(index, input));
    const result = apply(node, operands);
    if (result === undefined) return undefined;
    values.set(node.outputs[0]!, result);
  }
  return values.get(to);
}

function constantOf(index: GraphIndex, name: string): Tensor | undefined {
  const tensor = index.graph.initializers.get(name);
  return tensor === undefined || tensor.dataType !== 1 ? undefined : { dims: tensor.dims, data: floatsOf(tensor) };
}

function apply(node: Node, operands: readonly (Tensor | undefined)[]): Tensor | undefined {
  const [a, b] = operands;
  if (a === undefined || b === undefined || operands.length !== 2) return undefined;
  const arithmetic = ARITHMETIC.get(node.opType);
  return arithmetic === undefined ? undefined : broadcast(a, b, arithmetic);
}

const ARITHMETIC: ReadonlyMap<string, (x: number, y: number) => number> = new Map([
  ["Mul", (x: number, y: number) => x * y],
  ["Add", (x: number, y: number) => x + y],
  ["Sub", (x: number, y: number) => x - y],
  ["Div", (x: number, y: number) => x / y],
]);

function broadcast(a: Tensor, b: Tensor, op: (x: number, y: number) => number): Tensor | undefined {
  const rank = Math.max(a.dims.length, b.dims.length);
  const left = padded(a.dims, rank);
  const right = padded(b.dims, rank);
  const dims = left.map((dim, i) => (dim === 1 ? right[i]! : dim));
  if (dims.some((dim, i) => right[i] !== 1 && right[i] !== dim) || sizeOf(dims) > MAX_SIZE) return undefined;
  const data = new Float32Array(sizeOf(dims));
  for (let flat = 0; flat < data.length; flat++) {
    data[flat] = op(a.data[offset(flat, dims, left)]!, b.data[offset(flat, dims, right)]!);
  }
  return { dims, data };
}

/** The index, in an operand of `own` dims, of element `flat` of the tensor of `dims` that it is broadcast to. */
function offset(flat: number, dims: readonly number[], own: readonly number[]): number {
  let rest = flat;
  let place = 0;
  let step = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    const dim = dims[axis]!;
    if (own[axis] !== 1) place += (rest % dim) * step;
    step *= own[axis]!;
    rest = Math.floor(rest / dim);
  }
  return place;
}

/** `dims` with leading ones. */
export function padded(dims: readonly number[], rank: number): number[] {
  return [...Array<number>(rank - dims.length).fill(1), ...dims];
}
