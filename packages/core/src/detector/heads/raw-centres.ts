import type { RawFamily } from "./raw-family.js";
import type { RawLevels } from "./raw-levels.js";

/** CenterNet: one level with a heatmap of the classes, widths and heights, and offsets of the centres, both in cells. Zhou et al., "Objects as Points", 2019. */
export function centreNet({ levels }: RawLevels): RawFamily | undefined {
  const [level] = levels;
  if (level === undefined || levels.length > 1 || level.convs.length !== 3) return undefined;
  const pairs = level.convs.filter(({ channels, activation }) => channels === 2 && activation === "none");
  const [sizes, offsets] = pairs.slice(-2);
  const classes = level.convs.find((conv) => conv !== sizes && conv !== offsets);
  if (sizes === undefined || offsets === undefined || classes === undefined) return undefined;
  const classCount = classes.channels;
  return {
    title: `a heatmap of ${classCount} classes, 2 sizes and 2 offsets`,
    ...{ perCell: 1, classCount, extraCount: 0, hasObjectness: false, anchors: undefined },
    assumed: [
      "boxes as in CenterNet: xy = (cell + offset) · stride, wh in strides, sizes before offsets; overlapping boxes are suppressed in place of its search for peaks",
    ],
    columns(rows) {
      const scores = rows.sigmoid(rows.columnsOf(classes.value, 1, classCount));
      const centre = rows.times(rows.plus(rows.columnsOf(offsets.value, 1, 2), rows.cells), rows.stride);
      const size = rows.times(rows.columnsOf(sizes.value, 1, 2), rows.stride);
      return [centre, size, rows.onesBeside(scores), scores];
    },
  };
}

/**
 * TTFNet: one level with a heatmap of the classes, and distances in pixels, for which the file multiplies its map by a factor. Liu et al.,
 * "Training-Time-Friendly Network for Real-Time Object Detection", AAAI 2020.
 */
export function ttfNet({ levels }: RawLevels): RawFamily | undefined {
  const [level] = levels;
  if (level === undefined || levels.length > 1 || level.convs.length !== 2) return undefined;
  // A learned factor of distances in cells is about 1.
  const sides = level.convs.find(({ channels, scale = 1 }) => channels === 4 && scale >= level.stride);
  const classes = level.convs.find((conv) => conv !== sides);
  if (sides === undefined || classes === undefined || classes.activation === "softmax") return undefined;
  const classCount = classes.channels;
  return {
    title: `a heatmap of ${classCount} classes and 4 distances`,
    ...{ perCell: 1, classCount, extraCount: 0, hasObjectness: false, anchors: undefined },
    assumed: [
      "boxes as in TTFNet: distances in pixels, around the corners of the cells; overlapping boxes are suppressed in place of its search for peaks",
    ],
    columns(rows) {
      const scores = rows.sigmoid(rows.columnsOf(classes.value, 1, classCount));
      const cells = rows.times(rows.columnsOf(sides.value, 1, 4), 1 / rows.stride);
      return [...rows.around(cells, 0), rows.onesBeside(scores), scores];
    },
  };
}
