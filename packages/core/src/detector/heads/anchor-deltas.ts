import type { Value } from "../../onnx/builder.js";
import type { GraphIndex } from "../../onnx/graph.js";
import { constantFloats } from "../constants.js";
import { cellsOf } from "../head.js";
import type { FoundHead, HeadContext } from "./context.js";
import { appendMapHead } from "./map-head.js";
import type { MapRows } from "./map-rows.js";
import { type RawConv, type RawLevel, rawLevels } from "./raw-levels.js";
import type { Miss } from "./refuse-head.js";

/** Maximum number of anchors per cell. EfficientDet has nine. */
const MAX_PER_CELL = 64;

/**
 * Finds the head of EfficientDet: changes of the anchors `[1, R, 4]`, class scores `[1, R, K]` with a sigmoid, and the anchors `[1, R, 4]`
 * (y1, x1, y2, x2) as a constant output. The rows are ordered by level, cell and anchor. Tan et al., "EfficientDet", CVPR 2020.
 */
export function findAnchorDeltas({ model, index, fixedSize }: HeadContext): FoundHead | Miss {
  const anchors = constantAnchors(index);
  const output = anchors?.output ?? model.graph.outputs[0]?.name ?? "";
  const miss = (reason: string): Miss => ({ output, reason, close: anchors !== undefined });
  if (anchors === undefined) return miss("no output has constant anchors");
  if (fixedSize === undefined) return miss("its anchors belong to one input size, and the file does not fix the size");
  const raw = rawLevels(index, (shape) => shape?.length === 3);
  if (typeof raw === "string") return miss(raw);
  const cells = raw.levels.map((level) => cellsOf(level, fixedSize)).map(([height, width]) => height * width);
  const perCell = anchors.sides.length / 4 / cells.reduce((sum, count) => sum + count, 0);
  if (!Number.isInteger(perCell) || perCell < 1 || perCell > MAX_PER_CELL) {
    return miss(`its ${anchors.sides.length / 4} anchors do not fit its levels`);
  }
  const classConv = raw.levels[0]!.convs.find(({ activation }) => activation === "sigmoid");
  const boxConv = raw.levels[0]!.convs.find((conv) => conv !== classConv && conv.channels === 4 * perCell);
  const classCount = (classConv?.channels ?? 0) / perCell;
  if (raw.levels[0]!.convs.length !== 2 || boxConv === undefined || !Number.isInteger(classCount) || classCount < 1) {
    return miss(`its levels do not have ${perCell} × 4 changes and ${perCell} × K classes`);
  }
  let first = 0;
  return appendMapHead(model, {
    facts: {
      kind: "anchor-based",
      task: "detect",
      source: `changes of the constant anchors "${anchors.output}", per level ${perCell} × (4 + ${classCount} classes)`,
      ...{ classCount, extraCount: 0, hasObjectness: false, prototypes: undefined },
      assumed: ["anchors are y1 x1 y2 x2, changes dy dx dh dw, as in EfficientDet"],
    },
    levels: raw.levels,
    perCell,
    columns(rows, level, at) {
      const own = anchors.sides.subarray(first, first + 4 * perCell * cells[at]!);
      first += own.length;
      return columnsOf(rows, level, { own, perCell, classCount });
    },
  });
}

function constantAnchors(index: GraphIndex): { readonly output: Value; readonly sides: Float32Array } | undefined {
  for (const { name } of index.graph.outputs) {
    const sides = constantFloats(index, name);
    if (sides !== undefined && sides.length >= 4 && sides.length % 4 === 0) return { output: name, sides };
  }
  return undefined;
}

interface LevelAnchors {
  /** y1, x1, y2, x2 of each anchor, ordered by cell, then by anchor. */
  readonly own: Float32Array;
  readonly perCell: number;
  readonly classCount: number;
}

/** Centre = anchor's centre + change · anchor's size, size = exp(change) · anchor's size. */
function columnsOf(rows: MapRows, { convs }: RawLevel, { own, perCell, classCount }: LevelAnchors): Value[] {
  const cells = own.length / 4 / perCell;
  const at = (anchor: number, cell: number): Float32Array => own.subarray(4 * (cell * perCell + anchor)).subarray(0, 4);
  const table = (value: (sides: Float32Array) => readonly [number, number]): Value => {
    const data = Array.from({ length: perCell }, (_, anchor) =>
      Array.from({ length: cells }, (__, cell) => value(at(anchor, cell))),
    );
    return rows.build.floats([1, perCell, cells, 2], Float32Array.from(data.flat(2)));
  };
  const centres = table(([y1 = 0, x1 = 0, y2 = 0, x2 = 0]) => [(x1 + x2) / 2, (y1 + y2) / 2]);
  const sizes = table(([y1 = 0, x1 = 0, y2 = 0, x2 = 0]) => [x2 - x1, y2 - y1]);
  const isClass = (conv: RawConv): boolean => conv.activation === "sigmoid";
  const changes = rows.columnsOf(convs.find((conv) => !isClass(conv))!.value, perCell, 4);
  const swapped = rows.build.op("Gather", [changes, rows.build.ints([1, 0, 3, 2])], { axis: 3 });
  const centre = rows.plus(rows.times(rows.cut(swapped, 0, 2), sizes), centres);
  const size = rows.times(rows.build.op("Exp", [rows.cut(swapped, 2, 4)]), sizes);
  const scores = rows.sigmoid(rows.columnsOf(convs.find(isClass)!.value, perCell, classCount));
  return [centre, size, rows.onesBeside(scores), scores];
}
