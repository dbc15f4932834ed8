import { createRandom } from "../../algebra/random.js";
import type { Size } from "../../image/frame.js";
import { GraphBuilder } from "../../onnx/builder.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { modelFault } from "../../runtime/model-fault.js";
import { type DetectorHead, gridHead, type HeadLevel } from "../head.js";
import { pointRowsAt } from "./anchor-based.js";
import { append } from "./canonical.js";
import type { FoundHead, HeadContext } from "./context.js";
import { openDecoding } from "./probe.js";
import { probeMaps, probeSize } from "./probe-dims.js";
import type { Miss } from "./refuse-head.js";

/**
 * Finds an anchor-based head whose rows have points besides classes: `[1, R, 5 + points + K]` (yolov5-face) or `[1, R, 5 + K + points]` with a
 * confidence for each point (poses of YOLOv7 and YOLOv5). The decoding runs on random maps: points are the columns that are not probabilities.
 */
export async function findAnchorPoints(context: HeadContext): Promise<FoundHead | readonly Miss[]> {
  const misses: Miss[] = [];
  for (const { name, shape } of context.model.graph.outputs) {
    if (shape?.length !== 3) continue;
    const found = pointRowsAt(context.index, name);
    if (!("kind" in found)) continue;
    const order = await pointsLast(context, found);
    if (typeof order !== "string") return reordered(context, found, order);
    misses.push({ output: name, reason: order, close: true });
  }
  return misses;
}

/** Columns of a row: box and objectness, classes, points. */
interface PointColumns {
  readonly classes: readonly number[];
  readonly points: readonly number[];
}

/** The columns of classes and points, or the reason why they are not known. */
async function pointsLast(context: HeadContext, head: DetectorHead): Promise<PointColumns | string> {
  const columns = 5 + head.classCount;
  const levels = head.levels.map((level) => ({
    stride: level.stride,
    input: level.inputs[0]!,
    convs: level.convOutputs.map((value) => ({ value, channels: level.anchors * columns })),
  }));
  const size: Size = probeSize(levels, context.fixedSize);
  const maps = probeMaps(levels, size);
  if (typeof maps === "string") return maps;
  try {
    const decoding = await openDecoding(context.model, head.output, maps, [1, 3, ...size], context.runtime);
    try {
      if (decoding.dims.at(-1) !== columns) return `its rows have ${decoding.dims.at(-1)} columns, expected ${columns}`;
      const random = createRandom(0);
      const values = await decoding.run((_, count) =>
        Float32Array.from({ length: count }, () => 12 * random.uniform() - 6),
      );
      return partsOf(probabilities(values, columns));
    } finally {
      await decoding.release();
    }
  } catch (error) {
    return `its decoding does not run separately (${(await modelFault(error, context.runtime)).message})`;
  }
}

/** Whether each column after the objectness is a probability. */
function probabilities(values: Float32Array, columns: number): boolean[] {
  const isShare = Array.from({ length: columns - 5 }, () => true);
  for (let i = 0; i < values.length; i++) {
    const column = (i % columns) - 5;
    if (column >= 0 && !(values[i]! >= -1e-3 && values[i]! <= 1.001)) isShare[column] = false;
  }
  return isShare;
}

function partsOf(isShare: readonly boolean[]): PointColumns | string {
  const at = isShare.map((_, i) => 5 + i);
  const firstPoint = isShare.indexOf(false);
  if (firstPoint === 0) {
    const end = isShare.indexOf(true);
    const isPlain = end > 0 && end % 2 === 0 && !isShare.slice(end).includes(false);
    if (isPlain) return { points: at.slice(0, end), classes: at.slice(end) };
  } else if (firstPoint > 0) {
    const behind = isShare.slice(firstPoint);
    const isTriple = behind.length % 3 === 0 && behind.every((share, i) => share === (i % 3 === 2));
    if (isTriple) return { classes: at.slice(0, firstPoint), points: at.slice(firstPoint) };
  }
  const bare = isShare.filter((share) => !share).length;
  return `${bare} of its columns after the objectness are not probabilities, and their order is not that of points (x, y; or x, y, confidence)`;
}

/** The head with its columns in the common order. */
function reordered({ model }: HeadContext, head: DetectorHead, { classes, points }: PointColumns): FoundHead {
  const build = new GraphBuilder(freshPrefix(model, "whybox/predictions/"));
  const order = [0, 1, 2, 3, 4, ...classes, ...points];
  const inOrder = (value: string): string => build.op("Gather", [value, build.ints(order)], { axis: 2 });
  const levels = head.levels.map((level): HeadLevel => ({ ...level, rows: undefined }));
  const output = order.every((column, i) => column === i) ? head.output : inOrder(head.output);
  const text = points[0] === 5 ? `5 + ${points.length} (points) + classes` : `5 + classes + ${points.length} (points)`;
  const facts = {
    ...head,
    task: "pose",
    output,
    source: `output "${head.output}" [1, rows, ${text}]`,
    classCount: classes.length,
    extraCount: points.length,
  } as const;
  return { model: append(model, build), head: gridHead(facts, levels) };
}
