import type { Size } from "../../image/frame.js";
import { modelFault } from "../../runtime/model-fault.js";
import { type DetectorHead, gridHead, gridlessHead, type HeadFacts, type HeadLevel, levelName } from "../head.js";
import { appendPredictions } from "./canonical.js";
import type { FoundHead, HeadContext } from "./context.js";
import { type ConvLevel, convLevels } from "./grid-levels.js";
import { isUndecoded, walkToConvs } from "./head-walk.js";
import { inOrder } from "./priors.js";
import { openDecoding } from "./probe.js";
import { probeMaps, probeSize } from "./probe-dims.js";
import { type PriorLayout, readPriors } from "./read-priors.js";
import type { Miss } from "./refuse-head.js";
import { selectionOf } from "./selection.js";

/**
 * Finds anchor boxes that are decoded in another way than YOLOv5's: `[1, R, 5 + K]` of YOLOv3 and YOLOv4, whose widths and heights skip the sigmoid. One
 * convolution per level predicts box, objectness and classes of several anchors. The decoding runs on generated maps, which shows the order of
 * the rows and the form of the boxes.
 */
export async function findAnchorRows(context: HeadContext): Promise<FoundHead | readonly Miss[]> {
  const misses: Miss[] = [];
  for (const { name, shape } of context.model.graph.outputs) {
    if (shape !== undefined && shape.length !== 3) continue;
    const levels = convLevels(context.index, name);
    if (typeof levels === "string" || levels.some(({ convs }) => convs.length > 1)) continue;
    if (isUndecoded(walkToConvs(context.index, name))) continue;
    const layout = await layoutOf(context, name, levels);
    if (layout === undefined) continue;
    if (typeof layout !== "string") return headOf(context, { output: name, levels, layout });
    misses.push({ output: name, reason: layout, close: true });
  }
  return misses;
}

type RowLayout = PriorLayout & { readonly columns: number };

/** The layout, the reason why it is not known, or undefined if the output has no rows of several anchors. */
async function layoutOf(
  { model, runtime, fixedSize }: HeadContext,
  output: string,
  levels: readonly ConvLevel[],
): Promise<RowLayout | string | undefined> {
  const size: Size = probeSize(levels, fixedSize);
  const maps = probeMaps(levels, size);
  if (typeof maps === "string") return maps;
  try {
    const decoding = await openDecoding(model, output, maps, [1, 3, ...size], runtime);
    try {
      const [batch, , columns = 0] = decoding.dims;
      const perCell = levels[0]!.convs[0]!.channels / columns;
      const isWhole = decoding.dims.length === 3 && batch === 1 && columns >= 6;
      if (!isWhole || !Number.isInteger(perCell) || perCell < 2) return undefined;
      const layout = await readPriors(decoding, maps, { size, isOutput: false });
      if (typeof layout === "string") return layout;
      if (layout.isLogits) return "its class scores are no probabilities";
      if (layout.levels.some(({ anchors }) => anchors !== perCell))
        return "its levels have different numbers of anchors";
      return { ...layout, columns };
    } finally {
      await decoding.release();
    }
  } catch (error) {
    return `its decoding does not run separately (${(await modelFault(error, runtime)).message})`;
  }
}

interface Found {
  readonly output: string;
  readonly levels: readonly ConvLevel[];
  readonly layout: RowLayout;
}

function headOf(context: HeadContext, { output, levels, layout }: Found): FoundHead {
  // The rows of a grid of another size have another order.
  const isGrid = context.fixedSize !== undefined || layout.order === undefined;
  const { boxes, normalised, columns } = layout;
  // Only names tell rows with objectness from rows with one class more.
  const hasObjectness = context.expectedClasses !== columns - 4;
  const classStart = hasObjectness ? 5 : 4;
  const classCount = columns - classStart;
  const ordered = inOrder({ model: context.model, value: output }, isGrid ? layout.order : undefined);
  const predictions = appendPredictions(
    ordered.model,
    ordered.value,
    {
      ...{ rowsFirst: true, coarseFirst: false, logits: false, boxes, normalised },
      ...{ objectness: hasObjectness ? 4 : undefined, classStart, classCount, extraCount: 0 },
    },
    [],
  );
  const facts: HeadFacts = {
    kind: "anchor-based",
    task: "detect",
    output: predictions.output,
    source: `output "${output}" [1, rows, 4 (${boxes}${normalised ? ", shares" : ""})${hasObjectness ? " + 1" : ""} + ${classCount} classes]`,
    ...{ classCount, extraCount: 0, hasObjectness, prototypes: undefined },
    ...(context.expectedClasses === undefined ? { assumed: ["the column after the box is the objectness"] } : {}),
    selection: selectionOf(context.model, context.index) ?? { nms: true, labels: "best" },
  };
  return { model: predictions.model, head: withLevels(facts, { levels, layout, isGrid }) };
}

function withLevels(
  facts: HeadFacts,
  { levels, layout, isGrid }: Omit<Found, "output"> & { readonly isGrid: boolean },
): DetectorHead {
  const inRowOrder = layout.levels.map(({ maps, anchors }): HeadLevel => {
    const { stride, input } = levels.find(({ convs }) => convs[0]!.value === maps[0])!;
    return { stride, name: levelName(stride), anchors, inputs: [input], convOutputs: maps, rows: undefined };
  });
  if (isGrid) return gridHead(facts, inRowOrder);
  return gridlessHead(facts, {
    ...{ stride: levels[0]!.stride, coarsest: levels.at(-1)!.stride, name: "anchors", anchors: 1, rows: undefined },
    inputs: inRowOrder.flatMap(({ inputs }) => inputs),
    convOutputs: inRowOrder.flatMap(({ convOutputs }) => convOutputs),
  });
}
