import { WhyboxError } from "../errors.js";
import { shown } from "../foreign-text.js";
import { sizeOf } from "../tensor/tensor.js";
import { readsOf } from "./cut.js";
import { topologicalOrder } from "./graph.js";
import { DataType, type Graph, type Model, type Node, type TensorProto } from "./model.js";
import { checkedOpset } from "./opsets.js";
import { namesakeFault, nodeFault } from "./signatures/node-fault.js";
import { MAX_GRAPH_DEPTH, mapSubgraphs, subgraphsOf } from "./subgraphs.js";
import { byteLengthOf } from "./tensors.js";

/** The values that a graph may read: its own and those of enclosing graphs. */
interface Scope {
  /** Value → its element type, if the file declares it where the value is defined; else 0. */
  readonly types: ReadonlyMap<string, number>;
  readonly outer: Scope | undefined;
  /** Names the graph at the end of a message. Empty for the model's own graph. */
  readonly where: string;
}

/** What applies to all graphs of a model. */
interface Rules {
  readonly opset: number;
  readonly depth: number;
}

/**
 * Checks the content of a decoded model. Returns it with nodes in an order in which every value is computed before it is
 * read (the file's order, if it already is one). Subgraphs are checked too; they may read values of enclosing graphs.
 * Code after this can rely on the signatures of standard operators: required inputs, outputs and attributes are there, and attributes have their type.
 * Empty names at the end of a node's inputs are gone.
 *
 * @throws bad-input for a node that differs from the signature of its operator, a value that is defined twice or not at all, a cycle, no nodes, no
 *   outputs, or missing constants.
 * @throws unsupported-model for another opset, values in other files and sparse initializers.
 */
export function validateModel(model: Model): Model {
  const { graph } = model;
  if (graph.nodes.length === 0) fail("The model has no nodes", { graph: graph.name });
  if (graph.outputs.length === 0) fail("The model has no outputs", { graph: graph.name });
  return { ...model, graph: validateGraph(graph, undefined, { opset: checkedOpset(model), depth: 1 }) };
}

function validateGraph(graph: Graph, outer: Scope | undefined, rules: Rules): Graph {
  if (rules.depth > MAX_GRAPH_DEPTH) {
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
  for (const tensor of graph.initializers.values()) checkTensor(tensor, `Initializer ${quoted(tensor.name)}`);
  const where = outer === undefined ? "" : ` of graph ${quoted(graph.name)}`;
  const scope: Scope = { types: definedTypes(graph), outer, where };
  const nodes = graph.nodes.map((node, index) => validateNode(node, index, scope, rules));
  for (const output of graph.outputs) {
    if (scopeOf(output.name, scope) === undefined) {
      fail(`Output ${quoted(output.name)} of graph ${quoted(graph.name)} is computed by no node`, {
        value: output.name,
      });
    }
  }
  return { ...graph, nodes: sorted(nodes) };
}

/** Tag byte of GraphProto.sparse_initializer (field 15, bytes). */
const SPARSE_INITIALIZER_TAG = 15 * 8 + 2;

function definedTypes(graph: Graph): Map<string, number> {
  const types = new Map<string, number>();
  const define = (name: string, type: number, by: string): void => {
    if (name === "") fail(`${by} has no name`, {});
    if (types.has(name)) fail(`Value ${quoted(name)} is defined twice, the second time by ${by}`, { value: name });
    types.set(name, type);
  };
  for (const { name, elemType } of graph.inputs) define(name, elemType, "a graph input");
  const inputs = new Set(types.keys());
  for (const [name, { dataType }] of graph.initializers) {
    // Files with IR < 4 list initializers among the inputs too. Both are the same value.
    if (inputs.has(name)) types.set(name, dataType);
    else define(name, dataType, "an initializer");
  }
  for (const [index, node] of graph.nodes.entries()) {
    for (const output of node.outputs) if (output !== "") define(output, 0, `node ${placeOf(node, index)}`);
  }
  const outputs = new Set<string>();
  for (const { name } of graph.outputs) {
    if (outputs.has(name)) fail(`Graph ${quoted(graph.name)} lists output ${quoted(name)} twice`, { value: name });
    outputs.add(name);
  }
  return types;
}

function validateNode(node: Node, index: number, scope: Scope, rules: Rules): Node {
  const label = `Node ${placeOf(node, index)}${scope.where}`;
  const details = { node: node.name, op: node.opType, index };
  if (node.opType === "") fail(`${label} has no op_type`, details);
  for (const input of node.inputs) {
    if (input === "" || scopeOf(input, scope) !== undefined) continue;
    const found = `${label} reads ${quoted(input)}, which is no input, no initializer and no node's output`;
    fail(found, { ...details, value: input });
  }
  for (const [name, attribute] of node.attributes) {
    if (attribute.type === "tensor") checkTensor(attribute.value, `${label}, attribute ${quoted(name)}`);
  }
  const elemType = (value: string) => scopeOf(value, scope)?.types.get(value);
  const fault = nodeFault(node, { opset: rules.opset, elemType });
  if (fault !== undefined) fail(`${label}: found ${fault.found}, expected ${fault.expected}`, { ...details, ...fault });
  refuseNamesake(node, label, details);
  return mapSubgraphs(withoutTail(node), (graph) => validateGraph(graph, scope, { ...rules, depth: rules.depth + 1 }));
}

/** Without the empty names at the end of the inputs, which say no more than none. Rules return one gradient for each input of their operator. */
function withoutTail(node: Node): Node {
  const count = node.inputs.findLastIndex((input) => input !== "") + 1;
  return count === node.inputs.length ? node : { ...node, inputs: node.inputs.slice(0, count) };
}

function refuseNamesake(node: Node, label: string, details: Readonly<Record<string, unknown>>): void {
  const fault = node.domain === "" ? undefined : namesakeFault(node);
  if (fault === undefined) return;
  throw new WhyboxError(
    "unsupported-model",
    `${label} has the name of a standard operator, but is of domain ${quoted(node.domain)} and has another form: found ${fault.found}, expected ` +
      `${fault.expected}. Give the operator another name.`,
    { details: { ...details, domain: node.domain } },
  );
}

/** `12, "conv1" (Conv)`. */
function placeOf({ name, opType }: Node, index: number): string {
  return `${index}, ${quoted(name)} (${shown(opType)})`;
}

function quoted(name: string): string {
  return `"${shown(name)}"`;
}

/** The innermost graph that defines a value. */
function scopeOf(name: string, scope: Scope): Scope | undefined {
  let at: Scope | undefined = scope;
  while (at !== undefined && !at.types.has(name)) at = at.outer;
  return at;
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
  throw new WhyboxError("bad-input", `${found}. The file is damaged, or its exporter is faulty: export it again.`, {
    details,
  });
}
