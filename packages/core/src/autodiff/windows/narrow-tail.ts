import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { buildTail } from "../../onnx/cut.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { DataType, type Model, type Node } from "../../onnx/model.js";
import type { SizedFacts } from "./map-facts.js";
import { type Cut, type NarrowWalk, narrowWalk } from "./narrow-areas.js";

export interface NarrowRequest {
  /** The map whose cells are masked. */
  readonly layer: string;
  /** Outputs of the prediction convolutions of one level. A row depends on the same cell of each of them. */
  readonly roots: readonly string[];
  /** Outputs of the prediction convolutions of the other levels. */
  readonly others: readonly string[];
  /** The rows of the level, or all predictions, `[1, R, columns]`. */
  readonly output: string;
  readonly facts: SizedFacts;
}

/** Inputs of a narrow tail, beside the layer and the maps that bypass it. */
export interface NarrowInputs {
  /** `[N, 1, h, w]`: the factors of the layer's cells for each item, in the area that the row depends on. */
  readonly masks: string;
  /** `[K, 2]`, int64: where each crop starts and ends, y and x. */
  readonly starts: string;
  readonly ends: string;
  /** `[4]`, int64: the cells above and left of the root's cell, then below and right of it. */
  readonly pads: string;
  /** `[1]`, int64: the row. */
  readonly row: string;
  /** Root of another level → `[3]`, int64: its dims without the batch. */
  readonly others: ReadonlyMap<string, string>;
}

/** The part of a network between a layer and one row of the predictions. It runs on crops, as far as the row depends on them. */
export interface NarrowTail {
  readonly model: Model;
  readonly walk: NarrowWalk;
  readonly inputs: NarrowInputs;
  /** Output with the row, `[N, 1, columns]`. */
  readonly row: string;
}

/**
 * Builds a narrow tail. Maps are cut to the area that the row depends on, before each op that reads more than one cell of them. Only cells outside
 * of this area differ from those of whole maps. The decoding runs on whole maps that are zero except at the row's cell. Undefined if an op is not known to
 * be local, or a value between is not float32.
 */
export function buildNarrowTail(model: Model, request: NarrowRequest): NarrowTail | undefined {
  const { layer, roots, others, output, facts } = request;
  const tail = buildTail(model, [layer], roots);
  const decode = buildTail(model, [...roots, ...others], [output]);
  const entries = [layer, ...tail.crossing];
  const isFloat = tail.model.graph.inputs.every(({ elemType }) => elemType === DataType.FLOAT);
  if (!isFloat || decode.crossing.length > 0) return undefined;
  const walk = narrowWalk(tail.model.graph.nodes, { entries, roots, facts });
  if (walk === undefined) return undefined;
  const nodes = new NarrowNodes(freshPrefix(model, "whybox/narrow/"));
  const local = nodes.local(walk, layer);
  const fixed = tail.model.graph.nodes.filter((node) => !walk.steps.some((step) => step.node === node));
  const decoding = nodes.decoding(decode.model.graph.nodes, walk, others);
  const again = decoding.filter((node) => !fixed.some(({ outputs }) => outputs[0] === node.outputs[0]));
  const row = nodes.row(output);
  const { build, inputs } = nodes;
  const graph = build.graph("narrow");
  const initializers = new Map([
    ...tail.model.graph.initializers,
    ...decode.model.graph.initializers,
    ...graph.initializers,
  ]);
  const maps = entries.map((name) => ({ name, elemType: DataType.FLOAT, shape: undefined }));
  return {
    model: {
      ...model,
      graph: {
        ...graph,
        nodes: [...fixed, ...local, ...again, ...graph.nodes],
        initializers,
        inputs: [...graph.inputs, ...maps],
      },
    },
    ...{ walk, inputs, row },
  };
}

/** Emits the nodes of a narrow tail. */
class NarrowNodes {
  readonly build: GraphBuilder;
  readonly inputs: NarrowInputs & { readonly others: Map<string, string> };
  readonly #count: Value;
  readonly #prefix: string;
  /** Value of the model → value that stands for it. */
  readonly #names = new Map<string, Value>();

  constructor(prefix: string) {
    this.build = new GraphBuilder(`${prefix}node`);
    this.#prefix = prefix;
    const int64 = (name: string): Value => this.build.input(`${prefix}${name}`, undefined, DataType.INT64);
    this.inputs = {
      masks: this.build.input(`${prefix}masks`, undefined),
      ...{ starts: int64("starts"), ends: int64("ends"), pads: int64("pads"), row: int64("row"), others: new Map() },
    };
    this.#count = this.build.op("Shape", [this.inputs.masks], { start: 0, end: 1 });
  }

  /** The nodes of a walk, on crops, and the roots as whole maps that are zero except at one cell. */
  local(walk: NarrowWalk, layer: string): Node[] {
    const { build } = this;
    walk.entries.forEach((value, i) => {
      const crop = this.#cut(value, i);
      this.#names.set(value, value === layer ? build.op("Mul", [crop, this.inputs.masks]) : this.#repeated(crop));
    });
    const cutAt = ({ value }: Cut, i: number): Value =>
      this.#cut(this.#names.get(value) ?? value, walk.entries.length + i);
    const cuts = new Map(walk.cuts.map((cut, i) => [cut, cutAt(cut, i)]));
    const nodes = walk.steps.map((step) => {
      const own = walk.cuts.filter((cut) => cut.step === step);
      const names = new Map([...this.#names, ...own.map((cut) => [cut.value, cuts.get(cut)!] as const)]);
      return { ...step.node, inputs: step.node.inputs.map((input) => names.get(input) ?? input) };
    });
    for (const [cut, cell] of cuts) {
      if (cut.step !== undefined) continue;
      const map = build.op("Pad", [cell, this.inputs.pads, "", build.ints([2, 3])]);
      this.#names.set(cut.value, map);
    }
    return nodes;
  }

  /** The nodes of the decoding. The other levels are zero. */
  decoding(nodes: readonly Node[], { roots }: NarrowWalk, others: readonly string[]): Node[] {
    const { build } = this;
    const read = new Set(nodes.flatMap((node) => node.inputs));
    for (const [i, value] of others.entries()) {
      if (!read.has(value)) continue;
      const dims = build.input(`${this.#prefix}dims/${i}`, undefined, DataType.INT64);
      this.inputs.others.set(value, dims);
      const shape = build.op("Concat", [this.#count, dims], { axis: 0 });
      this.#names.set(value, build.op("Expand", [build.float(0), shape]));
    }
    const names = new Map([...roots, ...this.inputs.others.keys()].map((value) => [value, this.#names.get(value)!]));
    return nodes.map((node) => ({ ...node, inputs: node.inputs.map((input) => names.get(input) ?? input) }));
  }

  row(output: string): Value {
    const row = this.build.op("Gather", [output, this.inputs.row], { axis: 1 });
    this.build.output(row);
    return row;
  }

  #repeated(map: Value): Value {
    const { build } = this;
    return build.op("Expand", [map, build.op("Concat", [this.#count, build.ints([1, 1, 1])], { axis: 0 })]);
  }

  #cut(value: Value, at: number): Value {
    const { build, inputs } = this;
    const [start, end] = [inputs.starts, inputs.ends].map((name) =>
      build.op("Gather", [name, build.int(at)], { axis: 0 }),
    );
    return build.op("Slice", [value, start!, end!, build.ints([2, 3])]);
  }
}
