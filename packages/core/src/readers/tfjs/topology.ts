import { WhyboxError } from "../../errors.js";
import { topologicalOrder } from "../../onnx/graph.js";
import { arrayOf, at, broken, dimsOf, objectOf, optional, stringOf } from "./json.js";

/** Limits for a model.json, far above any detector. */
const MAX_JSON_CHARACTERS = 64 * 2 ** 20;
const MAX_NODES = 50_000;
const MAX_RANK = 8;

/** One node of a TF.js graph model. Inputs are node names, with ":1" and so on for later outputs. Control inputs and ":0" are removed. */
export interface TfNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  /** The node's `attr` object from the file. Read it with the functions of attributes.ts. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** One entry of the weights manifest. */
export interface TfWeightSpec {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dtype: string;
  readonly quantization: { readonly dtype: string; readonly scale: number; readonly min: number } | undefined;
}

/** A parsed model.json. */
export interface TfTopology {
  /** Every value is computed before it is read. */
  readonly nodes: readonly TfNode[];
  /** In order of their bytes. */
  readonly weights: readonly TfWeightSpec[];
  /** Names of the files that hold the weights, in order. */
  readonly shards: readonly string[];
  /** Names of the nodes that the model returns. */
  readonly outputs: readonly string[];
}

/**
 * Parses the JSON part of a TF.js graph model. Nothing is evaluated.
 * @param modelJson the text of model.json, or the object it parses to.
 * @throws bad-input when it is not a valid TF.js graph model, with the location.
 */
export function parseTopology(modelJson: unknown): TfTopology {
  const json = typeof modelJson === "string" ? parseText(modelJson) : modelJson;
  if (Array.isArray(json) && Object.hasOwn(Object(json[0]), "weights")) {
    throw broken("this is a manifest of weights, without the network that they belong to");
  }
  const root = objectOf(json, "model.json");
  const format = optional(root, "format");
  if (format !== undefined && format !== "graph-model") {
    throw broken(`"format" is ${JSON.stringify(format)}, expected "graph-model"`);
  }
  const topology = objectOf(at(root, "modelTopology", "model.json"), "modelTopology");
  const nodes = sortNodes(
    arrayOf(at(topology, "node", "modelTopology"), "modelTopology.node", MAX_NODES).map(parseNode),
  );
  const groups = arrayOf(at(root, "weightsManifest", "model.json"), "weightsManifest", MAX_NODES).map((group, i) =>
    objectOf(group, `weightsManifest[${i}]`),
  );
  return {
    nodes,
    weights: groups.flatMap((group, i) => parseWeights(group, `weightsManifest[${i}]`)),
    shards: groups.flatMap((group, i) => parsePaths(group, `weightsManifest[${i}]`)),
    outputs: parseOutputs(root, nodes),
  };
}

/**
 * The weight files that a model.json names, in the order in which `readTfjs` expects their bytes.
 * Names must be plain file names, without a folder.
 * @throws bad-input
 */
export function tfjsWeightFiles(modelJson: unknown): readonly string[] {
  return parseTopology(modelJson).shards;
}

function parseText(text: string): unknown {
  if (text.length > MAX_JSON_CHARACTERS) throw broken(`it has ${text.length} characters, the limit is 64 Mi`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw broken("it is no JSON", cause);
  }
}

function parseNode(raw: unknown, index: number): TfNode {
  const where = `modelTopology.node[${index}]`;
  const node = objectOf(raw, where);
  const inputs = arrayOf(optional(node, "input") ?? [], `${where}.input`, MAX_NODES).map((input, i) =>
    stringOf(input, `${where}.input[${i}]`),
  );
  return {
    name: stringOf(at(node, "name", where), `${where}.name`),
    op: stringOf(at(node, "op", where), `${where}.op`),
    inputs: inputs.filter((input) => !input.startsWith("^")).map(withoutPort),
    attributes: objectOf(optional(node, "attr") ?? {}, `${where}.attr`),
  };
}

/** "name:0" is the first output of a node, as is "name". */
function withoutPort(input: string): string {
  return input.endsWith(":0") ? input.slice(0, -2) : input;
}

/** The name of the node that computes the value `input`. */
export function nodeOf(input: string): string {
  return input.replace(/:\d+$/, "");
}

function sortNodes(nodes: readonly TfNode[]): TfNode[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  if (byName.size < nodes.length) throw broken("two nodes have the same name");
  for (const node of nodes) {
    const dangling = node.inputs.find((input) => !byName.has(nodeOf(input)));
    if (dangling !== undefined)
      throw broken(`node "${node.name}" (${node.op}) reads "${dangling}", which no node gives`);
  }
  const loop = nodes.find(({ op }) => op === "NextIteration");
  if (loop !== undefined) {
    throw new WhyboxError(
      "unsupported-model",
      `TF.js model: it has a loop, through node "${loop.name}" (${loop.op}), and loops are not translated. Convert the model that it was made from to ONNX (python -m tf2onnx.convert --saved-model FOLDER --output model.onnx).`,
      { details: { node: loop.name } },
    );
  }
  const order = topologicalOrder(
    nodes.map(({ name, op, inputs }) => ({
      opType: op,
      domain: "",
      name,
      inputs: inputs.map(nodeOf),
      outputs: [name],
      attributes: new Map(),
    })),
  );
  return order.map((node) => byName.get(node.name)!);
}

function parseWeights(group: Readonly<Record<string, unknown>>, where: string): TfWeightSpec[] {
  return arrayOf(at(group, "weights", where), `${where}.weights`, MAX_NODES).map((raw, i) => {
    const place = `${where}.weights[${i}]`;
    const spec = objectOf(raw, place);
    return {
      name: stringOf(at(spec, "name", place), `${place}.name`),
      dims: dimsOf(at(spec, "shape", place), `${place}.shape`, MAX_RANK),
      dtype: stringOf(at(spec, "dtype", place), `${place}.dtype`),
      quantization: parseQuantization(optional(spec, "quantization"), `${place}.quantization`),
    };
  });
}

function parseQuantization(raw: unknown, where: string): TfWeightSpec["quantization"] {
  if (raw === undefined || raw === null) return undefined;
  const spec = objectOf(raw, where);
  const numberAt = (key: string, fallback: number): number => {
    const value = optional(spec, key) ?? fallback;
    if (typeof value !== "number" || !Number.isFinite(value)) throw broken(`${where}.${key} is no number`);
    return value;
  };
  return {
    dtype: stringOf(at(spec, "dtype", where), `${where}.dtype`),
    scale: numberAt("scale", 1),
    min: numberAt("min", 0),
  };
}

function parsePaths(group: Readonly<Record<string, unknown>>, where: string): string[] {
  return arrayOf(at(group, "paths", where), `${where}.paths`, MAX_NODES).map((raw, i) => {
    const path = stringOf(raw, `${where}.paths[${i}]`);
    if (!/^[\w-][\w.-]*$/.test(path)) {
      throw broken(`${where}.paths[${i}] is ${JSON.stringify(path)}, expected a plain file name`);
    }
    return path;
  });
}

/** The signature's outputs, or every node that no other node reads. */
function parseOutputs(root: Readonly<Record<string, unknown>>, nodes: readonly TfNode[]): string[] {
  const signature = objectOf(optional(root, "signature") ?? {}, "signature");
  const entries = objectOf(optional(signature, "outputs") ?? {}, "signature.outputs");
  const outputs = Object.keys(entries)
    .sort() // "output_0" before "output_1", in whatever order the converter wrote them
    .map((key, i) =>
      stringOf(at(objectOf(entries[key], "signature.outputs"), "name", "signature.outputs"), `output ${i}`),
    )
    .map(withoutPort);
  const names = new Set(nodes.map((node) => node.name));
  const missing = outputs.find((output) => !names.has(nodeOf(output)));
  if (missing !== undefined) throw broken(`the signature's output "${missing}" is no node`);
  if (outputs.length > 0) return outputs;
  const read = new Set(nodes.flatMap((node) => node.inputs.map(nodeOf)));
  const leaves = nodes.filter((node) => !read.has(node.name) && node.op !== "Const" && node.op !== "NoOp");
  if (leaves.length === 0) throw new WhyboxError("bad-input", "TF.js model: no node is an output. Export it again.");
  return leaves.map((node) => node.name);
}
