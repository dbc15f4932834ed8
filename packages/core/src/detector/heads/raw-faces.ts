import type { RawFamily } from "./raw-family.js";
import type { RawConv, RawLevel, RawLevels } from "./raw-levels.js";

/** Number of values of five landmarks. */
const LANDMARKS = 10;

const FACE = { classCount: 1, hasObjectness: false, familyNames: ["face"] } as const;

/** The first convolution of a level with so many channels. */
function withChannels({ convs }: RawLevel, channels: number, except?: RawConv): RawConv {
  return convs.find((conv) => conv.channels === channels && conv !== except)!;
}

function channelsOf({ levels }: RawLevels): string {
  const channels = levels[0]!.convs.map((conv) => conv.channels);
  return channels.sort((a, b) => a - b).join();
}

/**
 * SCRFD: for two anchors per cell a score, distances around the corner of the cell, and five landmarks if it has them. Guo et al., "Sample and
 * Computation Redistribution for Efficient Face Detection", ICLR 2022.
 */
export function scrfd(raw: RawLevels): RawFamily | undefined {
  const channels = channelsOf(raw);
  const hasPoints = channels === "2,8,20";
  if (!(hasPoints || channels === "2,8") || withChannels(raw.levels[0]!, 2).activation !== "sigmoid") return undefined;
  return {
    ...FACE,
    title: `2 anchors × (1 score + 4 distances${hasPoints ? " + 10 landmarks" : ""})`,
    ...(hasPoints ? { task: "pose" } : {}),
    ...{ perCell: 2, extraCount: hasPoints ? LANDMARKS : 0, anchors: undefined },
    assumed: ["boxes as in SCRFD: distances in strides, around the corners of the cells"],
    // As InsightFace prepares them.
    preparation: { range: 255, mean: [127.5, 127.5, 127.5], std: [128, 128, 128] },
    columns(rows, level) {
      const map = (size: number): string => withChannels(level, size).value;
      const scores = rows.sigmoid(rows.columnsOf(map(2), 2, 1));
      const box = rows.around(rows.columnsOf(map(8), 2, 4), 0);
      const columns = [...box, rows.onesBeside(scores), scores];
      if (!hasPoints) return columns;
      return [...columns, ...rows.points(rows.columnsOf(map(20), 2, LANDMARKS), LANDMARKS, rows.stride, 0)];
    },
  };
}

/** Sides of the square priors of RetinaFace, finest level first, and the factors of its changes. */
const RETINA_PRIORS = [
  [16, 32],
  [64, 128],
  [256, 512],
] as const;
const [CENTRE_CHANGE, SIZE_CHANGE] = [0.1, 0.2];

/** RetinaFace: changes of two square priors per cell, classes background and face, five landmarks. Deng et al., CVPR 2020. */
export function retinaFace(raw: RawLevels): RawFamily | undefined {
  if (channelsOf(raw) !== "4,8,20" || raw.levels.length !== RETINA_PRIORS.length) return undefined;
  return {
    ...FACE,
    title: "2 priors × (4 changes + 2 classes + 10 landmarks)",
    task: "pose",
    ...{ perCell: 2, extraCount: LANDMARKS, anchors: undefined },
    assumed: ["boxes as in RetinaFace: squares of 16 to 512 pixels, changes times 0.1 and 0.2"],
    preparation: { range: 255, channels: "bgr", mean: [104, 117, 123] },
    columns(rows, level, _, at) {
      const map = (size: number, width: number) => rows.columnsOf(withChannels(level, size).value, 2, width);
      const sides = rows.perAnchor(RETINA_PRIORS[at]!.map((side) => [side, side] as const));
      const changes = map(8, 4);
      const cells = rows.times(rows.plus(rows.cells, 0.5), rows.stride);
      const moved = rows.times(rows.times(rows.cut(changes, 0, 2), CENTRE_CHANGE), sides);
      const size = rows.times(rows.build.op("Exp", [rows.times(rows.cut(changes, 2, 4), SIZE_CHANGE)]), sides);
      const shares = rows.cut(rows.build.op("Softmax", [map(4, 2)], { axis: 3 }), 1, 2);
      const points = rows.points(map(20, LANDMARKS), LANDMARKS, rows.times(sides, CENTRE_CHANGE), 0.5);
      return [rows.plus(moved, cells), size, rows.onesBeside(shares), shares, ...points];
    },
  };
}

/** YuNet: score = √(class · objectness), boxes as in YOLOX, five landmarks. Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023. */
export function yuNet(raw: RawLevels): RawFamily | undefined {
  if (channelsOf(raw) !== "1,1,4,10") return undefined;
  return {
    ...FACE,
    title: "1 class, 1 objectness, 4 boxes and 10 landmarks",
    task: "pose",
    ...{ perCell: 1, extraCount: LANDMARKS, anchors: undefined },
    assumed: ["boxes as in YuNet: xy = (raw + cell) · stride, wh = exp(raw) · stride, score = √(class · objectness)"],
    // As OpenCV prepares them.
    preparation: { range: 255, channels: "bgr" },
    columns(rows, level) {
      const map = (conv: RawConv) => rows.columnsOf(conv.value, 1, conv.channels);
      const first = withChannels(level, 1);
      const [a, b] = [first, withChannels(level, 1, first)].map((conv) => rows.sigmoid(map(conv)));
      const score = rows.build.op("Sqrt", [rows.times(a!, b!)]);
      const box = map(withChannels(level, 4));
      const centre = rows.times(rows.plus(rows.cut(box, 0, 2), rows.cells), rows.stride);
      const size = rows.times(rows.build.op("Exp", [rows.cut(box, 2, 4)]), rows.stride);
      const points = rows.points(map(withChannels(level, LANDMARKS)), LANDMARKS, rows.stride, 0);
      return [centre, size, rows.onesBeside(score), score, ...points];
    },
  };
}
