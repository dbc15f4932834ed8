import { createRandom } from "../../algebra/random.js";
import type { Size } from "../../image/frame.js";
import type { Value } from "../../onnx/builder.js";
import type { Decoding, ProbeMap } from "./probe.js";

/** One level of priors, with the maps that predict it. */
export interface PriorLevel {
  readonly maps: readonly Value[];
  readonly cells: Size;
  /** Priors per cell. */
  readonly anchors: number;
}

/** The layout of a decoding with one row per prior: a box, then class scores. */
export interface PriorLayout {
  readonly boxes: "xywh" | "xyxy" | "yxyx";
  /** True for boxes as fractions of the input size, false for input pixels. */
  readonly normalised: boolean;
  /** True when the scores of a row sum to one. */
  readonly isSoftmax: boolean;
  /** True when the scores are no probabilities. */
  readonly isLogits: boolean;
  /** In row order. */
  readonly levels: readonly PriorLevel[];
  /** For each row by level, anchor, y and x: the row of the decoding. Undefined if the rows have this order. */
  readonly order: readonly number[] | undefined;
}

/** The rows of the decoding that belong to a level. */
interface LevelRows extends PriorLevel {
  readonly start: number;
  /** True when the anchors of a cell follow one another. */
  readonly cellFirst: boolean;
}

/** The numbers of one run, `[rows, columns]`. */
type Table = (row: number, column: number) => number;

/** Largest difference from one that a sum of probabilities has. */
const SUM_TOLERANCE = 1e-3;
/** Share of the input by which priors cover less or more than it, because cells are rounded. */
const ROUNDED = 0.1;
/** The same where an image may be padded before the network, and boxes are known to be those of the file's outputs. */
const PADDED = 0.5;

/** How the decoding is run, and where its boxes come from. */
export interface PriorFrame {
  readonly size: Size;
  /** Whether the boxes are those of the file's outputs, before the selection. */
  readonly isOutput: boolean;
}

/**
 * Determines the layout of a decoding of priors by running it. Maps of zeros give the priors, which are a grid in each level. Changing the maps of one
 * level changes its rows. Changing one cell changes the rows of its priors. Returns the reason as a string if the layout is not supported.
 */
export async function readPriors(
  decoding: Decoding,
  maps: readonly ProbeMap[],
  frame: PriorFrame,
): Promise<PriorLayout | string> {
  const [, rows = 0, columns = 0] = decoding.dims;
  const table =
    (data: Float32Array): Table =>
    (row, column) =>
      data[row * columns + column]!;
  const zeros = await decoding.run((_, size) => new Float32Array(size));
  const random = await decoding.run((value, size) => noiseOf(maps, value, size));
  const scores = scoresOf(table(random), rows, columns);
  const levels: LevelRows[] = [];
  for (const group of levelGroups(maps)) {
    const level = await levelRows({ decoding, zeros, rows, columns }, group);
    if (typeof level === "string") return level;
    levels.push(level);
  }
  levels.sort((a, b) => a.start - b.start);
  let next = 0;
  for (const { start, anchors, cells } of levels) {
    if (start !== next) return `its rows ${next} to ${start} belong to no level`;
    next += anchors * cells[0] * cells[1];
  }
  if (next !== rows) return `its levels have ${next} rows, and its boxes ${rows}`;
  const geometry = geometryOf(table(zeros), levels, frame);
  if (typeof geometry === "string") return geometry;
  return { ...geometry, ...scores, levels, order: orderOf(levels) };
}

function noiseOf(maps: readonly ProbeMap[], value: Value, size: number): Float32Array {
  const random = createRandom(
    0,
    maps.findIndex((map) => map.value === value),
  );
  return Float32Array.from({ length: size }, () => 4 * random.uniform() - 2);
}

/** The maps by level. Maps of one level have the same size. */
function levelGroups(maps: readonly ProbeMap[]): ProbeMap[][] {
  const groups = new Map<string, ProbeMap[]>();
  for (const map of maps) {
    const key = map.dims.slice(2).join();
    groups.set(key, [...(groups.get(key) ?? []), map]);
  }
  return [...groups.values()];
}

function scoresOf(table: Table, rows: number, columns: number): Pick<PriorLayout, "isSoftmax" | "isLogits"> {
  let isSoftmax = columns > 5;
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let column = 4; column < columns; column++) {
      const value = table(row, column);
      if (!(value >= -SUM_TOLERANCE && value <= 1 + SUM_TOLERANCE)) return { isSoftmax: false, isLogits: true };
      sum += value;
    }
    if (Math.abs(sum - 1) > SUM_TOLERANCE) isSoftmax = false;
  }
  return { isSoftmax, isLogits: false };
}

interface Probe {
  readonly decoding: Decoding;
  readonly zeros: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** Finds the rows of a level, and their order. */
async function levelRows(probe: Probe, group: readonly ProbeMap[]): Promise<LevelRows | string> {
  const [height, width] = group[0]!.dims.slice(2) as [number, number];
  const own = new Set(group.map(({ value }) => value));
  const all = changedRows(probe, await probe.decoding.run((value, size) => filled(own.has(value), size, 0, size)));
  const [start, end] = [all[0], all.at(-1)];
  if (start === undefined || end === undefined) return "its rows do not depend on a map";
  const anchors = (end + 1 - start) / (height * width);
  if (!Number.isInteger(anchors) || anchors < 1) {
    return `its ${end + 1 - start} rows of a level do not fit ${height} × ${width} cells`;
  }
  const level = { maps: [...own], cells: [height, width] as const, anchors, start };
  if (anchors === 1 || height * width === 1) return { ...level, cellFirst: false };
  // The second cell of the first row, in every channel.
  const cell = changedRows(
    probe,
    await probe.decoding.run((value, size) => filled(own.has(value), size, width > 1 ? 1 : width, height * width)),
  );
  const second = (anchor: number, cellFirst: boolean): number =>
    start + (cellFirst ? anchors + anchor : anchor * height * width + 1);
  for (const cellFirst of [true, false]) {
    if (cell.length > 0 && cell.every((row, i) => row === second(i, cellFirst))) return { ...level, cellFirst };
  }
  return "the order of its rows is not known";
}

/** Ones of alternating sign, either everywhere (`step` is the size), or in each `step`-th place from `first`. */
function filled(isOwn: boolean, size: number, first: number, step: number): Float32Array {
  const data = new Float32Array(size);
  if (!isOwn) return data;
  if (step === size) return data.map((_, i) => 0.5 + ((i * 7) % 5) / 4);
  for (let i = first, k = 0; i < size; i += step, k++) data[i] = 0.5 + ((k * 7) % 5) / 4;
  return data;
}

function changedRows({ zeros, rows, columns }: Probe, data: Float32Array): number[] {
  const found: number[] = [];
  for (let row = 0; row < rows; row++) {
    for (let i = row * columns; i < (row + 1) * columns; i++) {
      if (data[i] === zeros[i]) continue;
      found.push(row);
      break;
    }
  }
  return found;
}

function rowAt({ start, anchors, cells, cellFirst }: LevelRows, anchor: number, cell: number): number {
  return start + (cellFirst ? cell * anchors + anchor : anchor * cells[0] * cells[1] + cell);
}

function orderOf(levels: readonly LevelRows[]): number[] | undefined {
  if (levels.every(({ cellFirst }) => !cellFirst)) return undefined;
  return levels.flatMap((level) =>
    Array.from({ length: level.anchors * level.cells[0] * level.cells[1] }, (_, i) => {
      const cells = level.cells[0] * level.cells[1];
      return rowAt(level, Math.floor(i / cells), i % cells);
    }),
  );
}

const MOVING = { xywh: ["x", "y", "", ""], xyxy: ["x", "y", "x", "y"], yxyx: ["y", "x", "y", "x"] } as const;

/** The form of the boxes, from the priors of the level with the most cells. Clipped priors at the border move less than the others. */
function geometryOf(
  table: Table,
  levels: readonly LevelRows[],
  { size: [height, width], isOutput }: PriorFrame,
): Pick<PriorLayout, "boxes" | "normalised"> | string {
  const level = levels.reduce((most, one) =>
    one.cells[0] * one.cells[1] > most.cells[0] * most.cells[1] ? one : most,
  );
  const [down, across] = [stepsOf(table, level, "y"), stepsOf(table, level, "x")];
  const largest = Math.max(...down, ...across);
  if (!(largest > 0)) return "its boxes are not decoded: they do not depend on their places";
  const moves = (steps: readonly number[], column: number): boolean => steps[column]! > 1e-3 * largest;
  for (const boxes of ["xywh", "xyxy", "yxyx"] as const) {
    const fits = MOVING[boxes].every(
      (axis, column) => moves(across, column) === (axis === "x") && moves(down, column) === (axis === "y"),
    );
    if (!fits) continue;
    const [x, y] = [Math.max(...across) * level.cells[1], Math.max(...down) * level.cells[0]];
    const covers = (unit: readonly [number, number]): boolean =>
      [x / unit[0], y / unit[1]].every((ratio) => ratio > 1 - ROUNDED && ratio < 1 + (isOutput ? PADDED : ROUNDED));
    if (covers([1, 1])) return { boxes, normalised: true };
    if (covers([width, height])) return { boxes, normalised: false };
    return `its priors cover ${x.toPrecision(4)} × ${y.toPrecision(4)}, and the input has ${width} × ${height} pixels`;
  }
  return "its boxes do not move with their cells";
}

/** For each box column: the median step from one cell to the next, of those that move. */
function stepsOf(table: Table, level: LevelRows, axis: "x" | "y"): number[] {
  const [height, width] = level.cells;
  const [step, rows, columns] = axis === "x" ? [1, height, width - 1] : [width, height - 1, width];
  return [0, 1, 2, 3].map((column) => {
    const steps: number[] = [];
    for (let anchor = 0; anchor < level.anchors; anchor++) {
      for (let y = 0; y < rows; y++) {
        for (let x = 0; x < columns; x++) {
          const cell = y * width + x;
          const moved = table(rowAt(level, anchor, cell + step), column) - table(rowAt(level, anchor, cell), column);
          if (Math.abs(moved) > 1e-9) steps.push(Math.abs(moved));
        }
      }
    }
    steps.sort((a, b) => a - b);
    return steps[Math.floor(steps.length / 2)] ?? 0;
  });
}
