import type { Value } from "../../onnx/builder.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { RunValue } from "./query-run.js";
import { endOf, isRefined } from "./query-structure.js";

/** The boxes and the class scores of the queries. */
export interface QueryEnds {
  /** Four columns: in centre form or corners, fractions of the input size or pixels. */
  readonly boxes: Value;
  readonly corners: boolean;
  readonly shares: boolean;
  readonly scores: Value;
  readonly classCount: number;
  /** Whether `scores` are probabilities or logits. A softmax has one more column after the classes, for "no object". */
  readonly form: "probabilities" | "logits" | "softmax" | "softmax logits";
}

/** Maximum number of queries and of classes. */
const MAX_ROWS = 100_000;
const MAX_COLUMNS = 100_000;

/** The rows and columns of a table with one row per query, `[1, Q, C]` or `[Q, C]`; undefined for other dims. */
export function tableOf(dims: readonly number[]): readonly [rows: number, columns: number] | undefined {
  const [rows = 0, columns = 0] = dims.slice(-2);
  const isTable = dims.length === 2 || (dims.length === 3 && dims[0] === 1);
  return isTable && rows >= 1 && rows <= MAX_ROWS && columns >= 1 && columns <= MAX_COLUMNS
    ? [rows, columns]
    : undefined;
}

/**
 * Finds boxes and classes among the tables of a run, which are ordered from the outputs back. The boxes are the first table of four columns.
 * The classes are the widest table with as many rows that neither leads to the boxes nor follows from them. Returns undefined without such a pair.
 */
export function queryEnds(index: GraphIndex, tables: ReadonlyMap<Value, RunValue>): QueryEnds | undefined {
  const boxes = [...tables].filter(([, { dims }]) => tableOf(dims)?.[1] === 4).map(([value]) => value);
  for (const first of boxes) {
    const scores = scoresBeside(index, tables, first);
    if (scores === undefined) continue;
    // With four classes both have the shape of boxes.
    const isSwapped = tableOf(tables.get(scores)!.dims)![1] === 4 && isBoxes(index, scores, first);
    return isSwapped ? endsOf(index, tables, scores, first) : endsOf(index, tables, first, scores);
  }
  return undefined;
}

function scoresBeside(index: GraphIndex, tables: ReadonlyMap<Value, RunValue>, boxes: Value): Value | undefined {
  const [rows] = tableOf(tables.get(boxes)!.dims)!;
  const related = new Set([...index.ancestors([boxes]), ...index.descendants([boxes])]);
  let best: Value | undefined;
  let width = 0;
  for (const [value, { dims }] of tables) {
    const [count, columns] = tableOf(dims)!;
    if (count !== rows || columns <= width || related.has(value)) continue;
    [best, width] = [value, columns];
  }
  return best;
}

/** Whether `value` and not `other` has boxes: only boxes are relative to a reference. Else the names of exporters decide. */
function isBoxes(index: GraphIndex, value: Value, other: Value): boolean {
  const [mine, others] = [isRefined(index, value), isRefined(index, other)];
  if (mine !== others) return mine;
  return /box|coord|dets/i.test(value) && !/box|coord|dets/i.test(other);
}

function endsOf(
  index: GraphIndex,
  tables: ReadonlyMap<Value, RunValue>,
  boxes: Value,
  scores: Value,
): QueryEnds | undefined {
  const numbers = tables.get(boxes)!.data;
  const columns = tableOf(tables.get(scores)!.dims)![1];
  if (!numbers.every(Number.isFinite)) return undefined;
  const form = formOf(index, boxes, scores, tables.get(scores)!);
  const classCount = form.startsWith("softmax") ? columns - 1 : columns;
  if (classCount < 1) return undefined;
  const isShare = endOf(index, boxes)?.opType === "Sigmoid";
  const corners = !isShare && areCorners(numbers);
  return { boxes, corners, shares: isShare || areShares(numbers), scores, classCount, form };
}

/** Corners are in order in every row. Centres and sizes are not: a box in the left half would have to be wider than its centre is far. */
function areCorners(boxes: Float32Array): boolean {
  for (let i = 0; i < boxes.length; i += 4) {
    if (boxes[i + 2]! < boxes[i]! || boxes[i + 3]! < boxes[i + 1]!) return false;
  }
  return true;
}

/** Most coordinates of boxes in pixels are larger than 2, and no more than a few shares are. */
function areShares(boxes: Float32Array): boolean {
  const sizes = boxes.map(Math.abs).sort();
  return sizes[Math.floor(sizes.length / 2)]! <= 2;
}

function formOf(index: GraphIndex, boxes: Value, scores: Value, { dims, data }: RunValue): QueryEnds["form"] {
  const end = endOf(index, scores)?.opType;
  const columns = tableOf(dims)![1];
  const areProbabilities = end === undefined && data.every((value) => value >= 0 && value <= 1);
  if (end === "Softmax" || areProbabilities) {
    return columns > 1 && sumsAreOne(data, columns) ? "softmax" : "probabilities";
  }
  if (end === "Sigmoid") return "probabilities";
  // Models that refine boxes are trained with a sigmoid per class. DETR is trained with a softmax and a "no object" class.
  return isRefined(index, boxes) ? "logits" : "softmax logits";
}

function sumsAreOne(data: Float32Array, columns: number): boolean {
  for (let i = 0; i < data.length; i += columns) {
    const sum = data.subarray(i, i + columns).reduce((total, value) => total + value, 0);
    if (!(Math.abs(sum - 1) < 1e-3)) return false;
  }
  return true;
}
