import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { buildTail, type TailModel } from "../../onnx/cut.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { DataType, type Graph, type Model, type Node } from "../../onnx/model.js";
import { type ConeWindows, coneWindows, type WindowRead, withoutPads } from "./cone-windows.js";
import type { SizedFacts } from "./map-facts.js";
import { narrowWalk } from "./narrow-walk.js";

export interface ConeRequest {
  /** The map whose cells are kept alone. */
  readonly layer: string;
  /** Outputs of the prediction convolutions of one level. A row depends on the same cell of each of them. */
  readonly roots: readonly string[];
  /** Outputs of the prediction convolutions of the other levels. */
  readonly others: readonly string[];
  /** The rows of the level, or all predictions, `[1, R, columns]`. */
  readonly output: string;
  readonly facts: SizedFacts;
}

/** Inputs of a cone tail. Its items are cells of the layer, and pairs of one of these cells and a row. */
export interface ConeInputs {
  /** `[N, C, 1, 1]`: the activations of the cells. */
  readonly cells: string;
  /** For each read, int32 `[items, h, w]`: 0 outside the map, 1 + the cell of the map, or after these the cell of the windows that have the value. */
  readonly reads: readonly string[];
  /** int32 `[H · W]`: for each cell of the decoded maps, 1 + the pair whose logits it has, or 0. */
  readonly places: string;
  /** int32 `[M]`: the decoded row of each pair. */
  readonly rows: string;
  /** Root, or root of another level that the decoding reads → `[4]`, int64: its dims. */
  readonly dims: ReadonlyMap<string, string>;
}

/** The part of a network between single cells of a layer and rows of the predictions. It runs on windows. */
export interface ConeTail {
  readonly model: Model;
  readonly windows: ConeWindows;
  readonly inputs: ConeInputs;
  /** Value → input and output of the session of the zero layer: the cells of the whole map after a cell of zeros, `[1 + H · W, C]`. */
  readonly tables: ReadonlyMap<string, string>;
  /** Output with the row of each pair, `[1, M, columns]`. */
  readonly row: string;
}

/** Builds a cone tail. Undefined if an op is not known to be local, or a value between is not float32. */
export function buildConeTail(model: Model, request: ConeRequest): ConeTail | undefined {
  const { layer, roots, others, output, facts } = request;
  const tail = buildTail(model, [layer], roots);
  const decode = buildTail(model, [...roots, ...others], [output]);
  const entries = [layer, ...tail.crossing];
  const isFloat = tail.model.graph.inputs.every(({ elemType }) => elemType === DataType.FLOAT);
  if (!isFloat || decode.crossing.length > 0) return undefined;
  const walk = narrowWalk(tail.model.graph.nodes, { entries, roots, facts });
  if (walk === undefined) return undefined;
  const windows = coneWindows(walk, facts);
  if (windows === undefined) return undefined;
  const nodes = new ConeNodes(freshPrefix(model, "whybox/cone/"), facts);
  const local = walk.steps.map((step) => {
    const own = windows.reads.flatMap((read) => (read.step === step ? [[read.value, nodes.read(read)] as const] : []));
    const names = new Map(own);
    return { ...withoutPads(step.node), inputs: step.node.inputs.map((input) => names.get(input) ?? input) };
  });
  const fixed = tail.model.graph.nodes.filter((node) => !walk.steps.some((step) => step.node === node));
  return nodes.tail({ tail, decode, windows, layer, others, output, computed: [...fixed, ...local] });
}

interface ConeParts extends Pick<ConeRequest, "layer" | "others" | "output"> {
  readonly tail: TailModel;
  readonly decode: TailModel;
  readonly windows: ConeWindows;
  /** The nodes up to the roots. */
  readonly computed: readonly Node[];
}

class ConeNodes {
  readonly #build: GraphBuilder;
  readonly #prefix: string;
  readonly #facts: SizedFacts;
  readonly #reads: string[] = [];
  readonly #tables = new Map<string, string>();
  readonly #dims = new Map<string, string>();

  constructor(prefix: string, facts: SizedFacts) {
    this.#build = new GraphBuilder(`${prefix}node`);
    this.#prefix = prefix;
    this.#facts = facts;
  }

  /** A value on the window that is read, `[items, C, h, w]`. Called once for each read, in their order. */
  read({ value, source }: WindowRead): Value {
    const build = this.#build;
    const table = this.#table(value);
    const index = build.input(`${this.#prefix}read/${this.#reads.length}`, undefined, DataType.INT32);
    this.#reads.push(index);
    const rows = source === undefined ? [table] : [table, cellRows(build, value, this.#channels(value))];
    const all = rows.length === 1 ? table : build.op("Concat", rows, { axis: 0 });
    return build.op("Transpose", [build.op("Gather", [all, index], { axis: 0 })], { perm: [0, 3, 1, 2] });
  }

  /** The model, with the decoding of the roots. */
  tail({ tail, decode, windows, layer, others, output, computed }: ConeParts): ConeTail {
    const build = this.#build;
    const places = build.input(`${this.#prefix}places`, undefined, DataType.INT32);
    const names = new Map<string, Value>();
    for (const read of windows.reads) if (read.step === undefined) names.set(read.value, this.#root(read, places));
    const decoded = new Set(decode.model.graph.nodes.flatMap((node) => node.inputs));
    for (const value of others)
      if (decoded.has(value)) names.set(value, build.op("Expand", [build.float(0), this.#dimsOf(value)]));
    const known = new Set(computed.flatMap((node) => node.outputs));
    const decoding = decode.model.graph.nodes
      .filter((node) => !known.has(node.outputs[0]!))
      .map((node) => ({ ...node, inputs: node.inputs.map((input) => names.get(input) ?? input) }));
    const rows = build.input(`${this.#prefix}rows`, undefined, DataType.INT32);
    const made = build.nodes.length;
    const row = build.op("Gather", [output, rows], { axis: 1 });
    build.output(row);
    const graph = build.graph("cone");
    const cells = { name: layer, elemType: DataType.FLOAT, shape: undefined };
    const joined: Graph = {
      ...graph,
      nodes: [...computed, ...graph.nodes.slice(0, made), ...decoding, ...graph.nodes.slice(made)],
      initializers: new Map([
        ...tail.model.graph.initializers,
        ...decode.model.graph.initializers,
        ...graph.initializers,
      ]),
      inputs: [cells, ...graph.inputs],
    };
    const inputs = { cells: layer, reads: this.#reads, places, rows, dims: this.#dims };
    return { model: { ...tail.model, graph: joined }, windows, inputs, tables: this.#tables, row };
  }

  /** A root as a whole map, with the pairs at their places. */
  #root(read: WindowRead, places: Value): Value {
    const build = this.#build;
    const channels = this.#channels(read.value);
    const pairs = build.op("Reshape", [this.read(read), build.ints([-1, channels])]);
    const zero = build.floats([1, channels], new Float32Array(channels));
    const placed = build.op("Gather", [build.op("Concat", [zero, pairs], { axis: 0 }), places], { axis: 0 });
    const map = build.op("Transpose", [placed], { perm: [1, 0] });
    return build.op("Reshape", [map, this.#dimsOf(read.value)]);
  }

  #dimsOf(root: string): Value {
    const name = this.#build.input(`${this.#prefix}dims/${root}`, undefined, DataType.INT64);
    this.#dims.set(root, name);
    return name;
  }

  #table(value: string): Value {
    const known = this.#tables.get(value);
    if (known !== undefined) return known;
    const name = this.#build.input(`${this.#prefix}table/${value}`, undefined);
    this.#tables.set(value, name);
    return name;
  }

  #channels(value: string): number {
    return this.#facts.map(value)!.channels;
  }
}

/** The cells of maps `[N, C, h, w]` as rows `[N · h · w, C]`. */
function cellRows(build: GraphBuilder, value: Value, channels: number): Value {
  return build.op("Reshape", [build.op("Transpose", [value], { perm: [0, 2, 3, 1] }), build.ints([-1, channels])]);
}

/** A tail that also outputs the tables of some of its values. */
export function withTables({ model }: TailModel, tables: ReadonlyMap<string, string>, facts: SizedFacts): Model {
  const build = new GraphBuilder(freshPrefix(model, "whybox/tables/"));
  for (const [value, name] of tables) {
    const { channels } = facts.map(value)!;
    const zero = build.floats([1, channels], new Float32Array(channels));
    build.node("Concat", [zero, cellRows(build, value, channels)], [name], { axis: 0 });
    build.output(name);
  }
  const { graph } = model;
  const more = build.graph("tables");
  return {
    ...model,
    graph: {
      ...graph,
      nodes: [...graph.nodes, ...more.nodes],
      initializers: new Map([...graph.initializers, ...more.initializers]),
      outputs: [...graph.outputs, ...more.outputs],
    },
  };
}
