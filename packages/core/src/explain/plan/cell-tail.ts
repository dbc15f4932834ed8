import { type SizedFacts, sizedFacts } from "../../autodiff/windows/map-facts.js";
import { type NarrowAreas, narrowAreas } from "../../autodiff/windows/narrow-areas.js";
import { buildNarrowTail, type NarrowTail } from "../../autodiff/windows/narrow-tail.js";
import { workPerPixel } from "../../autodiff/windows/region-cost.js";
import type { DetectorHead } from "../../detector/head.js";
import type { Layer } from "../../detector/layer.js";
import type { Size } from "../../image/frame.js";
import { nodesBetween } from "../../onnx/cut.js";
import type { Model, Node } from "../../onnx/model.js";

/** The parts of a loaded model that the plan reads. */
export interface CellContext {
  readonly model: Model;
  readonly head: DetectorHead;
}

/** The part of the network between a layer and one row of a level. */
export interface CellTail {
  readonly key: string;
  readonly tail: NarrowTail;
  readonly facts: SizedFacts;
  /** The crops for a row at the cell `[y, x]` of the level. */
  areas(cell: readonly [y: number, x: number]): NarrowAreas;
}

/** Where a cell tail starts and ends. */
export interface CellTailRequest {
  readonly layer: Layer;
  readonly level: number;
  readonly inputSize: Size;
}

/**
 * The tail of the rows of one level on crops. Null if the rows of the head depend on more than their own cells, or the network
 * between is not local.
 */
export function planCellTail(
  { model, head }: CellContext,
  { layer, level, inputSize }: CellTailRequest,
): CellTail | null {
  const { rows, convOutputs } = head.levels[level]!;
  const output = rows ?? head.output;
  if (!rowsAreLocal({ model, head }, [output])) return null;
  const facts = sizedFacts(model.graph, inputSize);
  const others = head.levels.flatMap((one, i) => (i === level ? [] : one.convOutputs));
  const tail = buildNarrowTail(model, { layer: layer.value, roots: convOutputs, others, output, facts });
  if (tail === undefined) return null;
  const key = `cells\n${layer.value}\n${output}\n${convOutputs.join("\n")}`;
  return { key, tail, facts, areas: (cell) => narrowAreas(tail.walk, cell, facts) };
}

/** Multiplications of one run of nodes on whole maps. */
export function workOnMaps(nodes: readonly Node[], facts: SizedFacts): number {
  const [height, width] = facts.size;
  return nodes.reduce((sum, node) => sum + workPerPixel(node, facts) * height * width, 0);
}

/** Ops that a decoding may have and that compute over all cells. */
const MIXES_CELLS: ReadonlySet<string> = new Set(["InstanceNormalization", "GroupNormalization"]);

/** Whether each row of the outputs depends on its own cell of the prediction convolutions only. */
export function rowsAreLocal({ model, head }: CellContext, outputs: readonly string[]): boolean {
  if (head.kind === "query") return false;
  const convs = new Set(head.levels.flatMap((level) => level.convOutputs));
  return !nodesBetween(model.graph, convs, outputs).some((node) => MIXES_CELLS.has(node.opType));
}
