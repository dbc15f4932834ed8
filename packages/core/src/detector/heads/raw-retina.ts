import { IMAGENET } from "../family-preparation.js";
import type { RawFamily } from "./raw-family.js";
import type { RawLevels } from "./raw-levels.js";

/** Heights by widths of the anchors of a cell, and their sides in strides. */
const RATIOS = [1, 2, 0.5];
const SCALES = [4, 4 * 2 ** (1 / 3), 4 * 2 ** (2 / 3)];
const PER_CELL = RATIOS.length * SCALES.length;
/** Number of levels, from P3 to P7. */
const LEVELS = 5;

/**
 * RetinaNet without decoding, as NVIDIA's retinanet-examples export it (retinanet-9 of the ONNX Model Zoo): for nine anchors per cell class scores
 * with a sigmoid and changes of the anchors. Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017.
 */
export function retinaNet({ levels }: RawLevels): RawFamily | undefined {
  const { convs, stride } = levels[0]!;
  const isClass = (conv: (typeof convs)[number]): boolean =>
    conv.activation === "sigmoid" && conv.channels % PER_CELL === 0;
  const isBox = (conv: (typeof convs)[number]): boolean => conv.activation === "none" && conv.channels === 4 * PER_CELL;
  const classes = convs.find(isClass);
  if (levels.length !== LEVELS || stride !== 8 || convs.length !== 2 || !convs.some(isBox)) return undefined;
  if (classes === undefined) return undefined;
  const classCount = classes.channels / PER_CELL;
  return {
    title: `${PER_CELL} anchors × (${classCount} classes + 4 changes)`,
    ...{ perCell: PER_CELL, classCount, extraCount: 0, hasObjectness: false, anchors: undefined },
    assumed: ["anchors and boxes as in NVIDIA's retinanet-examples: sides of 4, 5.04 and 6.35 strides, ratios 1, 2, ½"],
    preparation: IMAGENET,
    columns(rows, level) {
      const sides = rows.perAnchor(anchorsOf(level.stride));
      const changes = rows.columnsOf(level.convs.find(isBox)!.value, PER_CELL, 4);
      const scores = rows.sigmoid(rows.columnsOf(level.convs.find(isClass)!.value, PER_CELL, classCount));
      // Their boxes end at the last pixel inside, so widths are one less.
      const centres = rows.times(rows.plus(rows.cells, 0.5), rows.stride);
      const centre = rows.plus(rows.times(rows.cut(changes, 0, 2), sides), centres);
      const size = rows.times(rows.build.op("Exp", [rows.cut(changes, 2, 4)]), sides);
      return [centre, rows.plus(size, -1), rows.onesBeside(scores), scores];
    },
  };
}

/** Widths and heights, one more than the distance of the corners. */
function anchorsOf(stride: number): readonly (readonly [number, number])[] {
  return SCALES.flatMap((scale) =>
    RATIOS.map((ratio): [number, number] => {
      const width = Math.sqrt((stride * stride) / ratio);
      return [width * scale + 1, width * ratio * scale + 1];
    }),
  );
}
