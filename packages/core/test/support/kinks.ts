import * as ort from "onnxruntime-node";
import { floatTwin } from "../../src/autodiff/float-twin.js";
import { buildPrefix } from "../../src/onnx/cut.js";
import { elementType } from "../../src/onnx/element-type.js";
import { indexOf } from "../../src/onnx/graph.js";
import { DataType, type Graph, type Model, type Node } from "../../src/onnx/model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import type { RuntimeData, RuntimeTensor, RuntimeType } from "../../src/runtime/port.js";
import { openSession } from "../../src/runtime/sessions.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { backwardModelOf } from "./backward-run.js";

interface Value {
  readonly type: RuntimeType;
  readonly dims: readonly number[];
  readonly data: RuntimeData;
}
type ReadValue = (name: string) => Value;
/** The smooth piece that an entry of a value is on: the derivative jumps between two of them. `i` is its place, `read` gives values of the same run. */
type Piece = (entry: number, i: number, read: ReadValue) => number;

export interface KinkedRun {
  readonly model: Model;
  /** The weights before they were rounded. */
  readonly weights: Graph["initializers"];
  readonly taps: readonly string[];
  readonly feed: readonly [input: string, Tensor];
  /** By value that the score reads. */
  readonly seeds: Readonly<Record<string, Tensor>>;
}

const port = createOrtPort(ort as never);

/**
 * The gradients of a model in half precision, with one change: where rounding moved a value across a kink (a ReLU's zero, the bound of a Clip, the
 * border of a cell in GridSample, the order in TopK), the backward pass reads the value of the same network without rounding. What remains is all other rounding.
 */
export async function gradientsOnOneSide({
  model,
  weights,
  taps,
  feed,
  seeds,
}: KinkedRun): Promise<Map<string, Tensor>> {
  const backward = backwardModelOf(model, { taps, outputs: Object.keys(seeds) });
  const given = new Set(backward.model.graph.inputs.map(({ name }) => name));
  const made = new Set(backward.model.graph.nodes.flatMap(({ outputs }) => outputs));
  const twin = floatTwin(model.graph);
  const pieces = piecesOf(twin, (value) => given.has(value) || made.has(value));
  const beside = twin.nodes.flatMap((node) => {
    if (node.opType === "GridSample") return node.inputs.slice(0, 1);
    return isBound(node) ? node.inputs.slice(1).filter((name) => name !== "") : [];
  });
  const wanted = [...new Set([...backward.saved, ...pieces.keys(), ...beside])];
  const exact = { ...model, graph: { ...twin, initializers: unrounded(twin, weights) } };
  const forward = (one: Model) =>
    run(buildPrefix(one, wanted, backward.forwardNodes), new Map([[feed[0], float32(feed[1])]]), wanted);
  const [rounded, smooth] = [await forward(model), await forward(exact)];
  const [here, there]: ReadValue[] = [(name) => rounded.get(name)!, (name) => smooth.get(name)!];
  const values = new Map(rounded);
  for (const [value, across] of pieces) {
    const [half, float] = [here!(value), there!(value)];
    const data = (half.data as Float32Array).map((x, i) => {
      const other = Number(float.data[i]);
      return across.every((piece) => piece(x, i, here!) === piece(other, i, there!)) ? x : other;
    });
    values.set(value, { ...half, data });
  }
  // The order of values that are about equal.
  for (const { opType, outputs } of twin.nodes)
    if (opType === "TopK" && rounded.has(outputs[1]!)) values.set(outputs[1]!, there!(outputs[1]!));
  for (const [value, name] of backward.seeds) values.set(name, float32(seeds[value]!));
  const named = [...backward.gradients].filter((pair): pair is [string, string] => pair[1] !== null);
  const back = { ...backward.model, graph: withInputs(backward.model.graph, [...pieces.keys()]) };
  const found = await run(
    back,
    values,
    named.map(([, name]) => name),
  );
  return new Map(
    named.map(([tap, name]) => [tap, { dims: found.get(name)!.dims, data: found.get(name)!.data as Float32Array }]),
  );
}

/** Runs a model on those of the values that it takes. */
async function run(
  model: Model,
  values: ReadonlyMap<string, Value>,
  outputs: readonly string[],
): Promise<Map<string, Value>> {
  const session = await openSession(port, model, { threads: 1 });
  const feeds: Record<string, RuntimeTensor> = {};
  for (const { name } of model.graph.inputs) {
    const value = values.get(name);
    if (value !== undefined) feeds[name] = await port.upload(value.type, value.dims, value.data.slice());
  }
  const found = new Map<string, Value>();
  for (const [name, tensor] of Object.entries(await session.run(feeds, outputs)))
    found.set(name, { type: tensor.type, dims: tensor.dims, data: await tensor.read() });
  await session.release();
  return found;
}

function float32({ dims, data }: Tensor): Value {
  return { type: "float32", dims, data };
}

/** The pieces of each value that an op with kinks reads, of those that the backward pass knows. */
function piecesOf(graph: Graph, isKnown: (value: string) => boolean): Map<string, Piece[]> {
  const pieces = new Map<string, Piece[]>();
  const index = indexOf(graph);
  for (const node of graph.nodes) {
    const piece = pieceOf(node);
    let value = node.inputs[node.opType === "GridSample" ? 1 : 0];
    // A clipped value is on the side of a further bound that it was on before.
    while (isBound(index.producer(value ?? ""))) value = index.producer(value!)!.inputs[0];
    if (piece !== undefined && value !== undefined && isKnown(value) && elementType(graph, value) === DataType.FLOAT)
      pieces.set(value, [...(pieces.get(value) ?? []), piece]);
  }
  return pieces;
}

function isBound(node: Node | undefined): boolean {
  return node !== undefined && /^(Clip|Max|Min)$/.test(node.opType);
}

function pieceOf({ opType, inputs }: Node): Piece | undefined {
  const [first = "", low = "", high = ""] = inputs;
  // One bound, or one for each column.
  const bound = (read: ReadValue, name: string, { i, none }: { readonly i: number; readonly none: number }): number => {
    const bounds = name === "" ? [none] : read(name).data;
    return Number(bounds[i % bounds.length]);
  };
  switch (opType) {
    case "Relu":
    case "LeakyRelu":
      return (x) => Number(x > 0);
    case "HardSwish":
      return (x) => Number(x > -3) + Number(x > 3);
    case "Clip":
      return (x, i, read) =>
        side(x, bound(read, low, { i, none: Number.NEGATIVE_INFINITY })) +
        side(x, bound(read, high, { i, none: Number.POSITIVE_INFINITY }));
    case "Max":
    case "Min":
      return (x, i, read) => side(x, bound(read, low, { i, none: 0 }));
    case "GridSample":
      // x, then y, from -1 to 1 between the outer borders of the map.
      return (x, i, read) => Math.floor(((x + 1) * read(first).dims.at(i % 2 === 0 ? -1 : -2)! - 1) / 2);
    default:
      return undefined;
  }
}

/** A value that equals a bound shares its gradient with it. */
function side(value: number, bound: number): number {
  return Math.sign(value - bound);
}

/** The weights of a float32 graph as they were. */
function unrounded(graph: Graph, weights: Graph["initializers"]): Graph["initializers"] {
  return new Map(
    [...graph.initializers].map(([name, tensor]) => {
      const own = weights.get(name);
      return [name, own?.dataType === DataType.FLOAT ? own : tensor];
    }),
  );
}

/** The graph with `values` fed, not computed. */
function withInputs(graph: Graph, values: readonly string[]): Graph {
  const cut = new Set(values);
  const known = new Set(graph.inputs.map(({ name }) => name));
  const inputs = values.filter((name) => !known.has(name));
  return {
    ...graph,
    nodes: graph.nodes.filter(({ outputs }) => !outputs.some((output) => cut.has(output))),
    inputs: [...graph.inputs, ...inputs.map((name) => ({ name, elemType: DataType.FLOAT, shape: undefined }))],
  };
}
