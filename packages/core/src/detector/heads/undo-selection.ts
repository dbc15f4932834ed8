import { intAttribute } from "../../onnx/attributes.js";
import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { readsOf } from "../../onnx/cut.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import type { GraphIndex } from "../../onnx/graph.js";
import { widened } from "../../onnx/half.js";
import { DataType, type Model, type Node } from "../../onnx/model.js";
import { floatsOf, intsOf } from "../../onnx/tensors.js";
import { constantTensor } from "../constants.js";
import { append } from "./canonical.js";

/** Maximum number of nodes that are copied or left out, and of those that follow one another. */
const MAX_COPIES = 3000;
const MAX_DEPTH = 500;

/** Boxes, scores and labels that a model selected. */
export interface SelectedValues {
  readonly boxes: Value;
  readonly scores: Value;
  readonly labels: Value;
}

/** Boxes and scores of all rows, computed as the selected ones are. */
export interface AllRows {
  readonly model: Model;
  /** `[R, 4]`. */
  readonly boxes: Value;
  /** `[R, K]`. */
  readonly scores: Value;
  /** Label of the first column of the scores, if the graph tells it. */
  readonly firstLabel: number | undefined;
}

/**
 * Undoes the selection of boxes. The nodes between the selection and the outputs are copied without the selection: where a node picks entries of a
 * value by indices that depend on scores, its copy is the value itself. A model that decodes only the boxes it picked (RetinaNet, FCOS) is read
 * so, and a model that repeats its boxes for each class (SSD). Undefined if the nodes do anything else with the selection.
 */
export function undoSelection(model: Model, index: GraphIndex, selected: SelectedValues): AllRows | undefined {
  const build = new GraphBuilder(freshPrefix(model, "whybox/unselected/"));
  const copies = new Copies(index, build);
  const boxes = copies.of(selected.boxes);
  const flat = copies.of(selected.scores);
  if (boxes === undefined || flat === undefined || boxes === selected.boxes) return undefined;
  const { repeats } = copies;
  const scores =
    repeats > 1
      ? build.op("Transpose", [build.op("Reshape", [flat, build.ints([repeats, -1])])], { perm: [1, 0] })
      : build.op("Reshape", [flat, build.op("Concat", [rowCount(build, boxes), build.ints([-1])], { axis: 0 })]);
  return { model: append(model, build), boxes, scores, firstLabel: firstOfLabels(index, selected.labels, repeats) };
}

function rowCount(build: GraphBuilder, boxes: Value): Value {
  return build.op("Shape", [boxes], { start: -2, end: -1 });
}

/** Copies of the values that depend on a selection. */
class Copies {
  /** How often the boxes are repeated: once per class, or 1. */
  repeats = 1;
  readonly #index: GraphIndex;
  readonly #build: GraphBuilder;
  readonly #picked: ReadonlySet<Value>;
  readonly #known = new Map<Value, Value | undefined>();
  #depth = 0;

  constructor(index: GraphIndex, build: GraphBuilder) {
    this.#index = index;
    this.#build = build;
    this.#picked = pickedValues(index);
  }

  /** The copy of a value; the value itself if it does not depend on a selection. */
  of(value: Value): Value | undefined {
    if (!this.#picked.has(value)) return value;
    if (!this.#known.has(value)) {
      // A value that depends on itself is refused elsewhere.
      this.#known.set(value, undefined);
      if (this.#known.size > MAX_COPIES || this.#depth === MAX_DEPTH) return undefined;
      this.#depth++;
      this.#known.set(value, this.#copy(this.#index.producer(value)!, value));
      this.#depth--;
    }
    return this.#known.get(value);
  }

  #copy(node: Node, value: Value): Value | undefined {
    const [data = "", places = ""] = node.inputs;
    if (/^Gather/.test(node.opType) && this.#picked.has(places)) return this.of(data);
    if (node.opType === "TopK") return value === node.outputs[0] ? this.of(data) : undefined;
    if (node.opType === "Compress") return this.of(data);
    if (SOURCES.has(node.opType)) return undefined;
    const inputs = node.inputs.map((input) => (input === "" ? "" : this.of(input)));
    if (inputs.includes(undefined)) return undefined;
    const same = new Set(inputs);
    const isBoxes = node.opType === "Concat" && inputs.length > 1 && same.size === 1;
    if (isBoxes && intAttribute(node, "axis", 0) === 0) {
      if (this.repeats > 1 && this.repeats !== inputs.length) return undefined;
      this.repeats = inputs.length;
      return inputs[0];
    }
    const outputs = node.outputs.map((output) => (output === "" ? "" : this.#build.fresh()));
    const at = node.outputs.indexOf(value);
    node.outputs.forEach((output, i) => {
      if (i !== at && output !== "") this.#known.set(output, outputs[i]!);
    });
    this.#build.nodes.push({ ...node, name: outputs[at]!, inputs: inputs as Value[], outputs });
    return outputs[at];
  }
}

/** Ops that give places, or pick inside a graph of their own. */
const SOURCES: ReadonlySet<string> = new Set(["NonZero", "NonMaxSuppression", "If", "Loop", "Scan"]);

/** The values that depend on which entries are picked by their scores. */
function pickedValues(index: GraphIndex): Set<Value> {
  const fromConv = index.descendants(
    index.graph.nodes.filter(({ opType }) => opType === "Conv").flatMap(({ outputs }) => outputs),
  );
  const picks = index.graph.nodes.filter(
    (node) =>
      (SOURCES.has(node.opType) || node.opType === "TopK" || node.opType === "Compress") &&
      readsOf(node).some((value) => fromConv.has(value)),
  );
  return index.descendants(picks.flatMap(({ outputs }) => outputs.filter((output) => output !== "")));
}

/** The label of the first class, if the labels are joined from one constant per class, in order. */
function firstOfLabels(index: GraphIndex, labels: Value, count: number): number | undefined {
  const seen = new Set([labels]);
  for (const value of seen) {
    const node = index.producer(value);
    if (node === undefined || seen.size > 40) return undefined;
    if (node.opType === "Concat" && node.inputs.length === count) {
      const numbers = node.inputs.map((input) => labelOf(index, input));
      const first = numbers[0];
      return first !== undefined && numbers.every((number, i) => number === first + i) ? first : undefined;
    }
    // The data of a pick, or of a conversion.
    if (node.inputs[0]) seen.add(node.inputs[0]);
  }
  return undefined;
}

function labelOf(index: GraphIndex, value: Value): number | undefined {
  const node = index.producer(value);
  const attribute = node?.opType === "ConstantOfShape" ? node.attributes.get("value") : undefined;
  const tensor = attribute?.type === "tensor" ? attribute.value : constantTensor(index, node?.inputs[0] ?? "");
  if (tensor === undefined) return undefined;
  return tensor.dataType === DataType.INT64 ? intsOf(tensor)[0] : floatsOf(widened(tensor))[0];
}
