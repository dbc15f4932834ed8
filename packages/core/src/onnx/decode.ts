import { WhyboxError } from "../errors.js";
import { decodeAttribute } from "./decode-attribute.js";
import { decodeTensor, readEntry } from "./decode-tensor.js";
import { decodeValueInfo } from "./decode-value-info.js";
import type { Attribute, Graph, Model, Node, TensorProto, UnknownField, ValueInfo } from "./model.js";
import { type ForeignFile, firstBytes, foreignFile } from "./not-onnx.js";
import { MessageBudget, MessageReader } from "./wire.js";

/** Maximum number of attributes of one node. ONNX ops have up to ten. */
const MAX_ATTRIBUTES = 1000;

/** Limits on the memory and time that a file may take. */
export interface DecodeModelOptions {
  /** Maximum number of nodes in all graphs together. YOLO12x has 930. Default 250 000. */
  readonly maxNodes?: number;
  /** Maximum depth of graphs inside graphs (If, Loop). Default 16. */
  readonly maxDepth?: number;
  /**
   * Maximum number of messages, texts, blobs and unknown fields: a guard against files full of empty entries. In packed lists of
   * numbers (attributes, dims) every eight bytes count as one. Default 2 000 000.
   */
  readonly maxMessages?: number;
}

/** Counters while one file is decoded. */
interface Limits {
  readonly maxNodes: number;
  readonly maxDepth: number;
  nodes: number;
}

/**
 * Reads a ModelProto (onnx.proto3). Initializers stored as `raw_data` are views into `file`: do not change the array
 * afterwards. Fields that this reader does not know are kept in `unknown`. Time and memory are linear in the size of the file.
 *
 * This function checks the encoding only; `validateModel` checks the content.
 *
 * @throws bad-input when the bytes are not a valid ONNX file, with byte offset and field path.
 * @throws limit when the file exceeds a limit of the options.
 */
export function decodeModel(file: Uint8Array, options: DecodeModelOptions = {}): Model {
  // A plain Uint8Array: `slice` of Node's Buffer does not copy.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  const foreign = foreignFile(bytes);
  if (foreign !== undefined) throw notOnnx(bytes, foreign);
  const limits: Limits = { maxNodes: options.maxNodes ?? 250_000, maxDepth: options.maxDepth ?? 16, nodes: 0 };
  const reader = new MessageReader(bytes, "model", new MessageBudget(options.maxMessages ?? 2_000_000));
  try {
    return readModel(reader, limits);
  } catch (cause) {
    // The byte offset alone does not help someone who picked the wrong file.
    if (cause instanceof WhyboxError && cause.code === "bad-input" && bytes[0] !== 0x08) {
      throw new WhyboxError("bad-input", `${cause.message} It starts with ${firstBytes(bytes)}.`, {
        details: cause.details,
        cause,
      });
    }
    throw cause;
  }
}

function notOnnx(bytes: Uint8Array, { what, way }: ForeignFile): WhyboxError {
  const details = { offset: 0, found: what, foreign: way === undefined };
  if (way !== undefined) return new WhyboxError("bad-input", `This is ${what}, not an ONNX file: ${way}.`, { details });
  const found = bytes.length === 0 ? "it is empty" : `it is ${what} and starts with ${firstBytes(bytes)}`;
  return new WhyboxError(
    "bad-input",
    `This is not an ONNX file: ${found}. Give the detector as an .onnx export or as its .pt checkpoint.`,
    { details },
  );
}

function readModel(reader: MessageReader, limits: Limits): Model {
  let irVersion = 0;
  let producerName = "";
  let producerVersion = "";
  let graph: Graph | undefined;
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  const unknown: UnknownField[] = [];
  while (reader.next()) {
    if (reader.field === 1) irVersion = reader.int64();
    else if (reader.field === 2) producerName = reader.string();
    else if (reader.field === 3) producerVersion = reader.string();
    else if (reader.field === 7) {
      if (graph !== undefined) reader.fail("a second graph", "one graph");
      graph = readGraph(reader.message("graph"), limits, 1);
    } else if (reader.field === 8) readOpset(reader.message("opset_import"), opsets);
    else if (reader.field === 14) readEntry(reader.message("metadata_props"), metadata);
    else unknown.push(reader.skip());
  }
  if (irVersion < 1 || !Number.isSafeInteger(irVersion)) reader.fail(`ir_version ${irVersion}`, "1 or more");
  if (graph === undefined) return reader.fail("no graph", "a graph");
  if (opsets.size === 0) reader.fail("no opset_import", "the version of the operators that the model uses");
  return { irVersion, opsets, producerName, producerVersion, metadata, graph, ...keep(unknown) };
}

function readOpset(reader: MessageReader, opsets: Map<string, number>): void {
  let domain = "";
  let version = 0;
  while (reader.next()) {
    if (reader.field === 1) domain = onnxDomain(reader.string());
    else if (reader.field === 2) version = reader.int64();
    else reader.skip();
  }
  const known = opsets.get(domain);
  if (known !== undefined && known !== version) {
    reader.fail(`versions ${known} and ${version} of domain "${domain}"`, "one version of each domain");
  }
  opsets.set(domain, version);
}

function readGraph(reader: MessageReader, limits: Limits, depth: number): Graph {
  if (depth > limits.maxDepth) {
    throw new WhyboxError(
      "limit",
      `Graphs are nested more than ${limits.maxDepth} deep at byte ${reader.position} (${reader.path()}). Export the model without such loops, or raise the limit.`,
      { details: { maxDepth: limits.maxDepth } },
    );
  }
  let name = "";
  const nodes: Node[] = [];
  const initializers = new Map<string, TensorProto>();
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const valueInfo: ValueInfo[] = [];
  const unknown: UnknownField[] = [];
  while (reader.next()) {
    if (reader.field === 1) nodes.push(readNode(reader, nodes.length, limits, depth));
    else if (reader.field === 2) name = reader.string();
    else if (reader.field === 5) addInitializer(reader, initializers);
    else if (reader.field === 11) inputs.push(decodeValueInfo(reader.message(`input[${inputs.length}]`)));
    else if (reader.field === 12) outputs.push(decodeValueInfo(reader.message(`output[${outputs.length}]`)));
    else if (reader.field === 13) valueInfo.push(decodeValueInfo(reader.message(`value_info[${valueInfo.length}]`)));
    else unknown.push(reader.skip());
  }
  return { name, nodes, initializers, inputs, outputs, valueInfo, ...keep(unknown) };
}

function addInitializer(parent: MessageReader, initializers: Map<string, TensorProto>): void {
  const reader = parent.message(`initializer[${initializers.size}]`);
  const tensor = decodeTensor(reader);
  if (tensor.name === "") reader.fail("an initializer without a name", "a name");
  if (initializers.has(tensor.name)) reader.fail(`a second initializer "${tensor.name}"`, "one of each name");
  initializers.set(tensor.name, tensor);
}

function readNode(parent: MessageReader, index: number, limits: Limits, depth: number): Node {
  const reader = parent.message(`node[${index}]`);
  if (++limits.nodes > limits.maxNodes) {
    throw new WhyboxError(
      "limit",
      `The model has more than ${limits.maxNodes} nodes (at byte ${reader.position}). Use a smaller model, or raise the limit.`,
      { details: { maxNodes: limits.maxNodes } },
    );
  }
  let opType = "";
  let domain = "";
  let name = "";
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, Attribute>();
  const unknown: UnknownField[] = [];
  while (reader.next()) {
    if (reader.field === 1) inputs.push(reader.string());
    else if (reader.field === 2) outputs.push(reader.string());
    else if (reader.field === 3) name = reader.string();
    else if (reader.field === 4) opType = reader.string();
    else if (reader.field === 5) {
      const inner = reader.message(`attribute[${attributes.size}]`);
      const [key, value] = decodeAttribute(inner, (graph) => readGraph(graph, limits, depth + 1));
      if (attributes.size >= MAX_ATTRIBUTES)
        inner.fail(`more than ${MAX_ATTRIBUTES} attributes`, "those of one operator");
      if (attributes.has(key)) inner.fail(`a second attribute "${key}"`, "one of each name");
      attributes.set(key, value);
    } else if (reader.field === 7) domain = onnxDomain(reader.string());
    else unknown.push(reader.skip());
  }
  return { opType, domain, name, inputs, outputs, attributes, ...keep(unknown) };
}

function onnxDomain(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}

function keep(unknown: readonly UnknownField[]): { unknown?: readonly UnknownField[] } {
  return unknown.length > 0 ? { unknown } : {};
}
