import type { Value } from "../../onnx/builder.js";
import type { FamilyPreparation } from "../family-preparation.js";
import { keypointLayout } from "../tasks/keypoints.js";
import type { MapRows } from "./map-rows.js";
import type { RawFacts, RawFamily } from "./raw-family.js";
import type { RawConv, RawLevels } from "./raw-levels.js";

/** Usual numbers of channels of the distances: 16, 17 or 8 bins for each side, or one number. */
const DISTANCES = [64, 68, 32, 4];

/**
 * One convolution for distances to the sides, one for classes: Ultralytics' and Rockchip's split heads, PicoDet, NanoDet, YOLOv6, RTMDet. Ultralytics' heads
 * can have a third one, for mask coefficients, keypoints or an angle.
 */
export function distances({ levels }: RawLevels, facts: RawFacts): RawFamily | string {
  const { convs } = levels[0]!;
  const parts = splitParts(convs, facts);
  if (typeof parts === "string") return parts;
  const { box, classes, extra } = parts;
  const bins = convs[box]!.channels / 4;
  const classCount = convs[classes]!.channels;
  if (convs[classes]!.activation === "softmax") {
    return `its class scores are a softmax over ${classCount} channels beside maps of ${convs[box]!.channels} channels, and no family with such maps is known. Export the model with its boxes decoded`;
  }
  const extraCount = extra === undefined ? 0 : convs[extra]!.channels;
  const task = extra === undefined ? undefined : taskOf(extraCount, facts);
  const { dims } = keypointLayout(facts.metadata, extraCount);
  // RTMDet gives its classes first, and its boxes are around the corners of the cells.
  const offset = bins === 1 && box === 1 ? 0 : 0.5;
  const what = bins === 1 ? "4 distances" : `4 × ${bins} distances`;
  const around = offset === 0 ? "corners of the cells, as in RTMDet" : "centres of the cells";
  const more = task === undefined ? "" : `, ${extraCount} ${EXTRA_NAMES[task]}`;
  return {
    title: `${what} and ${classCount} classes${more}`,
    ...{ perCell: 1, classCount, extraCount, hasObjectness: false, anchors: undefined },
    ...(task === undefined ? {} : { task }),
    assumed: [
      `distances in strides, around the ${around}`,
      ...(task === "pose" ? ["keypoints as in YOLOv8: (2 · raw + cell) · stride"] : []),
      ...(task === "obb" ? ["angles as in YOLOv8: (σ − ¼) · π"] : []),
    ],
    columns(rows, level) {
      const map = (i: number): Value => rows.columnsOf(level.convs[i]!.value, 1, level.convs[i]!.channels);
      const raw = extra === undefined ? undefined : map(extra);
      const angle = task === "obb" ? rows.times(rows.plus(rows.sigmoid(raw!), -0.25), Math.PI) : undefined;
      const columns = distanceColumns(rows, { distances: map(box), classes: map(classes), bins, offset, angle });
      if (raw === undefined) return columns;
      return [...columns, angle ?? (task === "pose" ? keypoints(rows, raw, extraCount, dims) : raw)];
    },
  };
}

const EXTRA_NAMES = { segment: "mask coefficients", pose: "values of keypoints", obb: "angle", detect: "" } as const;

/** Indices of the convolutions of a level, by what they predict. */
interface SplitParts {
  readonly box: number;
  readonly classes: number;
  readonly extra: number | undefined;
}

function splitParts(convs: readonly RawConv[], { expectedClasses, prototypes }: RawFacts): SplitParts | string {
  const candidates = [...convs.keys()].filter((i) => convs[i]!.activation === "none" && convs[i]!.channels % 4 === 0);
  const [box] = candidates
    .filter((i) => usual(convs[i]!) < DISTANCES.length)
    .sort((i, j) => Number(isNamed(i)) - Number(isNamed(j)) || usual(convs[i]!) - usual(convs[j]!));
  if (box === undefined || (convs.length === 3 && convs[box]!.channels === 4)) {
    return `its levels have maps of ${convs.map(({ channels }) => channels).join(" and ")} channels, expected ${DISTANCES.join(", ")} for boxes`;
  }
  const [first, second] = [...convs.keys()].filter((i) => i !== box) as [number, number | undefined];
  if (second === undefined) return { box, classes: first, extra: undefined };
  const isExtra = (i: number): boolean => {
    const { channels, activation } = convs[i]!;
    if (prototypes !== undefined) return channels === prototypes.channels && activation === "none";
    return expectedClasses !== undefined && convs[first + second! - i]!.channels === expectedClasses;
  };
  // Classes come first in all known exports.
  const extra = isExtra(second) || !isExtra(first) ? second : first;
  return { box, classes: first + second - extra, extra };

  /** Boxes are not the map that has as many channels as there are names. */
  function isNamed(i: number): boolean {
    const others = convs.filter((_, j) => j !== i);
    return convs[i]!.channels === expectedClasses && !others.some(({ channels }) => channels === expectedClasses);
  }
}

/** What the third convolution predicts. */
function taskOf(extraCount: number, { prototypes, metadata }: RawFacts): "segment" | "pose" | "obb" {
  const declared = metadata.get("task");
  if (declared === "segment" || declared === "pose" || declared === "obb") return declared;
  if (prototypes?.channels === extraCount) return "segment";
  return extraCount === 1 ? "obb" : "pose";
}

/** Keypoints in pixels: (2 · raw + cell) · stride, and the confidence as a probability. */
function keypoints(rows: MapRows, raw: Value, columns: number, dims: 2 | 3): Value {
  const { build } = rows;
  const points = build.op("Reshape", [raw, build.ints([1, -1, columns / dims, dims])]);
  const cells = build.op("Unsqueeze", [rows.cells, build.ints([1])]);
  const places = rows.times(rows.plus(rows.times(rows.cut(points, 0, 2), 2), cells), rows.stride);
  const parts = dims === 3 ? [places, rows.sigmoid(rows.cut(points, 2, 3))] : [places];
  return build.op("Reshape", [build.op("Concat", parts, { axis: 3 }), build.ints([1, 1, -1, columns])]);
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
  /** In radians, of rotated boxes. */
  readonly angle?: Value | undefined;
}

function distanceColumns(rows: MapRows, { distances: logits, classes, bins, offset, angle }: DistanceColumns): Value[] {
  const sides = bins === 1 ? logits : rows.expectation(logits, bins);
  const scores = rows.sigmoid(classes);
  const box = angle === undefined ? rows.around(sides, offset) : rows.rotatedAround(sides, offset, angle);
  return [...box, rows.onesBeside(scores), scores];
}

/** Numbers of bins of published models. */
const BINS: ReadonlySet<number> = new Set([8, 11, 16, 17]);

/** As the configurations of NanoDet-Plus prepare their images. */
const NANODET: FamilyPreparation = {
  ...{ range: 255, channels: "bgr", fit: "stretch" },
  ...{ mean: [103.53, 116.28, 123.675], std: [57.375, 57.12, 58.395] },
};

/** NanoDet, NanoDet-Plus and PicoDet: one convolution, whose first channels are classes and whose last are distributions of distances. */
export function nanoDet({ levels, isJoined }: RawLevels, { expectedClasses }: RawFacts): RawFamily | string {
  const { channels } = levels[0]!.convs[0]!;
  const named = (channels - (expectedClasses ?? Number.NaN)) / 4;
  const bins = BINS.has(named) ? named : 8;
  const classCount = channels - 4 * bins;
  if (classCount < 1) {
    return `its convolutions have ${channels} channels, expected the classes and 4 distributions`;
  }
  // NanoDet-Plus joins its levels, and its boxes are around the corners of the cells.
  const offset = isJoined ? 0 : 0.5;
  const around = isJoined ? "corners of the cells, as in NanoDet-Plus" : "centres of the cells";
  return {
    title: `${classCount} classes and 4 × ${bins} distances`,
    ...{ perCell: 1, classCount, extraCount: 0, hasObjectness: false, anchors: undefined },
    assumed: [`distances in strides, around the ${around}`],
    ...(isJoined ? { preparation: NANODET } : {}),
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
