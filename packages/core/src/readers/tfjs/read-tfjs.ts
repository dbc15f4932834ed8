import { WhyboxError } from "../../errors.js";
import { GraphBuilder } from "../../onnx/builder.js";
import type { Model } from "../../onnx/model.js";
import { shapeAttr } from "./attributes.js";
import { foldBias } from "./fold-bias.js";
import { broken } from "./json.js";
import { fold, isFolded } from "./ops/fold.js";
import { translations } from "./ops/index.js";
import { nodeOf, parseTopology, type TfNode, type TfTopology } from "./topology.js";
import { onnxType, type TfDim, type TfTensor, type TfValue, Translation } from "./translation.js";
import { decodeWeights, type TfConstant } from "./weights.js";

/** The opset of the translated model. */
const OPSET = 21;
const IR_VERSION = 10;

/**
 * Converts a TF.js graph model to an ONNX model. Images change from NHWC to NCHW: an input of rank 4 is an image, and values
 * computed from it stay NCHW until an op needs TF's axes (Reshape, Transpose, StridedSlice). Input sizes are those of the
 * file. Nodes and values keep their names; outputs end in ":0".
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
  for (const node of nodes) {
    const written = builder.nodes.length;
    const results = translate(node, builder, values, constants);
    named(node, results, builder, written).forEach((result, port) => {
      values.set(port === 0 ? node.name : `${node.name}:${port}`, result);
    });
  }
  for (const name of topology.outputs) addOutput(builder, name, resultOf(values, name));
  return {
    irVersion: IR_VERSION,
    opsets: new Map([["", OPSET]]),
    producerName: "whybox",
    producerVersion: "",
    metadata: new Map(),
    graph: foldBias(builder.graph("tfjs")),
  };
}

/** The nodes that the outputs depend on, in order. */
function neededNodes(topology: TfTopology): TfNode[] {
  const needed = new Set(topology.outputs.map(nodeOf));
  for (const node of [...topology.nodes].reverse()) {
    if (needed.has(node.name)) for (const input of node.inputs) needed.add(nodeOf(input));
  }
  return topology.nodes.filter((node) => needed.has(node.name));
}

function expectTranslations(nodes: readonly TfNode[]): void {
  const known = (op: string): boolean => op === "Placeholder" || op === "Const" || translations.has(op) || isFolded(op);
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
): readonly TfValue[] {
  if (node.op === "Placeholder") return [placeholder(node, builder)];
  if (node.op === "Const") {
    const constant = constants.get(node.name);
    if (constant === undefined) throw broken(`constant "${node.name}" has no entry in the weights manifest`);
    return [{ kind: "constant", ...constant }];
  }
  const inputs = node.inputs.map((input) => resultOf(values, input));
  const cx = new Translation(node, builder, inputs);
  const constant = fold(cx);
  if (constant !== undefined) return [{ kind: "constant", ...constant }];
  const made = translations.get(node.op)?.(cx);
  if (made === undefined) throw cx.unsupported("it is computed from more than short lists of constants");
  return "kind" in made ? [made] : made;
}

function resultOf(values: ReadonlyMap<string, TfValue>, input: string): TfValue {
  const value = values.get(input);
  if (value === undefined) throw broken(`"${input}" is read, but node "${nodeOf(input)}" has no such output`);
  return value;
}

/**
 * The ONNX node that computes a TF node's value gets its name, so that layers can be found by the names in the file.
 * @param written number of ONNX nodes before those of this TF node.
 */
function named(node: TfNode, results: readonly TfValue[], builder: GraphBuilder, written: number): readonly TfValue[] {
  const fresh = new Map<string, string>();
  results.forEach((result, port) => {
    if (result.kind === "tensor") fresh.set(result.value, port === 0 ? node.name : `${node.name}:${port}`);
  });
  const renamed = new Set<string>();
  for (let i = written; i < builder.nodes.length; i++) {
    const made = builder.nodes[i]!;
    if (!made.outputs.some((output) => fresh.has(output))) continue;
    for (const output of made.outputs) renamed.add(output);
    const outputs = made.outputs.map((output) => fresh.get(output) ?? output);
    builder.nodes[i] = { ...made, name: outputs[0]!, outputs };
  }
  return results.map((result) =>
    result.kind === "tensor" && renamed.has(result.value) ? { ...result, value: fresh.get(result.value)! } : result,
  );
}

function placeholder(node: TfNode, builder: GraphBuilder): TfTensor {
  const dims = shapeAttr(node, "shape");
  if (dims === undefined) throw broken(`input "${node.name}" has no shape`);
  const layout = dims.length === 4 && !channelsFirst(dims) ? "nchw" : "same";
  return { kind: "tensor", value: builder.input(node.name, laidOut(dims, layout)), dims, layout };
}

/** Converters that keep PyTorch's axes have inputs [N, 3, H, W]. */
function channelsFirst([, first, , last]: readonly TfDim[]): boolean {
  const isColour = (size: TfDim | undefined): boolean => size === 1 || size === 3;
  return isColour(first) && !isColour(last);
}

function addOutput(builder: GraphBuilder, name: string, value: TfValue): void {
  if (value.kind === "constant") throw broken(`output "${name}" is a constant`);
  const settled = new Translation({ name, op: "Identity", inputs: [], attributes: {} }, builder, [value]).tensor(0);
  const output = name.includes(":") ? `${name}/output` : `${name}:0`;
  builder.node("Identity", [settled.value], [output]);
  builder.output(output, laidOut(settled.dims, settled.layout), onnxType(settled.dtype));
}

function laidOut(dims: readonly TfDim[], layout: TfTensor["layout"]): TfDim[] {
  if (layout === "same") return [...dims];
  const [N, H, W, C] = dims as [TfDim, TfDim, TfDim, TfDim];
  return [N, C, H, W];
}
