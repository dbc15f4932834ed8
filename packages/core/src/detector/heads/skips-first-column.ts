import { intAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { Node } from "../../onnx/model.js";
import { constantInts } from "../constants.js";

/** Maximum number of values that are visited. */
const MAX_VALUES = 40;

/** Ops that leave the columns as they are. */
const MOVES: ReadonlySet<string> = new Set(["Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Split", "Flatten"]);

/**
 * Whether the selection of a model does not read the first column of its scores, which is then the background. It reads a slice from the second column
 * on, or single columns.
 */
export function skipsFirstColumn(index: GraphIndex, scores: Value, columns: number): boolean {
  const seen = new Set(sameValues(index, scores));
  const single = new Set<number>();
  for (const value of seen) {
    for (const node of index.consumers(value)) {
      if (node.opType === "Slice" && startsAtOne(index, node)) return true;
      const column = node.opType === "Gather" ? columnOf(index, node) : undefined;
      if (column !== undefined) single.add(column);
      if (MOVES.has(node.opType) || isFirstImage(index, node))
        for (const output of node.outputs) if (seen.size < MAX_VALUES) seen.add(output);
    }
  }
  return single.size === columns - 1 && !single.has(0);
}

/** A value and those that it is a Cast of: the selection of a float16 model reads the scores before they are cast for the output. */
function sameValues(index: GraphIndex, value: Value): Value[] {
  const values = [value];
  while (values.length < MAX_VALUES) {
    const node = index.producer(values.at(-1)!);
    if (node === undefined || !/^(Cast|Identity)$/.test(node.opType)) break;
    values.push(node.inputs[0]!);
  }
  return values;
}

/** Whether a node takes the rows of the first image. */
function isFirstImage(index: GraphIndex, { opType, inputs }: Node): boolean {
  const [starts, axes] = [inputs[1], inputs[3]].map((input) => constantInts(index, input ?? "")?.join());
  return opType === "Slice" && starts === "0" && axes === "0";
}

/** Whether a Slice leaves out the first entry of its last axis only. */
function startsAtOne(index: GraphIndex, { inputs }: Node): boolean {
  const starts = constantInts(index, inputs[1] ?? "");
  const ends = constantInts(index, inputs[2] ?? "");
  const axes = inputs[3] ? constantInts(index, inputs[3]) : starts?.map((_, i) => i);
  const last = axes === undefined ? -1 : axes.includes(-1) ? axes.indexOf(-1) : axes.indexOf(Math.max(...axes));
  const isLast = axes !== undefined && (axes[last] === -1 || axes[last]! > 0);
  return (
    isLast && starts?.[last] === 1 && (ends?.[last] ?? 2) > 1 && starts.every((start, i) => i === last || start === 0)
  );
}

function columnOf(index: GraphIndex, node: Node): number | undefined {
  const places = constantInts(index, node.inputs[1] ?? "");
  return intAttribute(node, "axis", 0) !== 0 && places?.length === 1 ? places[0] : undefined;
}
