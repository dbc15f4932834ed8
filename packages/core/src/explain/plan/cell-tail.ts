import { buildConeTail, type ConeTail } from "../../autodiff/windows/cone-tail.js";
import { type SizedFacts, sizedFacts } from "../../autodiff/windows/map-facts.js";
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

/** The part of the network between a layer and the rows of a level. */
export interface CellTail {
  readonly key: string;
  readonly tail: ConeTail;
  readonly facts: SizedFacts;
}

/** Where a cell tail starts and ends. */
export interface CellTailRequest {
  readonly layer: Layer;
  readonly level: number;
  readonly inputSize: Size;
}

/**
 * The tail of the rows of one level on windows. Null if the rows of the head depend on more than their own cells, or the network
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
  const tail = buildConeTail(model, { layer: layer.value, roots: convOutputs, others, output, facts });
  if (tail === undefined) return null;
  const key = `cells\n${layer.value}\n${output}\n${convOutputs.join("\n")}`;
  return { key, tail, facts };
}

/** Multiplications of one run of nodes on whole maps. */
export function workOnMaps(nodes: readonly Node[], facts: SizedFacts): number {
  const [height, width] = facts.size;
  return nodes.reduce((sum, node) => sum + workPerPixel(node, facts) * height * width, 0);
}

/** Ops that a decoding may have and that compute over all cells. */
const MIXES_CELLS: ReadonlySet<string> = new Set(["InstanceNormalization", "GroupNormalization"]);

/**
 * Whether each row of the outputs depends on its own cell of the prediction convolutions only, and the cells are whole shares of the input.
 */
export function rowsAreLocal({ model, head }: CellContext, outputs: readonly string[]): boolean {
  if (!head.hasCells || head.levels.some(({ cells }) => cells !== undefined)) return false;
  const convs = new Set(head.levels.flatMap((level) => level.convOutputs));
  return !nodesBetween(model.graph, convs, outputs).some((node) => MIXES_CELLS.has(node.opType));
}
