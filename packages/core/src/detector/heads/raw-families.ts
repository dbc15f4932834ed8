import type { Value } from "../../onnx/builder.js";
import type { Anchors } from "./anchors.js";
import type { MapRows } from "./map-rows.js";
import type { RawConv, RawLevel, RawLevels } from "./raw-levels.js";

/** How the maps of a level become prediction rows. */
export interface RawFamily {
  /** The layout, for display. */
  readonly title: string;
  readonly perCell: number;
  readonly classCount: number;
  readonly extraCount: number;
  readonly hasObjectness: boolean;
  /** Tables of anchors that such models use; undefined without anchors. */
  readonly anchors: readonly string[] | undefined;
  /** What is assumed, as it cannot be read from the file. */
  readonly assumed: readonly string[];
  /** The columns of a level in the common layout: box, objectness, classes, extras. */
  columns(rows: MapRows, level: RawLevel, anchors: Anchors[number]): Value[];
}

/** What is known of the model besides its maps. */
export interface RawFacts {
  readonly expectedClasses: number | undefined;
  /** Number of anchors per cell of the given anchors. */
  readonly givenPerCell: number | undefined;
}

/** Recognises the family from the maps of each level and their activations. Returns the reason as a string if they fit none. */
export function rawFamily(raw: RawLevels, facts: RawFacts): RawFamily | string {
  const { convs } = raw.levels[0]!;
  if (convs.length === 1) return convs[0]!.activation === "mixed" ? nanoDet(raw, facts) : anchored(raw, facts);
  if (convs.length === 2) return distances(raw, facts);
  if (convs.length === 3)
    return convs.some(({ activation }) => activation === "softmax") ? fastest(raw) : yolox(raw, facts);
  return `its levels have ${convs.length} prediction convolutions each, expected one to three`;
}

/** The landmarks of yolov5-face: five points. Qi et al., "YOLO5Face", 2021. */
const LANDMARKS = 10;

/** YOLOv5 and YOLOv7: one convolution, for each anchor box, objectness and classes. yolov5-face has landmarks before its one class. */
function anchored({ levels }: RawLevels, { expectedClasses, givenPerCell }: RawFacts): RawFamily | string {
  const [conv] = levels[0]!.convs as [RawConv];
  const isShaped = conv.perCell !== undefined || conv.activation === "sigmoid";
  if (levels.length === 1 && !isShaped && givenPerCell === undefined) {
    return "its single map with one convolution has no sign of anchors (the option anchors tells them)";
  }
  const perCell = conv.perCell ?? givenPerCell ?? 3;
  const columns = conv.channels / perCell;
  if (!Number.isInteger(columns) || columns < 6) {
    return `its convolutions have ${conv.channels} channels, expected ${perCell} × (5 + classes)`;
  }
  const isFace = columns === 6 + LANDMARKS && (expectedClasses ?? 1) === 1;
  const extraCount = isFace ? LANDMARKS : 0;
  const layout = isFace ? "4 box + 1 objectness + 10 landmarks + 1 class" : `5 + ${columns - 5} classes`;
  return {
    title: `${perCell} anchors × (${layout})`,
    perCell,
    classCount: columns - 5 - extraCount,
    extraCount,
    hasObjectness: true,
    anchors: isFace ? ["yolov5-face"] : ["yolov5", "yolov5-p6"],
    assumed: [
      isFace
        ? "16 columns are those of yolov5-face"
        : "boxes as in YOLOv5 and YOLOv7: xy = (2σ − ½ + cell) · stride, wh = (2σ)² · anchor",
    ],
    columns(rows, level, anchors) {
      const map = rows.columnsOf(level.convs[0]!.value, perCell, columns);
      const box = anchorBox(rows, rows.sigmoid(rows.cut(map, 0, 4)), anchors);
      if (!isFace) return [...box, rows.sigmoid(rows.cut(map, 4, columns))];
      return [
        ...box,
        rows.sigmoid(rows.cut(map, 4, 5)),
        rows.sigmoid(rows.cut(map, columns - 1, columns)),
        ...landmarks(rows, map, anchors),
      ];
    },
  };
}

/** xy = (2σ − ½ + cell) · stride, wh = (2σ)² · anchor. */
function anchorBox(rows: MapRows, shares: Value, anchors: Anchors[number]): Value[] {
  const doubled = rows.times(shares, 2);
  const centre = rows.times(rows.plus(rows.plus(rows.cut(doubled, 0, 2), -0.5), rows.cells), rows.stride);
  const size = rows.cut(doubled, 2, 4);
  return [centre, rows.times(rows.times(size, size), rows.perAnchor(anchors))];
}

/** Each point is raw · anchor + cell · stride. */
function landmarks(rows: MapRows, map: Value, anchors: Anchors[number]): Value[] {
  const corner = rows.times(rows.cells, rows.stride);
  const sides = rows.perAnchor(anchors);
  return Array.from({ length: LANDMARKS / 2 }, (_, i) =>
    rows.plus(rows.times(rows.cut(map, 5 + 2 * i, 7 + 2 * i), sides), corner),
  );
}

/** Usual numbers of channels of the distances: 16, 17 or 8 bins for each side, or one number. */
const DISTANCES = [64, 68, 32, 4];

/** One convolution for distances to the sides, one for classes: Ultralytics' and Rockchip's split heads, PicoDet, NanoDet, YOLOv6, RTMDet. */
function distances({ levels }: RawLevels, { expectedClasses }: RawFacts): RawFamily | string {
  const { convs } = levels[0]!;
  const at = boxConv(convs, expectedClasses);
  if (at < 0) {
    return `its levels have maps of ${convs.map(({ channels }) => channels).join(" and ")} channels, expected ${DISTANCES.join(", ")} for boxes`;
  }
  const bins = convs[at]!.channels / 4;
  const classCount = convs[1 - at]!.channels;
  // RTMDet gives its classes first, and its boxes are around the corners of the cells.
  const offset = bins === 1 && at === 1 ? 0 : 0.5;
  const what = bins === 1 ? "4 distances" : `4 × ${bins} distances`;
  const around = offset === 0 ? "corners of the cells, as in RTMDet" : "centres of the cells";
  return {
    title: `${what} and ${classCount} classes`,
    ...{ perCell: 1, classCount, extraCount: 0, hasObjectness: false, anchors: undefined },
    assumed: [`distances in strides, around the ${around}`],
    columns(rows, level) {
      return distanceColumns(rows, {
        distances: rows.columnsOf(level.convs[at]!.value, 1, 4 * bins),
        classes: rows.columnsOf(level.convs[1 - at]!.value, 1, classCount),
        ...{ bins, offset },
      });
    },
  };
}

/** Index of the convolution of the boxes; −1 if neither fits. */
function boxConv(convs: readonly RawConv[], expectedClasses: number | undefined): number {
  const isBox = (i: number): boolean => {
    const { channels, activation } = convs[i]!;
    const isNamed = expectedClasses === undefined || convs[1 - i]!.channels === expectedClasses;
    return isNamed && activation === "none" && channels % 4 === 0;
  };
  const order = [...convs.keys()].sort((a, b) => usual(convs[a]!) - usual(convs[b]!));
  return order.find((i) => isBox(i) && usual(convs[i]!) < DISTANCES.length) ?? -1;
}

function usual({ channels }: RawConv): number {
  const at = DISTANCES.indexOf(channels);
  return at < 0 ? DISTANCES.length : at;
}

interface DistanceColumns {
  readonly distances: Value;
  readonly classes: Value;
  readonly bins: number;
  readonly offset: number;
}

function distanceColumns(rows: MapRows, { distances: logits, classes, bins, offset }: DistanceColumns): Value[] {
  const sides = bins === 1 ? logits : rows.expectation(logits, bins);
  const scores = rows.sigmoid(classes);
  return [...rows.around(sides, offset), rows.onesBeside(scores), scores];
}

/** NanoDet, NanoDet-Plus and PicoDet: one convolution, whose first channels are classes and whose last are distributions of distances. */
function nanoDet({ levels, isJoined }: RawLevels, { expectedClasses }: RawFacts): RawFamily | string {
  const { channels } = levels[0]!.convs[0]!;
  const classCount = expectedClasses ?? channels - 32;
  const bins = (channels - classCount) / 4;
  if (!Number.isInteger(bins) || bins < 2 || classCount < 1) {
    return `its convolutions have ${channels} channels, expected the classes and 4 distributions`;
  }
  // NanoDet-Plus joins its levels, and its boxes are around the corners of the cells.
  const offset = isJoined ? 0 : 0.5;
  const around = isJoined ? "corners of the cells, as in NanoDet-Plus" : "centres of the cells";
  return {
    title: `${classCount} classes and 4 × ${bins} distances`,
    ...{ perCell: 1, classCount, extraCount: 0, hasObjectness: false, anchors: undefined },
    assumed: [`distances in strides, around the ${around}`],
    columns(rows, level) {
      const map = rows.columnsOf(level.convs[0]!.value, 1, channels);
      return distanceColumns(rows, {
        distances: rows.cut(map, classCount, channels),
        classes: rows.cut(map, 0, classCount),
        ...{ bins, offset },
      });
    },
  };
}

/** YOLOX without its decoding, one output per level: xy = (raw + cell) · stride, wh = exp(raw) · stride. */
function yolox({ levels }: RawLevels, { expectedClasses }: RawFacts): RawFamily | string {
  const { convs } = levels[0]!;
  const box = convs.findIndex(({ channels, activation }) => channels === 4 && activation === "none");
  const objectness = convs.findIndex(({ channels }, i) => i !== box && channels === 1);
  const classes = [0, 1, 2].find((i) => i !== box && i !== objectness);
  if (box < 0 || objectness < 0 || classes === undefined) {
    return `its levels have maps of ${convs.map(({ channels }) => channels).join(", ")} channels, expected 4 (boxes), 1 (objectness) and the classes`;
  }
  const classCount = convs[classes]!.channels;
  if (expectedClasses !== undefined && expectedClasses !== classCount) {
    return `its class maps have ${classCount} channels, and there are ${expectedClasses} class names`;
  }
  return {
    title: `4 boxes, 1 objectness and ${classCount} classes`,
    ...{ perCell: 1, classCount, extraCount: 0, hasObjectness: true, anchors: undefined },
    assumed: ["boxes as in YOLOX: xy = (raw + cell) · stride, wh = exp(raw) · stride"],
    columns(rows, level) {
      const [boxes, certain, scores] = [box, objectness, classes].map((i) =>
        rows.columnsOf(level.convs[i]!.value, 1, level.convs[i]!.channels),
      ) as [Value, Value, Value];
      const centre = rows.times(rows.plus(rows.cut(boxes, 0, 2), rows.cells), rows.stride);
      const size = rows.times(rows.build.op("Exp", [rows.cut(boxes, 2, 4)]), rows.stride);
      return [centre, size, rows.sigmoid(certain), rows.sigmoid(scores)];
    },
  };
}

/** FastestDet (one box per cell) and Yolo-FastestV2 (anchors that share their classes). Both have a softmax over the classes. */
function fastest({ levels }: RawLevels): RawFamily | string {
  const { convs } = levels[0]!;
  const classes = convs.findIndex(({ activation }) => activation === "softmax");
  const objectness = [0, 1, 2].find(
    (i) =>
      i !== classes && convs.some(({ channels }, j) => j !== i && j !== classes && channels === 4 * convs[i]!.channels),
  );
  if (objectness === undefined) {
    return `its levels have maps of ${convs.map(({ channels }) => channels).join(", ")} channels, expected A (objectness), 4 · A (boxes) and the classes`;
  }
  const box = 3 - classes - objectness;
  const perCell = convs[objectness]!.channels;
  const classCount = convs[classes]!.channels;
  const facts = { perCell, classCount, extraCount: 0 };
  const read = (rows: MapRows, level: RawLevel) => {
    const logits = rows.columnsOf(level.convs[classes]!.value, 1, classCount);
    return {
      boxes: rows.columnsOf(level.convs[box]!.value, perCell, 4),
      certain: rows.sigmoid(rows.columnsOf(level.convs[objectness]!.value, perCell, 1)),
      shares: rows.build.op("Softmax", [logits], { axis: 3 }),
    };
  };
  if (perCell === 1) {
    return {
      title: `1 objectness, 4 boxes and ${classCount} classes`,
      ...facts,
      hasObjectness: false,
      anchors: undefined,
      assumed: [
        "boxes and scores as in FastestDet: xy = (tanh + cell) · stride, wh = σ · input, score = objectness^0.6 · class^0.4",
      ],
      columns(rows, level) {
        const { boxes, certain, shares } = read(rows, level);
        const centre = rows.times(rows.plus(rows.build.op("Tanh", [rows.cut(boxes, 0, 2)]), rows.cells), rows.stride);
        const size = rows.times(rows.sigmoid(rows.cut(boxes, 2, 4)), rows.inputSides(level));
        const power = (value: Value, exponent: number): Value =>
          rows.build.op("Pow", [value, rows.build.float(exponent)]);
        const scores = rows.times(power(certain, 0.6), power(shares, 0.4));
        return [centre, size, rows.onesBeside(scores), scores];
      },
    };
  }
  return {
    title: `${perCell} anchors × (4 boxes + 1 objectness) and ${classCount} classes of all anchors`,
    ...facts,
    hasObjectness: true,
    anchors: ["yolo-fastestv2"],
    assumed: ["boxes as in Yolo-FastestV2: xy = (2σ − ½ + cell) · stride, wh = (2σ)² · anchor"],
    columns(rows, level, anchors) {
      const { boxes, certain, shares } = read(rows, level);
      const all = rows.build.op("Expand", [shares, rows.build.ints([1, perCell, 1, 1])]);
      return [...anchorBox(rows, rows.sigmoid(boxes), anchors), certain, all];
    },
  };
}
