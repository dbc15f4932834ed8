import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { elementType } from "../../onnx/element-type.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { indexOf } from "../../onnx/graph.js";
import { DataType, type Model } from "../../onnx/model.js";
import type { Selection } from "../head.js";
import { anchorFreeHeadAt } from "./anchor-free.js";
import { append } from "./canonical.js";
import type { FoundHead, HeadContext } from "./context.js";
import { isUndecoded, walkToConvs } from "./head-walk.js";
import { decodedDims } from "./probe-dims.js";
import type { Miss } from "./refuse-head.js";
import { decodedBefore, inputsOfSuppression, selectionOf } from "./selection.js";

/** Maximum number of values that are examined. A detector has two or three. */
const MAX_VALUES = 8;
/** Maximum number of pairs that are read. */
const MAX_PAIRS = 12;

/**
 * Finds a head whose boxes and class scores are two values, `[1, R, 4]` and `[1, R, K]` in any order of axes: YOLO-NAS, PP-YOLOE, PicoDet, RTMDet,
 * DAMO-YOLO, and models before the inputs of their non-maximum suppression. Appends nodes that join the two, and reads the result like the
 * single output of other heads.
 */
export async function findSeparateOutputs(context: HeadContext): Promise<FoundHead | readonly Miss[]> {
  const { model, index } = context;
  const selection = selectionOf(model, index) ?? { nms: true, labels: "best" };
  const groups = [...inputsOfSuppression(index), model.graph.outputs.map(({ name }) => name)];
  const misses: Miss[] = [];
  for (const values of groups) {
    const found = await headOf(context, values, selection);
    if ("head" in found) return found;
    misses.push(...found);
  }
  return misses;
}

/** A value with its sizes in the probe. Axes of size 1 are left out. */
export interface Sized {
  readonly value: Value;
  readonly sides: readonly number[];
}

/** Tries each value of four columns as boxes with each other value of as many rows as scores. */
async function headOf(
  context: HeadContext,
  values: readonly Value[],
  selection: Selection,
): Promise<FoundHead | readonly Miss[]> {
  const known: Sized[] = [];
  const decoded = values.slice(0, MAX_VALUES).map((value) => decodedBefore(context.index, value));
  for (const value of new Set(decoded)) {
    if (value === undefined) continue;
    const dims = await decodedDims(context, value);
    if (typeof dims !== "string") known.push({ value, sides: dims.filter((size) => size !== 1) });
  }
  const misses: Miss[] = [];
  // Maps of several levels without decoding are no boxes of all of them.
  const isRaw = ({ value, sides }: Sized): boolean =>
    sides.includes(4) && isUndecoded(walkToConvs(context.index, value));
  if (known.filter(isRaw).length > 1) return misses;
  for (const boxes of known.filter(({ sides }) => sides.length === 2 && sides.includes(4))) {
    for (const scores of known) {
      const joined = scores === boxes ? undefined : joinOf(context.model, boxes, scores);
      if (joined === undefined || misses.length === MAX_PAIRS) continue;
      const found = await anchorFreeHeadAt(
        { ...context, model: joined.model, index: indexOf(joined.model.graph) },
        joined.value,
        selection,
      );
      if ("head" in found) return { ...found, head: { ...found.head, source: sourceText(boxes, scores, found) } };
      misses.push({ ...found, output: boxes.value });
    }
  }
  return misses;
}

function sourceText(boxes: Sized, scores: Sized, { head }: FoundHead): string {
  return `boxes "${boxes.value}" (4) and scores "${scores.value}" (${head.classCount} classes), joined: ${head.source}`;
}

/** Appends the rows `[1, R, 4 + K]` of boxes and scores; undefined when their numbers of rows differ. */
export function joinOf(model: Model, boxes: Sized, scores: Sized): { model: Model; value: Value } | undefined {
  const build = new GraphBuilder(freshPrefix(model, "whybox/rows/"));
  const rows = boxes.sides[1] === 4 ? boxes.sides[0]! : boxes.sides[1]!;
  const parts = [rowsOf(model, build, boxes, rows), rowsOf(model, build, scores, rows)];
  if (parts.includes(undefined)) return undefined;
  const value = build.op("Concat", parts as Value[], { axis: 2 });
  return { model: append(model, build), value };
}

/** The value as `[1, rows, columns]`. Its axes may be in the other order, and it may have more or fewer axes of size 1. */
function rowsOf(model: Model, build: GraphBuilder, { value, sides }: Sized, rows: number): Value | undefined {
  const [first, second = 1, ...others] = sides;
  if (others.length > 0 || (first !== rows && second !== rows)) return undefined;
  const isFloat = elementType(model.graph, value) === DataType.FLOAT;
  const floats = isFloat ? value : build.op("Cast", [value], { to: DataType.FLOAT });
  if (first === rows) return build.op("Reshape", [floats, build.ints([1, -1, second])]);
  const columnsFirst = build.op("Reshape", [floats, build.ints([1, first!, -1])]);
  return build.op("Transpose", [columnsFirst], { perm: [0, 2, 1] });
}
