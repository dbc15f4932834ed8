import type { Size } from "../../image/frame.js";
import type { Value } from "../../onnx/builder.js";
import { elementType } from "../../onnx/element-type.js";
import { type GraphIndex, indexOf } from "../../onnx/graph.js";
import { FLOATS } from "../../onnx/half.js";
import type { Model } from "../../onnx/model.js";
import { modelFault } from "../../runtime/model-fault.js";
import { selectedBoxes } from "./black-box.js";
import type { HeadContext } from "./context.js";
import { walkToConvs } from "./head-walk.js";
import { tableOf } from "./query-ends.js";
import { runOnNoise } from "./query-run.js";
import { valuesBefore } from "./query-structure.js";
import { undoSelection } from "./undo-selection.js";

/** Maximum number of values visited, and of values that are measured. A selection for each of many classes has thousands of values. */
const MAX_VISITED = 8000;
const MAX_MEASURED = 400;

/** The size of the run for a model without a fixed size. */
const OPEN_SIZE: Size = [320, 384];
/** Another one, which shows whether the network resizes its image. */
const OTHER_SIZE: Size = [512, 256];

/** A value with its dims. */
export interface Measured {
  readonly value: Value;
  readonly dims: readonly number[];
}

/** Values that may be the boxes and the scores of all rows. */
export interface PriorValues {
  readonly model: Model;
  /** The most likely pair first. */
  readonly pairs: readonly Pair[];
  /** The maps of the prediction convolutions by name. */
  readonly maps: ReadonlyMap<Value, readonly number[]>;
  /** The size of the run. */
  readonly size: Size;
  /** Whether the maps have the same size for another size of the input. */
  readonly isResized: boolean;
}

/** Boxes and scores of as many rows. */
export interface Pair {
  readonly boxes: Measured;
  readonly scores: Measured;
  /** Whether the boxes are those of the outputs, before the selection. */
  readonly isOutput?: true;
  /** Label of the first score, if the graph tells it. */
  readonly firstLabel?: number | undefined;
  /** What the boxes and scores are. Default: their names. */
  readonly source?: string;
  readonly assumed?: readonly string[];
}

/** Maximum number of pairs that are read. */
const MAX_PAIRS = 6;

/**
 * The values before the selection of a model that could be boxes and scores of all rows, with their dims in a run on noise. Undefined if there are
 * none that are decoded from convolutions.
 * @throws runtime when the runtime does not work.
 */
export async function priorValues(context: HeadContext): Promise<PriorValues | string | undefined> {
  const selected = selectedBoxes(context.model.graph.outputs);
  const parts = Object.entries(selected?.values ?? {}).map(([part, { value, from, to, width }]) => {
    return [part, to - from === width ? value : undefined] as const;
  });
  const { boxes, scores, labels } = Object.fromEntries(parts);
  if (boxes !== undefined && scores !== undefined && labels !== undefined) {
    const all = undoSelection(context.model, context.index, { boxes, scores, labels });
    const found = all && (await measuredPair(context, all));
    if (typeof found === "object") {
      return { ...found, pairs: [{ ...found.pairs[0]!, isOutput: true, firstLabel: all?.firstLabel }] };
    }
  }
  const outputs = context.model.graph.outputs.map(({ name }) => name);
  const found = await measured(context, context.model, outputs);
  return typeof found === "object" ? { ...found, pairs: pairsOf(found.model, found.tables) } : found;
}

/** These boxes and scores of all rows with their dims, or the reason why they are not known. */
export async function measuredPair(
  context: HeadContext,
  { model, boxes, scores }: { readonly model: Model; readonly boxes: Value; readonly scores: Value },
): Promise<PriorValues | string> {
  const found = await measured(context, model, [boxes, scores]);
  if (typeof found === "string") return found;
  const [own, beside] = [boxes, scores].map((name) => found?.tables.find(({ value }) => value === name));
  if (found === undefined || own === undefined || beside === undefined || tableOf(own.dims)![1] !== 4) {
    return "its boxes and scores are no tables of four and more columns";
  }
  return { ...found, pairs: [{ boxes: own, scores: beside }] };
}

/** Boxes with the widest scores of as many rows that neither lead to them nor follow from them. */
function pairsOf(model: Model, tables: readonly Measured[]): Pair[] {
  const index = indexOf(model.graph);
  const sizeOf = ({ dims }: Measured) => tableOf(dims)!;
  const pairs: Pair[] = [];
  for (const boxes of tables.filter((table) => sizeOf(table)[1] === 4)) {
    const related = new Set([...index.ancestors([boxes.value]), ...index.descendants([boxes.value])]);
    const beside = tables.filter((table) => !related.has(table.value) && sizeOf(table)[0] === sizeOf(boxes)[0]);
    const widest = Math.max(0, ...beside.map((table) => sizeOf(table)[1]));
    const scores = beside.find((table) => sizeOf(table)[1] === widest);
    if (scores !== undefined) pairs.push({ boxes, scores });
    if (pairs.length === MAX_PAIRS) break;
  }
  return pairs;
}

/** What a run on noise shows. */
interface Run extends Omit<PriorValues, "pairs"> {
  /** Tables `[R, C]`, nearest to the outputs first. */
  readonly tables: readonly Measured[];
}

async function measured(
  { runtime, fixedSize }: HeadContext,
  model: Model,
  ends: readonly Value[],
): Promise<Run | string | undefined> {
  const index = indexOf(model.graph);
  const image = model.graph.inputs[0]?.name ?? "";
  const decoded = decodedValues(model, index, valuesBefore(index, ends, { image, max: MAX_VISITED }));
  if (decoded.length < 2) return undefined;
  const convs = new Set(decoded.flatMap((value) => walkToConvs(index, value).convs.map((conv) => conv.outputs[0]!)));
  const values = [...new Set([...convs, ...decoded])];
  const run = async (size: Size): Promise<Map<Value, readonly number[]>> => {
    const dims = new Map<Value, readonly number[]>();
    await runOnNoise(model, values, { size, runtime }, (value, found) => {
      dims.set(value, found);
      return false;
    });
    return dims;
  };
  try {
    const size = fixedSize ?? OPEN_SIZE;
    const dims = await run(size);
    const maps = new Map([...convs].map((conv) => [conv, dims.get(conv) ?? []] as const));
    const tables = decoded.flatMap((value) => {
      const own = dims.get(value) ?? [];
      return tableOf(own) === undefined || convs.has(value) ? [] : [{ value, dims: own }];
    });
    const hasBoxes = tables.some((table) => tableOf(table.dims)![1] === 4);
    const others = fixedSize === undefined && hasBoxes ? await run(OTHER_SIZE) : undefined;
    const isResized = [...maps].every(([conv, own]) => others?.get(conv)?.join() === own.join());
    return { model, tables, maps, size, isResized };
  } catch (error) {
    const { message } = await modelFault(error, runtime);
    return `it does not run on an image of noise (${message})`;
  }
}

/** The values that are decoded from convolutions and nothing else. */
function decodedValues(model: Model, index: GraphIndex, values: readonly Value[]): Value[] {
  const convs = model.graph.nodes.filter(({ opType }) => opType === "Conv").flatMap(({ outputs }) => outputs);
  const fromConv = index.descendants(convs);
  const found: Value[] = [];
  for (const value of values) {
    if (found.length === MAX_MEASURED) break;
    if (!fromConv.has(value) || index.producer(value)?.opType === "Conv") continue;
    if (!FLOATS.has(elementType(model.graph, value))) continue;
    const walk = walkToConvs(index, value);
    if (walk.unexpected === undefined && walk.convs.length > 0) found.push(value);
  }
  return found;
}
