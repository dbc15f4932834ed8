import { WhyboxError } from "../../errors.js";
import { intAttribute } from "../../onnx/attributes.js";
import { GraphBuilder } from "../../onnx/builder.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { indexOf } from "../../onnx/graph.js";
import { DataType, type Model, type Node } from "../../onnx/model.js";

/** Ops that only move values of any type, and the inputs that they move. */
const MOVES: ReadonlyMap<string, "all" | "first"> = new Map([
  ["Concat", "all"],
  ...["Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Slice", "Gather", "Split"].map(
    (op) => [op, "first"] as const,
  ),
]);

/**
 * Converts a model with integer pixels to one with float32 pixels in the same range. Up to the Cast or DequantizeLinear that converts the pixels
 * to floats, ops may only move values. They then move floats instead. The results stay the same, and gradients can reach the image. They
 * cannot pass through integers.
 * @throws unsupported-model when other ops read the integers.
 */
export function floatInput(model: Model): Model {
  const { graph } = model;
  const index = indexOf(graph);
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const floats = new Set(inputs);
  const build = new GraphBuilder(freshPrefix(model, "whybox/pixels/"));
  const replaced = new Map<Node, readonly Node[]>();
  // A Set iterates in insertion order, so values added here are visited too.
  for (const value of floats) {
    for (const node of index.consumers(value)) {
      const moved = MOVES.get(node.opType);
      if (node.opType === "Cast") {
        if (isFloat(intAttribute(node, "to", DataType.FLOAT))) continue;
        replaced.set(node, [{ ...node, opType: "Identity", attributes: new Map() }]);
      } else if (node.opType === "DequantizeLinear" && isScalar(model, node)) {
        replaced.set(node, dequantized(build, node));
        continue;
      } else if (node.opType === "Shape") continue;
      else if (moved === undefined || (moved === "first" && node.inputs.slice(1).includes(value))) throw refusal(node);
      for (const output of node.outputs) floats.add(output);
    }
  }
  // A Concat of pixels and other values would mix two types.
  for (const node of graph.nodes) {
    if (node.opType !== "Concat" || !floats.has(node.outputs[0]!)) continue;
    if (node.inputs.some((input) => !floats.has(input))) throw refusal(node);
  }
  return {
    ...model,
    graph: {
      ...graph,
      nodes: graph.nodes.flatMap((node) => replaced.get(node) ?? [node]),
      inputs: graph.inputs.map((input) => ({ ...input, elemType: DataType.FLOAT })),
      valueInfo: graph.valueInfo.filter(({ name }) => !floats.has(name)),
    },
  };
}

function isFloat(type: number): boolean {
  return type === DataType.FLOAT || type === DataType.FLOAT16 || type === DataType.DOUBLE || type === DataType.BFLOAT16;
}

function isScalar({ graph }: Model, { inputs }: Node): boolean {
  return graph.initializers.get(inputs[1] ?? "")?.dims.every((dim) => dim === 1) ?? false;
}

/** Nodes for (x − zero point) · scale. */
function dequantized(build: GraphBuilder, { inputs, outputs }: Node): Node[] {
  const start = build.nodes.length;
  const [x, scale, zero = ""] = inputs as [string, string, string?];
  const centred = zero === "" ? x : build.op("Sub", [x, build.op("Cast", [zero], { to: DataType.FLOAT })]);
  build.node("Mul", [centred, scale], outputs);
  return build.nodes.slice(start);
}

function refusal(node: Node): WhyboxError {
  return new WhyboxError(
    "unsupported-model",
    `The model has integer pixels, and node "${node.name}" (${node.opType}) computes with them before they are cast to float. Export it with float32 input, or with a Cast directly after the input.`,
    { details: { node: node.name, op: node.opType } },
  );
}
