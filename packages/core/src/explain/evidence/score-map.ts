import type { Detection, Predictions } from "../../detector/detection.js";
import type { DetectorHead } from "../../detector/head.js";
import type { Size } from "../../image/frame.js";
import { resizeBilinear } from "../../kernels/resample.js";
import type { ClassMap, Place } from "../../methods/method.js";
import { classesOf } from "../../scores/columns.js";
import type { Map2D } from "../../tensor/tensor.js";

/** Columns of the predictions. */
const OBJECTNESS = 4;
const CLASSES = 5;

/**
 * The detector's scores for the detections, on a grid of `size` cells: objectness × probability of their classes. Each cell has the maximum
 * over the anchors, the classes, and the levels that found the detections. A classifier has no places: its map is constant.
 */
export function scoreMap(
  head: DetectorHead,
  predictions: Predictions,
  inputSize: Size,
  detections: readonly Detection[],
  size: Size,
): Map2D {
  const [height, width] = size;
  const total = new Float32Array(height * width);
  if (head.task === "classify") return { height, width, data: total.fill(1) };
  for (const level of new Set(detections.map((detection) => detection.level))) {
    const classes = [...new Set(detections.flatMap((d) => (d.level === level ? [d.classIndex] : [])))];
    const map = resizeBilinear(levelMap(head, predictions, inputSize, level, classes), height, width);
    for (let i = 0; i < total.length; i++) if (map.data[i]! > total[i]!) total[i] = map.data[i]!;
  }
  return { height, width, data: total };
}

function levelMap(
  head: DetectorHead,
  predictions: Predictions,
  inputSize: Size,
  level: number,
  classes: readonly number[],
): Map2D {
  const { data, columns } = predictions;
  const [height, width] = head.cells(level, inputSize);
  const map = new Float32Array(height * width);
  for (const [row, cell] of rowCells(head, predictions, inputSize, level)) {
    for (const k of classes) {
      const value = data[row * columns + OBJECTNESS]! * data[row * columns + CLASSES + k]!;
      if (value > map[cell]!) map[cell] = value;
    }
  }
  return { height, width, data: map };
}

/** The rows of a level, each with the index of its cell. */
function* rowCells(
  head: DetectorHead,
  { data, columns, rows }: Predictions,
  inputSize: Size,
  level: number,
): Generator<readonly [row: number, cell: number]> {
  const [height, width] = head.cells(level, inputSize);
  const [start, end] = head.rowRange(level, inputSize);
  for (let row = start; row < Math.min(end, rows); row++) {
    if (head.hasCells) yield [row, (row - start) % (height * width)];
    else {
      const { cell } = head.originOf(row, inputSize, [data[row * columns]!, data[row * columns + 1]!]);
      yield [row, cell[1] * width + cell[0]];
    }
  }
}

/** Class probabilities of every level, `[K, h, w]`: the maximum over the anchors. */
export function classMaps(head: DetectorHead, predictions: Predictions, inputSize: Size): ClassMap[] {
  const { data, columns } = predictions;
  const K = classesOf(predictions);
  const classIndices = Array.from({ length: K }, (_, k) => k);
  return head.levels.map((_, level) => {
    const [height, width] = head.cells(level, inputSize);
    const cells = height * width;
    const best = new Float32Array(K * cells);
    for (const [row, cell] of rowCells(head, predictions, inputSize, level)) {
      for (let k = 0; k < K; k++) {
        const value = data[row * columns + CLASSES + k]!;
        if (value > best[k * cells + cell]!) best[k * cells + cell] = value;
      }
    }
    return { probabilities: { dims: [K, height, width], data: best }, classIndices };
  });
}

/** Boxes and cells of the detections, in cells of a layer with `size` cells. */
export function placesOf(detections: readonly Detection[], size: Size, inputSize: Size): Place[] {
  const [sy, sx] = [inputSize[0] / size[0], inputSize[1] / size[1]];
  const cellAt = (position: number, count: number): number => Math.min(Math.max(Math.floor(position), 0), count - 1);
  return detections.map(({ boxInput: box, cell, stride, classIndex }) => ({
    box: { x1: box.x1 / sx, y1: box.y1 / sy, x2: box.x2 / sx, y2: box.y2 / sy },
    cell: [cellAt(((cell[0] + 0.5) * stride) / sx, size[1]), cellAt(((cell[1] + 0.5) * stride) / sy, size[0])] as const,
    classIndex,
    stride: sy,
  }));
}
