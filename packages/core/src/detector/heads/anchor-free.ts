import type { Size } from "../../image/frame.js";
import type { ValueInfo } from "../../onnx/model.js";
import { modelFault } from "../../runtime/model-fault.js";
import { type DetectorTask, gridHead, levelName, type Selection } from "../head.js";
import { appendPredictions } from "./canonical.js";
import type { FoundHead, HeadContext } from "./context.js";
import { type ConvLevel, convLevels } from "./grid-levels.js";
import { openDecoding } from "./probe.js";
import { probeMaps, probeSize } from "./probe-dims.js";
import { prototypesOf } from "./prototypes.js";
import { type DecodedLayout, readDecoding } from "./read-decoding.js";
import type { Miss } from "./refuse-head.js";
import { beforeSelection, selectionOf, sourceOf } from "./selection.js";

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
    const found = await anchorFreeHeadAt(context, output.name, selection ?? { nms: true, labels: "best" });
    if ("head" in found) return (await lastTwin(context, output, found)) ?? found;
    misses.push(found);
  }
  if (selection === undefined) return misses;
  for (const value of beforeSelection(index)) {
    const found = await anchorFreeHeadAt(context, value, selection);
    if ("head" in found) return found;
  }
  return misses;
}

/** The last output of the same form: YOLOv9 with both heads gives the auxiliary one first. */
async function lastTwin(
  context: HeadContext,
  { name, shape }: ValueInfo,
  { head }: FoundHead,
): Promise<FoundHead | undefined> {
  const isTwin = (output: ValueInfo): boolean => shape !== undefined && output.shape?.join() === shape.join();
  const last = context.model.graph.outputs.findLast(isTwin);
  if (last === undefined || last.name === name) return undefined;
  const found = await anchorFreeHeadAt(context, last.name, head.selection);
  if (!("head" in found) || found.head.classCount !== head.classCount) return undefined;
  return { ...found, head: { ...found.head, assumed: [`the last of the outputs like "${name}", as in YOLOv9`] } };
}

/** The head that computes a value, or the reason why there is none. */
export async function anchorFreeHeadAt(
  context: HeadContext,
  value: string,
  selection: Selection,
): Promise<FoundHead | Miss> {
  const { model, index, runtime } = context;
  const levels = convLevels(index, value);
  if (typeof levels === "string") return { output: value, reason: levels, close: false };
  const layout = await probed(context, value, levels, probeSize(levels, context.fixedSize));
  if (typeof layout === "string") return { output: value, reason: layout, close: true };
  const { model: extended, output } = appendPredictions(model, value, layout, levels);
  const masks = prototypesOf(index, new Set(levels.flatMap(({ convs }) => convs.map((conv) => conv.value))));
  const task = taskOf(context, layout, masks?.channels);
  const isMaskless = task === "segment" && masks?.channels !== layout.extraCount;
  const facts = {
    kind: "anchor-free",
    task,
    output,
    source: `${sourceText(context, value, layout)}${isMaskless ? MASKLESS : ""}`,
    classCount: layout.classCount,
    extraCount: layout.extraCount,
    hasObjectness: layout.objectness !== undefined,
    selection,
    prototypes: task === "segment" && !isMaskless ? masks?.value : undefined,
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
    { fixedSize }: HeadContext,
    decoded: string,
    found: readonly ConvLevel[],
    inputSize: Size,
  ): Promise<DecodedLayout | string> {
    const maps = probeMaps(found, inputSize);
    if (typeof maps === "string") return maps;
    try {
      const decoding = await openDecoding(model, decoded, maps, [1, 3, ...inputSize], runtime);
      try {
        return await readDecoding(decoding, found, inputSize, classesOfTask(context));
      } finally {
        await decoding.release();
      }
    } catch (error) {
      const { message } = await modelFault(error, runtime);
      const at = fixedSize === undefined ? ` at ${inputSize.join("×")}` : "";
      return `its decoding does not run separately${at} (${message})`;
    }
  }
}

/** A segmentation model whose file lost its second output. Its boxes can be explained. */
const MASKLESS = " (mask coefficients, but no output with their prototypes: no masks)";

/**
 * The number of classes of a file that says that it has further columns. Without such a word, fewer names than classes are a mistake, and the columns
 * beyond them are no keypoints.
 */
function classesOfTask({ model, expectedClasses }: HeadContext): number | undefined {
  return (model.metadata.get("task") ?? "detect") === "detect" ? undefined : expectedClasses;
}

function taskOf({ model }: HeadContext, { extraCount }: DecodedLayout, masks: number | undefined): DetectorTask {
  const declared = model.metadata.get("task");
  if (extraCount === 0) return "detect";
  if (masks === extraCount) return "segment";
  if (declared === "pose" || declared === "obb" || declared === "segment") return declared;
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
