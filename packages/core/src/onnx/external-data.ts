import { WhyboxError } from "../errors.js";
import { sizeOf } from "../tensor/tensor.js";
import { byteLengthOf, dataTypeName } from "./data-types.js";
import type { Attribute, Graph, Model, Node, TensorProto } from "./model.js";
import { subgraphsOf, withSubgraphs } from "./subgraphs.js";

/** The files with values of a model's tensors, by the names that the model gives them. */
export type ExternalData = ReadonlyMap<string, Uint8Array>;

/** Maximum number of files. Exporters write one file, or one for each of some hundred weights. */
const MAX_FILES = 4096;
const MAX_NAME = 255;

/**
 * The names of the files that hold values of the model's tensors (`torch.onnx.export` writes `model.onnx.data` beside `model.onnx`), in the order
 * of their first use. Each is a path relative to the model's folder, without `..`.
 * @throws bad-input for a name that is not a path inside this folder; limit for too many files.
 */
export function externalDataFiles(model: Model): readonly string[] {
  const names = new Set<string>();
  for (const graph of withSubgraphs(model.graph)) {
    for (const tensor of tensorsOf(graph)) if (tensor.external !== undefined) names.add(fileOf(tensor));
    if (names.size > MAX_FILES) {
      throw new WhyboxError(
        "limit",
        `The model keeps its values in more than ${MAX_FILES} other files. Instead, ${ONE_FILE}`,
      );
    }
  }
  return [...names];
}

/**
 * The model with all values in it: views into the files, so do not change them afterwards.
 * @throws bad-input for a missing file (`details.externalData` lists all of them), and for a tensor that is not inside its file; as `externalDataFiles`.
 */
export function withExternalData(model: Model, files: ExternalData = new Map()): Model {
  const missing = externalDataFiles(model).filter((name) => !files.has(name));
  if (missing.length > 0) throw missingFiles(missing);
  return { ...model, graph: filled(model.graph, files) };
}

const ONE_FILE = 'save the model as one file, in Python: onnx.save(onnx.load("model.onnx"), "single.onnx").';

function missingFiles(names: readonly string[]): WhyboxError {
  const shown = names.slice(0, 3).map((name) => `"${name}"`);
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : "";
  const [files, are, them] = names.length === 1 ? ["another file", "is", "it"] : ["other files", "are", "them"];
  return new WhyboxError(
    "bad-input",
    `The model keeps its weights in ${files}, and ${shown.join(", ")}${more} ${are} missing. Give ${them} together with the model, or ${ONE_FILE}`,
    { details: { externalData: names } },
  );
}

function* tensorsOf(graph: Graph): Generator<TensorProto> {
  yield* graph.initializers.values();
  for (const { attributes } of graph.nodes) {
    for (const attribute of attributes.values()) if (attribute.type === "tensor") yield attribute.value;
  }
}

/** The file of a tensor. @throws bad-input unless it is a path inside the model's folder. */
function fileOf({ name, external }: TensorProto): string {
  const location = external?.get("location") ?? "";
  const parts = location.split("/");
  // Backslashes and colons separate folders, drives and streams on Windows.
  const isInside =
    location.length <= MAX_NAME && !/[\\:\0]/.test(location) && parts.every((part) => part !== "" && part !== "..");
  if (isInside) return location;
  throw new WhyboxError(
    "bad-input",
    `Tensor "${name}": its values are said to be in the file "${location.slice(0, 80)}"; expected a file in the model's folder. Instead, ${ONE_FILE}`,
    { details: { tensor: name, location: location.slice(0, MAX_NAME) } },
  );
}

function filled(graph: Graph, files: ExternalData): Graph {
  const initializers = new Map([...graph.initializers].map(([name, tensor]) => [name, filledTensor(tensor, files)]));
  return { ...graph, initializers, nodes: graph.nodes.map((node) => filledNode(node, files)) };
}

function filledNode(node: Node, files: ExternalData): Node {
  const isExternal = (attribute: Attribute) => attribute.type === "tensor" && attribute.value.external !== undefined;
  if (subgraphsOf(node).length === 0 && ![...node.attributes.values()].some(isExternal)) return node;
  const attributes = [...node.attributes].map(([name, attribute]): [string, Attribute] => {
    if (attribute.type === "tensor") return [name, { ...attribute, value: filledTensor(attribute.value, files) }];
    return [name, attribute.type === "graph" ? { ...attribute, value: filled(attribute.value, files) } : attribute];
  });
  return { ...node, attributes: new Map(attributes) };
}

function filledTensor(tensor: TensorProto, files: ExternalData): TensorProto {
  const { external, ...inside } = tensor;
  if (external === undefined) return tensor;
  const location = fileOf(tensor);
  const file = files.get(location)!;
  const fail = (found: string, expected: string): never => {
    throw new WhyboxError(
      "bad-input",
      `Tensor "${tensor.name}" in "${location}": found ${found}, expected ${expected}. The file may be cut short, or belong to another model: copy both files again.`,
      { details: { tensor: tensor.name, location } },
    );
  };
  const number = (key: string, otherwise: number): number => {
    const text = external.get(key);
    if (text === undefined) return otherwise;
    return /^\d{1,15}$/.test(text) ? Number(text) : fail(`${key} "${text.slice(0, 20)}"`, "a number of bytes");
  };
  const size = byteLengthOf(tensor.dataType, sizeOf(tensor.dims));
  if (size === undefined) return fail(`values of type ${dataTypeName(tensor.dataType)}`, "numbers");
  const [offset, length] = [number("offset", 0), number("length", size)];
  if (length !== size) {
    const what = `${dataTypeName(tensor.dataType)} and dims [${tensor.dims.join(", ")}]`;
    return fail(`${length} bytes for values of type ${what}`, `${size} bytes`);
  }
  if (offset + length > file.length) {
    return fail(`a file of ${file.length} bytes`, `${length} bytes from byte ${offset} on`);
  }
  return { ...inside, bytes: file.subarray(offset, offset + length) };
}
