import { WhyboxError } from "../errors.js";
import { GraphBuilder } from "./builder.js";
import { freshPrefix } from "./fresh-prefix.js";
import { DataType, type Graph, type Model, type Node, type TensorProto } from "./model.js";
import { constantTensor } from "./normalise/constant.js";
import { expandQuantisedOperators } from "./normalise/quantised-operators.js";
import type { RewriteContext } from "./normalise/rewrite.js";
import { rewrites } from "./normalise/rewrites.js";
import { sharePairs } from "./normalise/shared-pairs.js";
import { ValueTypes } from "./normalise/value-types.js";
import { checkedOpset, TARGET_OPSET } from "./opsets.js";
import { MAX_GRAPH_DEPTH, mapSubgraphs, withSubgraphs } from "./subgraphs.js";

/** IR versions that belong to opsets from 21 on. 13 is the newest that ONNX Runtime 1.30 supports. */
const IR_VERSION: readonly number[] = [10, 10, 11, 12, 13, 13];
const NEWEST_IR_VERSION = 13;

/**
 * Converts the model to one opset (21, or its own if it is newer): axes, sizes and bounds are inputs, constants are
 * initializers, and graph inputs are only those that the caller feeds. Quantised operators become float operators between QuantizeLinear and
 * DequantizeLinear, and equal pairs of these are merged. Names of nodes and values stay, except those of merged pairs; added nodes get new names.
 * Expects a validated model (`validateModel`).
 *
 * @throws unsupported-model for opsets older than 7 or newer than the runtime supports, for training-mode nodes, and for unknown quantised or
 *   com.microsoft operators.
 */
export function normalise(model: Model): Model {
  const opset = checkedOpset(model);
  const target = Math.max(opset, TARGET_OPSET);
  if (opset !== target) refuseFunctions(model);
  const prefix = freshPrefix(model, "whybox_opset");
  let graphs = 0;
  const nextPrefix = (): string => `${prefix}${graphs++}`;
  const graph = normaliseGraph(model.graph, { opset, nextPrefix, outer: undefined, depth: 1 });
  const isInitialized = (name: string): boolean => model.graph.initializers.has(name);
  const expanded = expandQuantisedOperators({
    ...model,
    irVersion: Math.min(NEWEST_IR_VERSION, Math.max(model.irVersion, IR_VERSION[target - TARGET_OPSET]!)),
    opsets: new Map([...model.opsets, ["", target]]),
    ...(opset === target ? {} : { fileOpset: model.fileOpset ?? opset }),
    graph: { ...graph, inputs: graph.inputs.filter(({ name }) => !isInitialized(name)) },
  });
  return { ...expanded, graph: sharePairs(expanded.graph) };
}

/** Model-local functions (field 25) hold nodes in the old opset, which are not rewritten. */
function refuseFunctions(model: Model): void {
  if (!model.unknown?.some((field) => field[0] === 0xca && field[1] === 0x01)) return;
  throw new WhyboxError(
    "unsupported-model",
    "The model defines functions of its own in an old opset. Inline them, in Python: onnx.inliner.inline_local_functions(model).",
  );
}

/** What a subgraph inherits from the graph around it. */
interface Surroundings {
  readonly opset: number;
  readonly nextPrefix: () => string;
  readonly outer: OuterGraph | undefined;
  readonly depth: number;
}

interface OuterGraph {
  readonly types: ValueTypes;
  constant(name: string): TensorProto | undefined;
}

function normaliseGraph(graph: Graph, around: Surroundings): Graph {
  if (around.depth > MAX_GRAPH_DEPTH) {
    throw new WhyboxError("limit", `Graphs are nested more than ${MAX_GRAPH_DEPTH} deep.`, {
      details: { maxDepth: MAX_GRAPH_DEPTH },
    });
  }
  const build = new GraphBuilder(around.nextPrefix());
  const initializers = new Map(graph.initializers);
  const types = new ValueTypes(graph, around.outer?.types);
  const constant = (name: string): TensorProto | undefined =>
    initializers.get(name) ?? build.initializers.get(name) ?? around.outer?.constant(name);
  let reads: Set<string> | undefined;
  const cx: RewriteContext = {
    opset: around.opset,
    build,
    constant,
    elemType: (value) => types.elemType(value) ?? DataType.FLOAT,
    rank: (value) => types.rank(value),
    isRead: (value) => {
      reads ??= collectReads(graph);
      return reads.has(value);
    },
  };
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const inner: Surroundings = { ...around, outer: { types, constant }, depth: around.depth + 1 };
  for (const node of graph.nodes) {
    const tensor = isOnnx(node, "Constant") ? constantTensor(node) : undefined;
    // A constant that is a graph output stays a node: runtimes expect outputs to be computed.
    if (tensor === undefined || outputs.has(tensor.name)) {
      rewriteNode(
        mapSubgraphs(node, (subgraph) => normaliseGraph(subgraph, inner)),
        cx,
      );
    } else {
      initializers.set(tensor.name, tensor);
      types.learnConstant(tensor.name, tensor.dataType, tensor.dims.length);
    }
    types.learn(node);
  }
  for (const [name, tensor] of build.initializers) initializers.set(name, tensor);
  return withoutUnread({ ...graph, nodes: build.nodes, initializers });
}

/** Removes constants that nothing reads. Runtimes warn about each of them. */
function withoutUnread(graph: Graph): Graph {
  const reads = collectReads(graph);
  return { ...graph, initializers: new Map([...graph.initializers].filter(([name]) => reads.has(name))) };
}

function rewriteNode(node: Node, cx: RewriteContext): void {
  const rewrite = node.domain === "" ? rewrites.get(node.opType) : undefined;
  cx.build.nodes.push(rewrite === undefined ? node : rewrite(node, cx));
}

function isOnnx(node: Node, opType: string): boolean {
  return node.domain === "" && node.opType === opType;
}

/** The values that are read: by a node, by a subgraph at any depth, or as an output. */
function collectReads(graph: Graph): Set<string> {
  const reads = new Set<string>();
  for (const { nodes, outputs } of withSubgraphs(graph)) {
    for (const { name } of outputs) reads.add(name);
    for (const { inputs } of nodes) for (const input of inputs) reads.add(input);
  }
  return reads;
}
