import type { Value } from "../../onnx/builder.js";
import type { MapRows } from "./map-rows.js";
import { anchorBox, anchored, darknetRows } from "./raw-anchored.js";
import { centreNet, ttfNet } from "./raw-centres.js";
import { distances, nanoDet } from "./raw-distances.js";
import { retinaFace, scrfd, yuNet } from "./raw-faces.js";
import type { RawFacts, RawFamily } from "./raw-family.js";
import type { RawLevel, RawLevels } from "./raw-levels.js";
import { retinaNet } from "./raw-retina.js";

/** Recognises the family from the maps of each level and their activations. Returns the reason as a string if they fit none. */
export function rawFamily(raw: RawLevels, facts: RawFacts): RawFamily | string {
  const { convs } = raw.levels[0]!;
  if (convs.length === 1 && convs[0]!.activation === "mixed" && convs[0]!.perCell === undefined) {
    return nanoDet(raw, facts);
  }
  if (convs.length === 1) return darknetRows(raw, facts) ?? anchored(raw, facts);
  const known = scrfd(raw) ?? retinaFace(raw) ?? yuNet(raw) ?? centreNet(raw) ?? ttfNet(raw) ?? retinaNet(raw);
  if (known !== undefined) return known;
  const several = convs.find(({ perCell = 1 }) => perCell > 1);
  if (several !== undefined) {
    const channels = convs.map((conv) => conv.channels).join(" and ");
    return `its levels have maps of ${channels} channels with ${several.perCell} boxes per cell, and no family with such maps is known. Export the model with its boxes decoded`;
  }
  if (convs.length === 2) return distances(raw, facts);
  if (convs.length === 3) {
    if (convs.some(({ activation }) => activation === "softmax")) return fastest(raw);
    return convs.some(({ channels }) => channels === 4) ? yolox(raw) : distances(raw, facts);
  }
  return `its levels have ${convs.length} prediction convolutions each, expected one to three`;
}

/** YOLOX has three levels. FCOS has maps of the same channels on five. */
const MOST_LEVELS = 4;

/** YOLOX without its decoding, one output per level: xy = (raw + cell) · stride, wh = exp(raw) · stride. */
function yolox({ levels }: RawLevels): RawFamily | string {
  const { convs } = levels[0]!;
  const box = convs.findIndex(({ channels, activation }) => channels === 4 && activation === "none");
  const objectness = convs.findIndex(({ channels }, i) => i !== box && channels === 1);
  const classes = [0, 1, 2].find((i) => i !== box && i !== objectness);
  if (box < 0 || objectness < 0 || classes === undefined) {
    return `its levels have maps of ${convs.map(({ channels }) => channels).join(", ")} channels, expected 4 (boxes), 1 (objectness) and the classes`;
  }
  if (levels.length > MOST_LEVELS) {
    return `its ${levels.length} levels have maps of 4, 1 and ${convs[classes]!.channels} channels without decoding, which are those of FCOS, and YOLOX has up to ${MOST_LEVELS} levels. Export the model with its boxes decoded`;
  }
  const classCount = convs[classes]!.channels;
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
