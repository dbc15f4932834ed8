import { WhyboxError } from "../../errors.js";
import { GraphBuilder } from "../../onnx/builder.js";
import type { Model } from "../../onnx/model.js";
import { shapeAttr } from "./attributes.js";
import { broken } from "./json.js";
import { translations } from "./ops/index.js";
import { parseTopology, type TfNode, type TfTopology } from "./topology.js";
import { type TfDim, type TfTensor, type TfValue, Translation } from "./translation.js";
import { decodeWeights, type TfConstant } from "./weights.js";

/** The operator set that the translation writes. */
const OPSET = 21;
const IR_VERSION = 10;

/**
 * A TF.js graph model as an ONNX model. Images turn from NHWC to NCHW: an input of rank 4 is an image, and whatever is
 * computed from it stays NCHW until an op needs TF's own axes (Reshape, Transpose, StridedSlice). Input sizes stay as the
 * file has them.
 *
 * @param modelJson the text of model.json, or the object it parses to.
 * @param weights the bytes of all weight files, joined in the order of `tfjsWeightFiles(modelJson)`.
 * @throws bad-input for a broken file; unsupported-model listing every op without a translation.
 */
export function readTfjs(modelJson: unknown, weights: Uint8Array): Model {
  const topology = parseTopology(modelJson);
  const nodes = neededNodes(topology);
  expectTranslations(nodes);
  const constants = decodeWeights(topology.weights, weights);
  const builder = new GraphBuilder("tf");
  const values = new Map<string, TfValue>();
  for (const node of nodes) values.set(node.name, translate(node, builder, values, constants));
  for (const name of topology.outputs) addOutput(builder, name, values.get(name)!);
  return {
    irVersion: IR_VERSION,
    opsets: new Map([["", OPSET]]),
    producerName: "whybox",
    producerVersion: "",
    metadata: new Map(),
    graph: builder.graph("tfjs"),
  };
}

/** The nodes that the outputs depend on, in order. */
function neededNodes(topology: TfTopology): TfNode[] {
  const needed = new Set(topology.outputs);
  for (const node of [...topology.nodes].reverse()) {
    if (needed.has(node.name)) for (const input of node.inputs) needed.add(input);
  }
  return topology.nodes.filter((node) => needed.has(node.name));
}

function expectTranslations(nodes: readonly TfNode[]): void {
  const known = (op: string): boolean => op === "Placeholder" || op === "Const" || translations.has(op);
  const missing = [...new Set(nodes.map(({ op }) => op).filter((op) => !known(op)))].sort();
  if (missing.length === 0) return;
  throw new WhyboxError(
    "unsupported-model",
    `TF.js model: no translation for ${missing.join(", ")}. Translated are ${[...translations.keys()].join(", ")}. ` +
      "Export the model to ONNX with its own tools instead.",
    { details: { ops: missing } },
  );
}

function translate(
  node: TfNode,
  builder: GraphBuilder,
  values: ReadonlyMap<string, TfValue>,
  constants: ReadonlyMap<string, TfConstant>,
): TfValue {
  if (node.op === "Placeholder") return placeholder(node, builder);
  if (node.op === "Const") {
    const constant = constants.get(node.name);
    if (constant === undefined) throw broken(`constant "${node.name}" has no entry in the weights manifest`);
    return { kind: "constant", ...constant };
  }
  const inputs = node.inputs.map((input) => values.get(input)!);
  return translations.get(node.op)!(new Translation(node, builder, inputs));
}

function placeholder(node: TfNode, builder: GraphBuilder): TfTensor {
  const dims = shapeAttr(node, "shape");
  if (dims === undefined) throw broken(`input "${node.name}" has no shape`);
  const layout = dims.length === 4 ? "nchw" : "same";
  return { kind: "tensor", value: builder.input(node.name, laidOut(dims, layout)), dims, layout };
}

function addOutput(builder: GraphBuilder, name: string, value: TfValue): void {
  if (value.kind === "constant") throw broken(`output "${name}" is a constant`);
  const settled = new Translation({ name, op: "Identity", inputs: [], attributes: {} }, builder, [value]).tensor(0);
  builder.node("Identity", [settled.value], [`${name}:0`]);
  builder.output(`${name}:0`, laidOut(settled.dims, settled.layout));
}

function laidOut(dims: readonly TfDim[], layout: TfTensor["layout"]): TfDim[] {
  if (layout === "same") return [...dims];
  const [N, H, W, C] = dims as [TfDim, TfDim, TfDim, TfDim];
  return [N, C, H, W];
}
