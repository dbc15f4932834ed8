import { createRandom } from "../../algebra/random.js";
import type { Size } from "../../image/frame.js";
import { cellsOf } from "../head.js";
import type { ConvLevel } from "./grid-levels.js";
import type { Decoding } from "./probe.js";

/** The layout of a decoded value. The first four columns are the box. */
export interface DecodedLayout {
  /** True for `[1, A, C]`, false for `[1, C, A]`. */
  readonly rowsFirst: boolean;
  /** True when the rows of the coarsest level come first. */
  readonly coarseFirst: boolean;
  /** Corners, or centre and size. "raw": offsets and logarithms of YOLOX that are not decoded yet. */
  readonly boxes: "xywh" | "xyxy" | "yxyx" | "raw";
  /** True for boxes as fractions of the input size, false for input pixels. */
  readonly normalised: boolean;
  /** Column of the objectness, if any. */
  readonly objectness: number | undefined;
  readonly classStart: number;
  readonly classCount: number;
  /** True when classes (and objectness) are logits, without a sigmoid. */
  readonly logits: boolean;
  readonly extraCount: number;
}

/** The result of a run, by column and row. */
type Table = (column: number, row: number) => number;

/**
 * Determines the layout of a decoding by running it.
 *
 * With all maps zero, boxes of neighbouring cells differ only by their position. This shows whether boxes are corners or centres, pixels or
 * fractions, and the order of the rows. Then the map of one convolution is changed at a time. The columns that change belong to it. This shows
 * the columns of boxes, objectness, classes and extras.
 *
 * Returns the reason as a string if the layout is not supported.
 */
export async function readDecoding(
  decoding: Decoding,
  levels: readonly ConvLevel[],
  inputSize: Size,
  expectedClasses: number | undefined,
): Promise<DecodedLayout | string> {
  const { dims } = decoding;
  const rows = levels.reduce((sum, level) => sum + cellCount(level, inputSize), 0);
  const sides = dims.length === 3 && dims[0] === 1 ? [dims[1]!, dims[2]!] : [];
  const zero = await decoding.run((_, size) => new Float32Array(size));
  let reason = `its shape is [${dims.join(", ")}], expected one row for each of the ${rows} cells of its levels`;
  for (const rowsFirst of [false, true]) {
    const [columns, count] = rowsFirst ? [sides[1], sides[0]] : [sides[0], sides[1]];
    if (count !== rows || columns === undefined || columns < 5) continue;
    const table = (data: Float32Array): Table =>
      rowsFirst ? (c, row) => data[row * columns + c]! : (c, row) => data[c * rows + row]!;
    const geometry = geometryOf(table(zero), levels, inputSize);
    if (typeof geometry === "string") {
      reason = geometry;
      continue;
    }
    const parts = await columnsOf(decoding, table, levels, rows, columns, geometry, expectedClasses);
    if (typeof parts === "string") reason = parts;
    else return { rowsFirst, ...geometry, ...parts };
  }
  return reason;
}

function cellCount(level: ConvLevel, inputSize: Size): number {
  const [height, width] = cellsOf(level, inputSize);
  return height * width;
}

type Geometry = Pick<DecodedLayout, "coarseFirst" | "boxes" | "normalised">;

const MOVING = { xywh: ["x", "y", "", ""], xyxy: ["x", "y", "x", "y"], yxyx: ["y", "x", "y", "x"] } as const;

function geometryOf(zero: Table, levels: readonly ConvLevel[], inputSize: Size): Geometry | string {
  for (const coarseFirst of [false, true]) {
    const order = coarseFirst ? [...levels].reverse() : levels;
    const found = geometryInOrder(zero, order, inputSize);
    if (found !== undefined) return { coarseFirst, ...found };
  }
  return "its first four columns are not boxes on a grid of cells";
}

function geometryInOrder(
  zero: Table,
  order: readonly ConvLevel[],
  inputSize: Size,
): Omit<Geometry, "coarseFirst"> | undefined {
  const slopes = slopesOf(zero, order, inputSize);
  const largest = Math.max(...slopes.flatMap(({ across, down }) => [...across, ...down].map(Math.abs)));
  if (slopes.length === 0 || !Number.isFinite(largest)) return undefined;
  // Raw offsets do not depend on their cells.
  if (largest < 1e-6) return { boxes: "raw", normalised: false };
  const [height, width] = inputSize;
  for (const boxes of ["xywh", "xyxy", "yxyx"] as const) {
    for (const normalised of [false, true]) {
      const fits = slopes.every(({ stride, across, down }) => {
        const [stepX, stepY] = normalised ? [stride / width, stride / height] : [stride, stride];
        return MOVING[boxes].every(
          (axis, c) =>
            near(across[c]!, axis === "x" ? stepX : 0, stepX) && near(down[c]!, axis === "y" ? stepY : 0, stepY),
        );
      });
      if (fits) return { boxes, normalised };
    }
  }
  return undefined;
}

/** Compares with a tolerance, since half-precision and quantised decodings round coordinates. */
function near(found: number, expected: number, step: number): boolean {
  return Math.abs(found - expected) < 0.2 * step;
}

interface Slopes {
  readonly stride: number;
  readonly across: readonly number[];
  readonly down: readonly number[];
}

/** The change of the four columns from one cell to the next, for each level with more than one cell in both directions. */
function slopesOf(zero: Table, order: readonly ConvLevel[], inputSize: Size): Slopes[] {
  const found: Slopes[] = [];
  let start = 0;
  for (const level of order) {
    const [height, width] = cellsOf(level, inputSize);
    if (height > 1 && width > 1) {
      const slope = (to: number, steps: number) =>
        [0, 1, 2, 3].map((c) => (zero(c, start + to) - zero(c, start)) / steps);
      found.push({
        stride: level.stride,
        across: slope(width - 1, width - 1),
        down: slope((height - 1) * width, height - 1),
      });
    }
    start += height * width;
  }
  return found;
}

type Parts = Pick<DecodedLayout, "objectness" | "classStart" | "classCount" | "logits" | "extraCount">;

interface Block {
  readonly start: number;
  readonly end: number;
  /** The convolutions that the columns depend on; "" for none. */
  readonly key: string;
  readonly isProbability: boolean;
}

async function columnsOf(
  decoding: Decoding,
  tableOf: (data: Float32Array) => Table,
  levels: readonly ConvLevel[],
  rows: number,
  columns: number,
  { boxes }: Geometry,
  expectedClasses: number | undefined,
): Promise<Parts | string> {
  // Every convolution has its own random stream. The changed convolution uses a second one.
  const streams = new Map(levels.flatMap(({ convs }) => convs).map(({ value }, i) => [value, 2 * i]));
  const fill = (changed: string | undefined) => (value: string, size: number) => {
    const random = createRandom(0, streams.get(value)! + (value === changed ? 1 : 0));
    return Float32Array.from({ length: size }, () => 12 * random.uniform() - 6);
  };
  const base = tableOf(await decoding.run(fill(undefined)));
  const keys = Array.from({ length: columns }, () => "");
  for (const { value } of levels[0]!.convs) {
    const changed = tableOf(await decoding.run(fill(value)));
    for (let c = 0; c < columns; c++) {
      for (let row = 0; row < rows; row++) {
        if (changed(c, row) === base(c, row)) continue;
        keys[c] += `${value}\n`;
        break;
      }
    }
  }
  if (keys.slice(0, 4).includes("")) return "its first four columns do not come from a convolution";
  // Offsets without a grid are ambiguous. They must be exactly the four channels of one convolution.
  const own = levels[0]!.convs.find(({ value, channels }) => channels === 4 && keys[0] === `${value}\n`);
  if (
    boxes === "raw" &&
    (own === undefined || keys.slice(0, 4).some((key) => key !== keys[0]) || keys[4] === keys[0])
  ) {
    return "its first four columns are not boxes on a grid of cells";
  }
  return partsOf(blocksOf(keys, base, rows), expectedClasses);
}

/** Groups the columns after the box by the convolutions that they depend on. */
function blocksOf(keys: readonly string[], base: Table, rows: number): Block[] {
  const blocks: Block[] = [];
  for (let start = 4; start < keys.length; ) {
    let end = start + 1;
    while (end < keys.length && keys[end] === keys[start]) end++;
    let isProbability = true;
    for (let c = start; c < end; c++) {
      for (let row = 0; row < rows; row++) {
        const value = base(c, row);
        if (!(value >= -0.05 && value <= 1.05)) isProbability = false;
      }
    }
    blocks.push({ start, end, key: keys[start]!, isProbability });
    start = end;
  }
  return blocks;
}

function partsOf(blocks: readonly Block[], expectedClasses: number | undefined): Parts | string {
  const [first, second] = blocks;
  if (first === undefined) return "it has no class columns";
  const end = blocks.at(-1)!.end;
  // YOLOv6 has a column of ones in place of the objectness.
  const isConstant = first.key === "" && first.end - first.start === 1;
  const isObjectness =
    first.end - first.start === 1 && second !== undefined && first.isProbability && second.isProbability;
  const classes = isConstant || isObjectness ? second : first;
  if (classes === undefined || classes.key === "") return "its class columns do not come from a convolution";
  const all = classes.end - classes.start;
  // With one convolution for all columns, only the number of names separates classes from extra columns.
  const classCount = expectedClasses !== undefined && expectedClasses < all ? expectedClasses : all;
  return {
    objectness: isObjectness && !isConstant ? first.start : undefined,
    classStart: classes.start,
    classCount,
    logits: !classes.isProbability,
    extraCount: end - classes.start - classCount,
  };
}
