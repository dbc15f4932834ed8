import { WhyboxError } from "../../errors.js";
import type { Size } from "../../image/frame.js";
import type { GraphIndex } from "../../onnx/graph.js";
import type { Model } from "../../onnx/model.js";
import type { RuntimePort } from "../../runtime/port.js";
import { cellsOf, type DetectorHead, type DetectorTask, gridHead, levelName, type Selection } from "../head.js";
import { appendPredictions } from "./canonical.js";
import { type ConvLevel, convLevels } from "./grid-levels.js";
import { openDecoding } from "./probe.js";
import { prototypesOf } from "./prototypes.js";
import { type DecodedLayout, readDecoding } from "./read-decoding.js";
import type { Miss } from "./refuse-head.js";
import { beforeSelection, selectionOf, sourceOf } from "./selection.js";

/** The inputs of the search for a head. */
export interface HeadContext {
  readonly model: Model;
  readonly index: GraphIndex;
  readonly runtime: RuntimePort;
  /** `[h, w]` if the model has a fixed input size. */
  readonly fixedSize: Size | undefined;
  /** Number of class names in the options or the metadata. */
  readonly expectedClasses: number | undefined;
}

/** A head, and the model with the nodes that compute its predictions. */
export interface FoundHead {
  readonly model: Model;
  readonly head: DetectorHead;
}

/** Maximum number of values in the maps of a probe. A thousand classes at 1280 × 1280 fit. */
const MAX_VALUES = 64 * 2 ** 20;

/**
 * Finds a head with one box per cell in any layout: YOLOv6, v8 to v12, 26, YOLOX, YOLOv5u, NanoDet and similar models. If the model selects
 * boxes by TopK or non-maximum suppression, the head uses the rows before the selection.
 */
export async function findAnchorFreeHead(context: HeadContext): Promise<FoundHead | readonly Miss[]> {
  const { model, index } = context;
  const misses: Miss[] = [];
  const selection = selectionOf(model, index);
  for (const output of model.graph.outputs) {
    if (output.shape !== undefined && output.shape.length !== 3) continue;
    const found = await headAt(context, output.name, selection ?? { nms: true, labels: "best" });
    if ("head" in found) return found;
    misses.push(found);
  }
  if (selection === undefined) return misses;
  for (const value of beforeSelection(index)) {
    const found = await headAt(context, value, selection);
    if ("head" in found) return found;
  }
  return misses;
}

async function headAt(context: HeadContext, value: string, selection: Selection): Promise<FoundHead | Miss> {
  const { model, index, runtime } = context;
  const levels = convLevels(index, value);
  if (typeof levels === "string") return { output: value, reason: levels, close: false };
  const coarsest = levels.at(-1)!.stride;
  const size = context.fixedSize ?? [2 * coarsest, 3 * coarsest];
  const layout = await probed(context, value, levels, size);
  if (typeof layout === "string") return { output: value, reason: layout, close: true };
  const { model: extended, output } = appendPredictions(model, value, layout, levels);
  const masks = prototypesOf(index, new Set(levels.flatMap(({ convs }) => convs.map((conv) => conv.value))));
  const task = taskOf(context, layout, masks?.channels);
  const facts = {
    kind: "anchor-free",
    task,
    output,
    source: sourceText(context, value, layout),
    classCount: layout.classCount,
    extraCount: layout.extraCount,
    hasObjectness: layout.objectness !== undefined,
    selection,
    prototypes: task === "segment" ? masks?.value : undefined,
  } as const;
  const rows = levels.map((level) => ({
    stride: level.stride,
    name: levelName(level.stride),
    anchors: 1,
    inputs: [level.input],
    convOutputs: level.convs.map((conv) => conv.value),
    rows: undefined,
  }));
  return { model: extended, head: gridHead(facts, layout.coarseFirst ? rows.reverse() : rows) };

  async function probed(
    { fixedSize, expectedClasses }: HeadContext,
    decoded: string,
    found: readonly ConvLevel[],
    inputSize: Size,
  ): Promise<DecodedLayout | string> {
    const maps = found.flatMap((level) =>
      level.convs.map((conv) => ({
        value: conv.value,
        dims: [1, conv.channels, ...cellsOf(level, inputSize)] as const,
      })),
    );
    const values = maps.reduce((sum, { dims: [, c, h, w] }) => sum + c * h * w, 0);
    if (values > MAX_VALUES) return `the maps of its levels have ${values} values, the maximum is ${MAX_VALUES}`;
    try {
      const decoding = await openDecoding(model, decoded, maps, [1, 3, ...inputSize], runtime);
      try {
        return await readDecoding(decoding, found, inputSize, expectedClasses);
      } finally {
        await decoding.release();
      }
    } catch (error) {
      if (!(error instanceof WhyboxError) || error.code !== "runtime") throw error;
      const at = fixedSize === undefined ? ` at ${inputSize.join("×")}` : "";
      return `its decoding does not run separately${at} (${error.message})`;
    }
  }
}

function taskOf({ model }: HeadContext, { extraCount }: DecodedLayout, masks: number | undefined): DetectorTask {
  const declared = model.metadata.get("task");
  if (extraCount === 0) return "detect";
  if (masks === extraCount) return "segment";
  if (declared === "pose" || declared === "obb") return declared;
  if (extraCount === 1) return "obb";
  return extraCount % 3 === 0 || extraCount % 2 === 0 ? "pose" : "detect";
}

function sourceText({ index }: HeadContext, value: string, layout: DecodedLayout): string {
  const columns = [
    layout.boxes === "raw" ? "raw boxes" : `4 (${layout.boxes}${layout.normalised ? ", shares" : ""})`,
    ...(layout.objectness === undefined ? [] : ["1"]),
    `${layout.classCount} classes${layout.logits ? " (logits)" : ""}`,
    ...(layout.extraCount > 0 ? [String(layout.extraCount)] : []),
  ].join(" + ");
  const shape = layout.rowsFirst ? `[1, rows, ${columns}]` : `[1, ${columns}, rows]`;
  return `${sourceOf(index, value)} "${value}" ${shape}`;
}
