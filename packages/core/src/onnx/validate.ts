import { WhyboxError } from "../errors.js";
import { sizeOf } from "../tensor/tensor.js";
import { readsOf } from "./cut.js";
import { topologicalOrder } from "./graph.js";
import { DataType, type Graph, type Model, type Node, type TensorProto } from "./model.js";
import { MAX_GRAPH_DEPTH, mapSubgraphs, subgraphsOf } from "./subgraphs.js";
import { byteLengthOf } from "./tensors.js";

/** Names that a graph may read: its own and those of enclosing graphs. */
interface Scope {
  readonly names: ReadonlySet<string>;
  readonly outer: Scope | undefined;
}

/**
 * Checks the content of a decoded model. Returns it with nodes in an order in which every value is computed before it is
 * read (the file's order, if it already is one). Subgraphs are checked too; they may read values of enclosing graphs.
 *
 * @throws bad-input for a value that is defined twice or not at all, a cycle, no nodes, no outputs, or missing constants.
 * @throws unsupported-model for values in other files and for sparse initializers.
 */
export function validateModel(model: Model): Model {
  const { graph } = model;
  if (graph.nodes.length === 0) fail("The model has no nodes", { graph: graph.name });
  if (graph.outputs.length === 0) fail("The model has no outputs", { graph: graph.name });
  return { ...model, graph: validateGraph(graph, undefined, 1) };
}

function validateGraph(graph: Graph, outer: Scope | undefined, depth: number): Graph {
  if (depth > MAX_GRAPH_DEPTH) {
    throw new WhyboxError(
      "limit",
      `Graphs are nested more than ${MAX_GRAPH_DEPTH} deep. Export the model without such loops.`,
      {
        details: { maxDepth: MAX_GRAPH_DEPTH },
      },
    );
  }
  if (graph.unknown?.some((field) => field[0] === SPARSE_INITIALIZER_TAG)) {
    throw unsupported("The model stores weights as sparse tensors", "Export it with dense weights.");
  }
  for (const tensor of graph.initializers.values()) checkTensor(tensor, `Initializer "${tensor.name}"`);
  const scope: Scope = { names: definedNames(graph), outer };
  const nodes = graph.nodes.map((node) => validateNode(node, scope, depth));
  for (const output of graph.outputs) {
    if (!isVisible(output.name, scope)) {
      fail(`Output "${output.name}" of graph "${graph.name}" is computed by no node`, { value: output.name });
    }
  }
  return { ...graph, nodes: sorted(nodes) };
}

/** Tag byte of GraphProto.sparse_initializer (field 15, bytes). */
const SPARSE_INITIALIZER_TAG = 15 * 8 + 2;

function definedNames(graph: Graph): Set<string> {
  const names = new Set<string>();
  const inputs = new Set<string>();
  const define = (name: string, by: string): void => {
    if (name === "") fail(`${by} has no name`, {});
    if (names.has(name)) fail(`Value "${name}" is defined twice, the second time by ${by}`, { value: name });
    names.add(name);
  };
  for (const { name } of graph.inputs) {
    define(name, "a graph input");
    inputs.add(name);
  }
  // Files with IR < 4 list initializers among the inputs too. Both are the same value.
  for (const name of graph.initializers.keys()) if (!inputs.has(name)) define(name, "an initializer");
  for (const node of graph.nodes) {
    for (const output of node.outputs) if (output !== "") define(output, `node "${node.name}" (${node.opType})`);
  }
  const outputs = new Set<string>();
  for (const { name } of graph.outputs) {
    if (outputs.has(name)) fail(`Graph "${graph.name}" lists output "${name}" twice`, { value: name });
    outputs.add(name);
  }
  return names;
}

function validateNode(node: Node, scope: Scope, depth: number): Node {
  const label = `Node "${node.name}" (${node.opType})`;
  if (node.opType === "") fail(`Node "${node.name}" has no op_type`, { node: node.name });
  for (const input of node.inputs) {
    if (input === "" || isVisible(input, scope)) continue;
    fail(`${label} reads "${input}", which is no input, no initializer and no node's output`, {
      node: node.name,
      value: input,
    });
  }
  for (const [name, attribute] of node.attributes) {
    if (attribute.type === "tensor") checkTensor(attribute.value, `${label}, attribute "${name}"`);
  }
  return mapSubgraphs(node, (graph) => validateGraph(graph, scope, depth + 1));
}

function isVisible(name: string, scope: Scope): boolean {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer) if (at.names.has(name)) return true;
  return false;
}

function checkTensor(tensor: TensorProto, label: string): void {
  if (tensor.external !== undefined) {
    const location = tensor.external.get("location") ?? "";
    throw unsupported(`${label}: its values live in another file ("${location}")`, "Read that file too.");
  }
  const stored = tensor.dataType === DataType.STRING ? (tensor.strings?.length ?? 0) : byteLengthOf(tensor);
  if (stored === 0 && sizeOf(tensor.dims) > 0) fail(`${label} has dims [${tensor.dims.join(", ")}] and no values`, {});
}

/**
 * Returns the nodes in computation order. The node that owns a subgraph counts as a reader of the values that the subgraph captures. Its
 * subgraphs' own names do not affect the order, since no outer node defines them.
 */
function sorted(nodes: readonly Node[]): readonly Node[] {
  const read = nodes.map((node) => (subgraphsOf(node).length === 0 ? node : { ...node, inputs: readsOf(node) }));
  if (isSorted(read)) return nodes;
  const original = new Map(read.map((node, index) => [node, nodes[index]!]));
  return topologicalOrder(read).map((node) => original.get(node)!);
}

function isSorted(nodes: readonly Node[]): boolean {
  const later = new Set<string>();
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!;
    for (const output of node.outputs) if (output !== "") later.add(output);
    if (node.inputs.some((input) => later.has(input))) return false;
  }
  return true;
}

function unsupported(found: string, advice: string): WhyboxError {
  return new WhyboxError("unsupported-model", `${found}. ${advice}`);
}

function fail(found: string, details: Readonly<Record<string, unknown>>): never {
  throw new WhyboxError("bad-input", `${found}. The model file is broken; export it again.`, { details });
}
