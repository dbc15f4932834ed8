import { GraphBuilder } from "../../onnx/builder.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { indexOf } from "../../onnx/graph.js";
import { DataType, type Model, type Node, type TensorProto, type ValueInfo } from "../../onnx/model.js";
import { intsOf } from "../../onnx/tensors.js";

/** Ops that have a shape as an input, and the position of that input. */
const SHAPE_INPUT: ReadonlyMap<string, number> = new Map([
  ["Reshape", 1],
  ["Expand", 1],
  ["Tile", 1],
  ["Resize", 3],
  ["ConstantOfShape", 0],
]);

/**
 * The constant shapes that start with the batch. "exact": the first entry is the batch size. "multiples": it may also be a multiple of it, as in
 * area attention, where the areas of each image follow one another.
 */
export type BatchShapes = "exact" | "multiples";

/**
 * Converts a model with a fixed batch to a single image. In constant shapes that start with the batch size, the first entry becomes 1. If it is a
 * multiple of the batch size, it is divided by the batch size. This is a guess; `checkSingleImage` compares the results of both models.
 */
export function singleImage(model: Model, batch: number, shapes: BatchShapes): Model {
  const { graph } = model;
  const index = indexOf(graph);
  const varying = varyingValues(graph.nodes, graph.inputs);
  const build = new GraphBuilder(freshPrefix(model, "whybox/batch/"));
  const single = (value: string): string | undefined => {
    const tensor = graph.initializers.get(value);
    if (tensor === undefined || !isShape(tensor)) return undefined;
    const [first, ...rest] = intsOf(tensor);
    const images = first! / batch;
    const isBatch = images === 1 || (shapes === "multiples" && images > 1 && Number.isInteger(images));
    return isBatch ? build.ints([images, ...rest]) : undefined;
  };
  const swapped = new Map<Node, Node>();
  const swap = (node: Node, at: number): boolean => {
    const other = single(node.inputs[at] ?? "");
    if (other === undefined) return false;
    swapped.set(node, { ...node, inputs: node.inputs.map((input, i) => (i === at ? other : input)) });
    return true;
  };
  for (const node of graph.nodes) {
    const at = SHAPE_INPUT.get(node.opType);
    // Constants may have any shape. Only values that depend on the images have the batch axis.
    if (at === undefined || (node.opType === "Reshape" && !varying.has(node.inputs[0]!))) continue;
    if (swap(node, at)) continue;
    const parts = index.producer(node.inputs[at] ?? "");
    if (parts?.opType === "Concat") swap(parts, 0);
  }
  const first = ({ shape, ...info }: ValueInfo): ValueInfo => ({
    ...info,
    shape: shape?.map((dim, i) => (i === 0 && dim === batch ? 1 : dim)),
  });
  return {
    ...model,
    graph: {
      ...graph,
      nodes: graph.nodes.map((node) => swapped.get(node) ?? node),
      inputs: graph.inputs.map(first),
      outputs: graph.outputs.map((output) => ({ ...output, shape: undefined })),
      valueInfo: graph.valueInfo.map((value) => ({ ...value, shape: undefined })),
      initializers: new Map<string, TensorProto>([...graph.initializers, ...build.initializers]),
    },
  };
}

function isShape({ dims, dataType }: TensorProto): boolean {
  return dims.length === 1 && dims[0]! >= 1 && dataType === DataType.INT64;
}

/** Values that depend on the contents of the inputs, not only on their shape. Expects the nodes in execution order. */
function varyingValues(nodes: readonly Node[], inputs: readonly ValueInfo[]): ReadonlySet<string> {
  const varying = new Set(inputs.map(({ name }) => name));
  for (const node of nodes) {
    if (node.opType === "Shape" || node.opType === "Size" || !node.inputs.some((input) => varying.has(input))) continue;
    for (const output of node.outputs) varying.add(output);
  }
  return varying;
}
