import type { GraphIndex } from "../onnx/graph.js";
import type { Node } from "../onnx/model.js";
import { nodeMetadata } from "../onnx/node-metadata.js";

/** The number of the module that a node belongs to; undefined if it is unknown. */
export type ModuleNumbers = (node: Node | undefined) => number | undefined;

/** The numbers in the names of nodes (`/model.23/cv3/conv/Conv`), or of their outputs. Tools that drop node names keep the names of values. */
export function numbersInNames(): ModuleNumbers {
  return (node) => numberIn(node?.name) ?? numberIn(node?.outputs[0]);
}

/** The key under which PyTorch's exporter stores the modules around a node: "['', 'model.0', 'model.0.conv', 'conv2d']". */
const SCOPES = "pkg.torch.onnx.name_scopes";

/**
 * The numbers in the scopes that PyTorch's exporter (`dynamo=True`) stores with the nodes, or in the names of convolution weights
 * (`model.0.conv.weight`). A node without both belongs to the module of its latest input. An upsampling or a join of modules is a module of
 * its own: it has the next number, unless a module with weights has that number.
 *
 * All numbers are unknown if a convolution has none: the network, or its head, is then not a list of modules. Names of weights alone may also
 * mislead, since tools merge equal weights: their numbers must not go back or skip one.
 */
export function numbersInScopes(index: GraphIndex): ModuleNumbers {
  const { nodes } = index.graph;
  const scoped = new Map<Node, number>();
  const weighted = new Map<Node, number>();
  for (const node of nodes) {
    const scope = numberIn(nodeMetadata(node).get(SCOPES));
    const weight = numberIn(CONVOLUTIONS.has(node.opType) ? node.inputs[1] : undefined);
    if (scope !== undefined) scoped.set(node, scope);
    if (weight !== undefined) weighted.set(node, weight);
  }
  const own = new Map([...weighted, ...scoped]);
  if (nodes.some((node) => CONVOLUTIONS.has(node.opType) && !own.has(node))) return () => undefined;
  const numbers = inheritedNumbers(index, own);
  if (scoped.size === 0 && !areInOrder(index, numbers)) return () => undefined;
  return (node) => (node === undefined ? undefined : numbers.get(node));
}

const CONVOLUTIONS: ReadonlySet<string> = new Set(["Conv", "ConvTranspose"]);

/** The given numbers, and those of the nodes after them. */
function inheritedNumbers(index: GraphIndex, own: ReadonlyMap<Node, number>): ReadonlyMap<Node, number> {
  const numbers = new Map<Node, number>();
  const taken = new Set(own.values());
  for (const node of index.order) {
    const read = readNumbers(index, numbers, node);
    const latest = Math.max(...read);
    const isModule = node.opType === "Resize" || (node.opType === "Concat" && new Set(read).size > 1);
    const next = isModule && !taken.has(latest + 1) ? latest + 1 : latest;
    const number = own.get(node) ?? next;
    // What is computed from the shape of a map does not belong to its module.
    if (number >= 0 && (own.has(node) || node.opType !== "Shape")) numbers.set(node, number);
  }
  return numbers;
}

function areInOrder(index: GraphIndex, numbers: ReadonlyMap<Node, number>): boolean {
  const found = new Set(numbers.values());
  const [first, last] = [Math.min(...found), Math.max(...found)];
  const isBack = ([node, number]: readonly [Node, number]) =>
    readNumbers(index, numbers, node).some((before) => before > number);
  return first <= 1 && found.size === last - first + 1 && ![...numbers].some(isBack);
}

/** The numbers of the nodes that a node reads. */
function readNumbers(index: GraphIndex, numbers: ReadonlyMap<Node, number>, node: Node): number[] {
  return node.inputs.flatMap((input) => numbers.get(index.producer(input)!) ?? []);
}

function numberIn(name: string | undefined): number | undefined {
  const found = /(?:^|[/.'])model\.(\d{1,4})(?:[/.']|$)/.exec(name ?? "");
  return found === null ? undefined : Number(found[1]);
}
