import { nodesBetween, readsOf, usedInitializers } from "../onnx/cut.js";
import { elementType } from "../onnx/element-type.js";
import { freshPrefix } from "../onnx/fresh-prefix.js";
import { type GraphIndex, indexOf } from "../onnx/graph.js";
import { DataType, type Graph, type Model, type Node, type ValueInfo } from "../onnx/model.js";
import type { KnownDims } from "../onnx/shapes/shape-facts.js";
import { buildBackward } from "./backward.js";
import { floatTwin } from "./float-twin.js";
import { joinConvolutions } from "./join-convolutions.js";
import type { GradRule } from "./rule.js";
import { simplify } from "./simplify.js";

/**
 * The source of the forward values that the backward graph needs.
 * `saved`: the forward session outputs the results of expensive ops; cheap ops after them run again.
 * `recomputed`: the forward session outputs only the inputs of the tail; the backward session runs the tail again.
 */
export type ForwardValues = "saved" | "recomputed";

export interface BackwardModelRequest {
  /** Values to differentiate with respect to. */
  readonly taps: readonly string[];
  /** Values that the score reads. Each gets a seed. */
  readonly outputs: readonly string[];
  /** Values that are treated as constants: for branches that carry no seed. */
  readonly stops?: readonly string[];
  readonly rules: readonly GradRule[];
  /** Dims of values that replace those of the graph: for values of another size or batch. */
  readonly dims?: KnownDims;
  readonly manySeeds: boolean;
  readonly forwardValues: ForwardValues;
}

/** The model of a backward session: the vector-Jacobian product of the part of the network between taps and outputs. */
export interface BackwardModel {
  /** Inputs: the seeds and the saved values. Outputs: the gradients. */
  readonly model: Model;
  /** Outputs that the forward session must have (names in the forward model). They are fed under the same names. */
  readonly saved: readonly string[];
  /** Nodes to append to the forward model. They compute the values of `saved` that the model does not have. */
  readonly forwardNodes: readonly Node[];
  /** Value that the score reads → name of its seed. Values that do not depend on a tap have no seed. */
  readonly seeds: ReadonlyMap<string, string>;
  /** Tap → name of its gradient. Null when no path leads from the tap to the outputs: the gradient is exactly zero. */
  readonly gradients: ReadonlyMap<string, string | null>;
  /** False when an op cannot carry several seeds at once. */
  readonly manySeeds: boolean;
}

/** Cheap ops. Running them twice costs less than passing their outputs from session to session. */
const cheap = new Set(
  (
    "Sigmoid Tanh Relu LeakyRelu PRelu Elu HardSigmoid HardSwish Clip Exp Log Sqrt Reciprocal Neg Abs Softplus Mish Erf Gelu Add Sub Mul Div Pow Min Max " +
    "Where Equal Less LessOrEqual Greater GreaterOrEqual And Or Not Cast Identity Reshape Flatten Squeeze Unsqueeze Split Slice Shape Size " +
    "Gather Expand Range ConstantOfShape BatchNormalization DequantizeLinear"
  ).split(" "),
);

/**
 * Builds the model of the backward session, all in float32. For a model in half precision or 8 bits it differentiates the float twin
 * (`floatTwin`) at the values of the deployed model. Saved float16 and float64 values must be fed as float32.
 * @throws no-gradient when ops between taps and outputs have no rule: all of them in one error.
 */
export function buildBackwardModel(deployed: Model, request: BackwardModelRequest): BackwardModel {
  const graph = floatTwin(deployed.graph);
  const model: Model = { ...deployed, graph };
  const together = buildBackward(graph, request);
  const backward =
    request.manySeeds && !together.manySeeds ? buildBackward(graph, { ...request, manySeeds: false }) : together;
  const gradients = [...backward.gradients.values()].filter((value) => value !== null);
  const factors = freshPrefix(model, "whybox/factor/");
  const simple = simplify(asGraph(backward.builder.nodes), backward.seeds.values(), factors);
  const constants = backward.builder.initializers;
  const joined = joinConvolutions(
    { ...simple, initializers: constants },
    gradients,
    freshPrefix(model, "whybox/conv/"),
  );
  const nodes = nodesBetween(joined, new Set(), gradients);
  const read = new Set(nodes.flatMap((node) => node.inputs));
  const seeds = new Map([...backward.seeds].filter(([, name]) => read.has(name)));
  const cut = cutForward(model, nodes, request);
  const inner: Graph = {
    name: "backward",
    nodes: [...cut.rerun, ...cut.backward],
    initializers: new Map([...usedInitializers(graph, [...cut.rerun, ...cut.backward]), ...joined.initializers]),
    inputs: [
      ...[...seeds.values()].map((name) => untypedShape(name, DataType.FLOAT)),
      ...cut.saved.map((name) => untypedShape(name, elementType(graph, name))),
      ...cut.shapes.map((shape) => shape.input),
    ],
    outputs: gradients.map((name) => untypedShape(name, DataType.FLOAT)),
    valueInfo: [],
  };
  return {
    model: { ...model, graph: { ...inner, initializers: usedInitializers(inner, inner.nodes) } },
    saved: [...cut.saved, ...cut.shapes.map((shape) => shape.input.name)],
    forwardNodes: cut.shapes.map((shape) => shape.node),
    seeds,
    gradients: backward.gradients,
    manySeeds: backward.manySeeds,
  };
}

interface ForwardCut {
  /** Float or integer values that the forward session passes on. */
  readonly saved: readonly string[];
  /** Shapes that the forward session passes on instead of the large values themselves. All of them, so that a smaller backward pass never needs more. */
  readonly shapes: readonly { readonly node: Node; readonly input: ValueInfo }[];
  /** Nodes of the model that run again. */
  readonly rerun: readonly Node[];
  readonly backward: readonly Node[];
}

function cutForward(model: Model, backward: readonly Node[], request: BackwardModelRequest): ForwardCut {
  const { graph } = model;
  const index = indexOf(graph);
  const made = new Set(backward.flatMap((node) => node.outputs));
  const isForward = (value: string): boolean =>
    !made.has(value) && (index.producer(value) !== undefined || isInput(graph, value));
  const isShape = (node: Node): boolean => node.opType === "Shape" && isForward(node.inputs[0]!);
  const reads = new Set(
    backward
      .filter((node) => !isShape(node))
      .flatMap(readsOf)
      .filter(isForward),
  );
  const stops = stopsOf(graph, index, request);
  const saved = new Set<string>();
  const rerun = new Set<Node>();
  const stack = [...reads];
  while (stack.length > 0) {
    const value = stack.pop()!;
    const node = index.producer(value);
    if (node === undefined || stops(value, node)) {
      if (node !== undefined || isInput(graph, value)) saved.add(value);
    } else if (!rerun.has(node)) {
      rerun.add(node);
      stack.push(...readsOf(node));
    }
  }
  const crossing = shapesOf(backward.filter(isShape), freshPrefix(model, "whybox/shape"));
  const now = (value: string): string => crossing.names.get(value) ?? value;
  const kept = backward.filter((node) => !isShape(node)).map((node) => ({ ...node, inputs: node.inputs.map(now) }));
  const { shapes } = crossing;
  return { saved: [...saved], shapes, rerun: graph.nodes.filter((node) => rerun.has(node)), backward: kept };
}

/** The outputs of Shape nodes, named after their content, so that equal shapes from several nodes are one value. */
function shapesOf(
  nodes: readonly Node[],
  prefix: string,
): Pick<ForwardCut, "shapes"> & { readonly names: ReadonlyMap<string, string> } {
  const shapes = new Map<string, ForwardCut["shapes"][number]>();
  const names = new Map<string, string>();
  for (const node of nodes) {
    const part = ["start", "end"].map((key) => node.attributes.get(key)?.value ?? "").join(":");
    const name = `${prefix}${part}/${node.inputs[0]}`;
    names.set(node.outputs[0]!, name);
    shapes.set(name, { node: { ...node, name, outputs: [name] }, input: untypedShape(name, DataType.INT64) });
  }
  return { shapes: [...shapes.values()], names };
}

function stopsOf(
  graph: Graph,
  index: GraphIndex,
  request: BackwardModelRequest,
): (value: string, node: Node) => boolean {
  if (request.forwardValues === "saved") {
    // A quantised model runs in integers from one QuantizeLinear to the next, so the float values between them cannot be saved. One op
    // runs again in float32 to find which values were clipped.
    const quantised = new Set(graph.nodes.flatMap((n) => (n.opType === "QuantizeLinear" ? n.inputs.slice(0, 1) : [])));
    return (value, node) => node.opType === "QuantizeLinear" || !(cheap.has(node.opType) || quantised.has(value));
  }
  const behind = index.descendants(request.taps);
  const varying = index.descendants(graph.inputs.map((input) => input.name));
  return (value) => request.taps.includes(value) || (varying.has(value) && !behind.has(value));
}

function untypedShape(name: string, elemType: number): ValueInfo {
  return { name, elemType, shape: undefined };
}

function isInput(graph: Graph, value: string): boolean {
  return graph.inputs.some((input) => input.name === value);
}

function asGraph(nodes: readonly Node[]): Graph {
  return { name: "", nodes, initializers: new Map(), inputs: [], outputs: [], valueInfo: [] };
}
