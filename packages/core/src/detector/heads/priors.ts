import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { type GraphIndex, indexOf } from "../../onnx/graph.js";
import type { Model } from "../../onnx/model.js";
import { modelFault } from "../../runtime/model-fault.js";
import { type DetectorHead, gridHead, gridlessHead, type HeadFacts, type HeadLevel, levelName } from "../head.js";
import { downsampling } from "../stride.js";
import { append, appendPredictions } from "./canonical.js";
import type { FoundHead, HeadContext } from "./context.js";
import { commonOrigin } from "./grid-levels.js";
import { walkToConvs } from "./head-walk.js";
import { type Measured, type Pair, type PriorValues, priorValues } from "./prior-values.js";
import { openDecoding, type ProbeMap } from "./probe.js";
import { tableOf } from "./query-ends.js";
import { type PriorFrame, type PriorLayout, readPriors } from "./read-priors.js";
import type { Miss } from "./refuse-head.js";
import { selectionOf } from "./selection.js";
import { joinOf } from "./separate-outputs.js";
import { skipsFirstColumn } from "./skips-first-column.js";

/**
 * Finds the head of SSD, RetinaNet, FCOS and similar detectors: boxes `[R, 4]` and class scores `[R, K]` of all priors, in front of a selection. Liu
 * et al., "SSD", ECCV 2016; Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017; Tian et al., "FCOS", ICCV 2019. The network runs
 * once on noise, which shows the sizes of its maps. Then the decoding runs separately, which shows the order of the rows and the form of the boxes.
 */
export async function findPriors(context: HeadContext): Promise<FoundHead | Miss> {
  const output = context.model.graph.outputs[0]?.name ?? "";
  const values = await priorValues(context);
  if (values === undefined) return { output, reason: "it has no boxes and scores before a selection", close: false };
  if (typeof values === "string") return { output, reason: values, close: true };
  let miss: Miss | undefined;
  for (const pair of values.pairs) {
    const found = await headOfPriors(context, values, pair);
    if ("head" in found) return found;
    // The pair nearest to the outputs is the most likely one.
    miss ??= found;
  }
  return miss ?? { output, reason: "it has no boxes [R, 4] and scores [R, K] before a selection", close: false };
}

/** A pair of boxes and scores, joined to rows. */
interface Joined {
  readonly model: Model;
  readonly value: Value;
  readonly maps: readonly ProbeMap[];
}

/** The head of a pair of boxes and scores, or the reason why they are none. */
export async function headOfPriors(context: HeadContext, values: PriorValues, pair: Pair): Promise<FoundHead | Miss> {
  const joined = joinedOf(values, pair);
  const layout =
    typeof joined === "string"
      ? joined
      : await probed(context, joined, {
          size: values.size,
          isOutput: pair.isOutput === true,
        });
  if (typeof joined === "string" || typeof layout === "string") {
    return { output: pair.boxes.value, reason: layout as string, close: true };
  }
  if (layout.isLogits && !becomesProbability(indexOf(values.model.graph), pair.scores.value)) {
    return { output: pair.boxes.value, reason: "its class scores are no probabilities", close: true };
  }
  const columns = tableOf(pair.scores.dims)![1];
  const isSkipped = skipsFirstColumn(indexOf(values.model.graph), pair.scores.value, columns);
  const hasBackground = columns > 1 && (isSkipped || layout.isSoftmax) && pair.firstLabel === undefined;
  const classCount = hasBackground ? columns - 1 : columns;
  // The rows of a grid of another size have another order.
  const isGrid = context.fixedSize !== undefined || values.isResized;
  const ordered = inOrder(joined, isGrid ? layout.order : undefined);
  const { model, output } = appendPredictions(
    ordered.model,
    ordered.value,
    {
      ...{ rowsFirst: true, coarseFirst: false, logits: layout.isLogits, objectness: undefined, extraCount: 0 },
      ...{ boxes: layout.boxes, normalised: layout.normalised },
      ...{ classStart: hasBackground ? 5 : 4, classCount },
    },
    [],
  );
  const assumed = [
    ...(pair.assumed ?? []),
    ...(hasBackground && !isSkipped ? ["the first class score is that of the background"] : []),
  ];
  const form = `${layout.boxes}${layout.normalised ? ", shares" : ""}`;
  const about = `${columns}${hasBackground ? " with the background" : ""}`;
  const facts: HeadFacts = {
    kind: layout.levels.every(({ anchors }) => anchors === 1) ? "anchor-free" : "anchor-based",
    task: "detect",
    output,
    source: pair.source ?? `priors: boxes "${pair.boxes.value}" (${form}), scores "${pair.scores.value}" (${about})`,
    ...{ classCount, extraCount: 0, hasObjectness: false, prototypes: undefined },
    ...(hasBackground || pair.firstLabel === 1 ? { labelsFromOne: true } : {}),
    selection: selectionOf(context.model, context.index) ?? { nms: true, labels: "best" },
    ...(assumed.length > 0 ? { assumed } : {}),
  };
  return { model, head: withLevels(facts, { values, joined, layout, isGrid }) };
}

/** Maximum number of values between logits and their sigmoid. */
const MAX_STEPS = 40;

/** Whether the file applies a sigmoid to logits after it picked some of them: EfficientDet of google/automl picks the best class of each row first. */
function becomesProbability(index: GraphIndex, logits: Value): boolean {
  const seen = new Set([logits]);
  for (const value of seen) {
    for (const { opType, outputs } of index.consumers(value)) {
      if (opType === "Sigmoid") return true;
      if (PICKS.has(opType) && seen.size < MAX_STEPS) seen.add(outputs[0]!);
    }
  }
  return false;
}

/** Ops that pick or move values and do not change them. */
const PICKS: ReadonlySet<string> = new Set(
  "Identity Cast ReduceMax TopK Gather GatherND GatherElements Reshape Squeeze Unsqueeze Slice Split Transpose Flatten".split(
    " ",
  ),
);

/** The rows `[1, R, 4 + K]`, and the maps that they are decoded from. */
function joinedOf({ model, maps }: PriorValues, { boxes, scores }: Pair): Joined | string {
  const sized = ({ value, dims }: Measured) => ({ value, sides: dims.filter((side) => side !== 1) });
  const joined = joinOf(model, sized(boxes), sized(scores));
  if (joined === undefined) return "its boxes and scores have different numbers of rows";
  const found: ProbeMap[] = [];
  for (const { outputs } of walkToConvs(indexOf(joined.model.graph), joined.value).convs) {
    const dims = maps.get(outputs[0]!);
    if (dims?.length !== 4 || dims[0] !== 1) return `the size of its map "${outputs[0]}" is not known`;
    found.push({ value: outputs[0]!, dims: dims as ProbeMap["dims"] });
  }
  return { ...joined, maps: found };
}

async function probed(
  { runtime }: HeadContext,
  { model, value, maps }: Joined,
  frame: PriorFrame,
): Promise<PriorLayout | string> {
  try {
    const decoding = await openDecoding(model, value, maps, [1, 3, ...frame.size], runtime);
    try {
      return await readPriors(decoding, maps, frame);
    } finally {
      await decoding.release();
    }
  } catch (error) {
    const { message } = await modelFault(error, runtime);
    return `its decoding does not run separately (${message})`;
  }
}

/** Appends a reordering of the rows. */
export function inOrder(
  { model, value }: Pick<Joined, "model" | "value">,
  order: readonly number[] | undefined,
): { model: Model; value: Value } {
  if (order === undefined) return { model, value };
  const build = new GraphBuilder(freshPrefix(model, "whybox/order/"));
  const ordered = build.op("Gather", [value, build.ints(order)], { axis: 1 });
  return { model: append(model, build), value: ordered };
}

interface Found {
  readonly values: PriorValues;
  readonly joined: Joined;
  readonly layout: PriorLayout;
  /** Whether the size of the grid is known for every input. */
  readonly isGrid: boolean;
}

/** With the levels of a grid if its size is known for every input, else with one level that reads all maps. */
function withLevels(facts: HeadFacts, { values, joined, layout, isGrid }: Found): DetectorHead {
  const index = indexOf(joined.model.graph);
  const names = new Set<string>();
  const levels = layout.levels.map(({ maps, cells, anchors }): HeadLevel => {
    const stride = 2 ** Math.round(Math.log2(Math.max(1, values.size[0] / cells[0])));
    // Maps of 3 × 3 and 2 × 2 cells have the same power of two, and names of their own.
    let name = levelName(stride);
    for (let finer = stride; names.has(name); finer *= 2) name = levelName(2 * finer);
    names.add(name);
    return { stride, name, anchors, cells, inputs: [inputOf(index, maps)], convOutputs: maps, rows: undefined };
  });
  if (isGrid) return gridHead(facts, levels);
  const finest = levels.reduce((one, other) => (other.stride < one.stride ? other : one));
  const convOutputs = levels.flatMap(({ convOutputs }) => convOutputs);
  const strides = downsampling(joined.model.graph);
  const coarsest = Math.max(...convOutputs.map((value) => strides.get(value) ?? Number.NaN));
  return gridlessHead(facts, {
    ...{ stride: finest.stride, name: "priors", anchors: 1, rows: undefined },
    // A network that resizes its image pads it too.
    ...(Number.isNaN(coarsest) ? {} : { coarsest }),
    inputs: [...new Set(levels.flatMap(({ inputs }) => inputs))],
    convOutputs,
  });
}

/** The last value that the prediction convolutions of a level depend on. */
function inputOf(index: GraphIndex, maps: readonly Value[]): Value {
  const convs = maps.map((map) => index.producer(map)!);
  return commonOrigin(index, convs) ?? convs[0]!.inputs[0]!;
}
