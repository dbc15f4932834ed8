import type { Value } from "../../onnx/builder.js";
import type { Anchors } from "./anchors.js";
import type { MapRows } from "./map-rows.js";
import type { RawFacts, RawFamily } from "./raw-family.js";
import type { RawConv, RawLevels } from "./raw-levels.js";

/** The landmarks of yolov5-face: five points. Qi et al., "YOLO5Face", 2021. */
const LANDMARKS = 10;

/**
 * YOLOv5 and YOLOv7: one convolution, for each anchor box, objectness and classes. yolov5-face has landmarks before its one class, YOLOv5's
 * segmentation models have mask coefficients after their classes.
 */
export function anchored({ levels }: RawLevels, facts: RawFacts): RawFamily | string {
  const { expectedClasses, givenPerCell, prototypes } = facts;
  const [conv] = levels[0]!.convs as [RawConv];
  const isShaped = conv.perCell !== undefined || conv.activation === "sigmoid";
  if (levels.length === 1 && !isShaped && givenPerCell === undefined) {
    return "its single map with one convolution has no sign of anchors (the option anchors tells them)";
  }
  const perCell = conv.perCell ?? givenPerCell ?? 3;
  const columns = conv.channels / perCell;
  const masks = prototypes?.channels ?? 0;
  if (!Number.isInteger(columns) || columns < 6 + masks) {
    const wanted = masks === 0 ? "5 + classes" : `5 + classes + ${masks} mask coefficients`;
    return `its convolutions have ${conv.channels} channels, expected ${perCell} × (${wanted})`;
  }
  const isFace = masks === 0 && columns === 6 + LANDMARKS && (expectedClasses ?? 1) === 1;
  const extraCount = isFace ? LANDMARKS : masks;
  const classCount = columns - 5 - extraCount;
  const marks = masks === 0 ? "" : ` + ${masks} mask coefficients`;
  return {
    title: `${perCell} anchors × (${isFace ? "4 box + 1 objectness + 10 landmarks + 1 class" : `5 + ${classCount} classes${marks}`})`,
    ...{ perCell, classCount, extraCount, hasObjectness: true },
    ...(extraCount === 0 ? {} : { task: isFace ? "pose" : "segment" }),
    anchors: isFace ? ["yolov5-face"] : ["yolov5", "yolov5-p6"],
    assumed: [
      isFace
        ? "16 columns are those of yolov5-face"
        : "boxes as in YOLOv5 and YOLOv7: xy = (2σ − ½ + cell) · stride, wh = (2σ)² · anchor",
    ],
    columns(rows, level, anchors) {
      const map = rows.columnsOf(level.convs[0]!.value, perCell, columns);
      const box = anchorBox(rows, rows.sigmoid(rows.cut(map, 0, 4)), anchors);
      if (isFace) {
        const points = rows.cut(map, 5, 5 + LANDMARKS);
        const marks = rows.points(points, LANDMARKS, rows.perAnchor(anchors), 0);
        const [certain, face] = [rows.cut(map, 4, 5), rows.cut(map, columns - 1, columns)];
        return [...box, rows.sigmoid(certain), rows.sigmoid(face), ...marks];
      }
      const scores = rows.sigmoid(rows.cut(map, 4, 5 + classCount));
      return [...box, scores, ...(masks === 0 ? [] : [rows.cut(map, 5 + classCount, columns)])];
    },
  };
}

/** Numbers of anchors per cell of YOLOv2. */
const YOLOV2_ANCHORS = 5;

/**
 * YOLOv2 to v4 of Darknet: xy = (σ + cell) · stride, wh = exp · anchor. The form is that of the given anchors, else the one that the body of the
 * network suggests; undefined if it is not of this kind.
 */
export function darknetRows({ levels }: RawLevels, facts: RawFacts): RawFamily | string | undefined {
  const { darknet, givenForm, givenPerCell } = facts;
  const kind = givenForm === undefined ? darknet : givenForm === "yolov5" ? undefined : (darknet ?? givenForm);
  if (kind === undefined) return undefined;
  const isV2 = kind === "yolov2";
  const [conv] = levels[0]!.convs as [RawConv];
  const perCell = conv.perCell ?? givenPerCell ?? (isV2 ? YOLOV2_ANCHORS : 3);
  const columns = conv.channels / perCell;
  if (!Number.isInteger(columns) || columns < 6) {
    return `its convolutions have ${conv.channels} channels, expected ${perCell} × (5 + classes)`;
  }
  const classCount = columns - 5;
  const growth = CENTRE_GROWTH[kind] ?? [];
  const name = isV2 ? "YOLOv2" : kind.startsWith("yolov4") ? "YOLOv4" : "YOLOv3";
  return {
    title: `${perCell} anchors × (5 + ${classCount} classes)`,
    ...{ perCell, classCount, extraCount: 0, hasObjectness: true },
    anchors: isV2 ? (classCount === 20 ? ["tiny-yolov2-voc"] : classCount === 80 ? ["yolov2"] : []) : [kind],
    assumed: [
      `boxes as in Darknet's ${name}: xy = (σ + cell) · stride, wh = exp · anchor (anchors of YOLOv5 or v7 select their form)`,
    ],
    columns(rows, level, anchors, at) {
      const map = rows.columnsOf(level.convs[0]!.value, perCell, columns);
      const scale = growth[at] ?? 1;
      const shares = rows.sigmoid(rows.cut(map, 0, 2));
      const spread = scale === 1 ? shares : rows.plus(rows.times(shares, scale), -(scale - 1) / 2);
      const centre = rows.times(rows.plus(spread, rows.cells), rows.stride);
      const size = rows.times(rows.build.op("Exp", [rows.cut(map, 2, 4)]), rows.perAnchor(anchors));
      const classes = rows.cut(map, 5, columns);
      const scores = isV2 ? rows.build.op("Softmax", [classes], { axis: 3 }) : rows.sigmoid(classes);
      return [centre, size, rows.sigmoid(rows.cut(map, 4, 5)), scores];
    },
  };
}

/** How far a centre can leave its cell, finest level first: scale_x_y. Bochkovskiy et al., "YOLOv4", 2020. */
const CENTRE_GROWTH: Readonly<Record<string, readonly number[]>> = {
  yolov4: [1.2, 1.1, 1.05],
  "yolov4-tiny": [1.05, 1.05],
};

/** xy = (2σ − ½ + cell) · stride, wh = (2σ)² · anchor. */
export function anchorBox(rows: MapRows, shares: Value, anchors: Anchors[number]): Value[] {
  const doubled = rows.times(shares, 2);
  const centre = rows.times(rows.plus(rows.plus(rows.cut(doubled, 0, 2), -0.5), rows.cells), rows.stride);
  const size = rows.cut(doubled, 2, 4);
  return [centre, rows.times(rows.times(size, size), rows.perAnchor(anchors))];
}
