import type { WindowInputs } from "../../autodiff/windows/crop-nodes.js";
import type { Area } from "../../autodiff/windows/local-step.js";
import { union } from "../../autodiff/windows/region.js";
import type { WindowedModel } from "../../autodiff/windows/windowed-model.js";
import type { Size } from "../../image/frame.js";

/** A cell with a seed, on the map of one level. */
export interface SeededCell {
  readonly level: number;
  /** Input pixels per cell. */
  readonly stride: number;
  readonly x: number;
  readonly y: number;
}

/** A window of the input, in blocks, and the cells that its seed covers. */
export interface Window {
  readonly y: number;
  readonly x: number;
  readonly cells: readonly SeededCell[];
  /** Index of its seed. */
  readonly seed: number;
}

/** Windows of one size, `[height, width]` in blocks, in an input of `input` blocks. */
export interface WindowGrid {
  readonly windows: readonly Window[];
  readonly size: Size;
  readonly input: Size;
  /** Input pixels per block. */
  readonly block: number;
}

/** The cells of a seed, and the area outside of which its gradient is zero, in blocks. */
export interface SeededArea {
  readonly cells: readonly SeededCell[];
  readonly area: Area;
}

/** The area that the gradient of some cells is in, within an input of `input` blocks. Undefined for no cells. */
export function areaOf(windows: WindowedModel, cells: readonly SeededCell[], input: Size): Area | undefined {
  let area: Area | undefined;
  for (const cell of cells) area = union(area, areaAround(windows, cell));
  return (
    area && [
      [Math.max(0, area[0][0]), Math.min(input[0], area[0][1])],
      [Math.max(0, area[1][0]), Math.min(input[1], area[1][1])],
    ]
  );
}

/** The area around one cell. It repeats with each block. */
function areaAround({ areas, block }: WindowedModel, { level, x, y }: SeededCell): Area {
  const own = areas.get(level)!;
  const along = (axis: 0 | 1, cell: number): Area[0] => {
    const [start, end] = own[cell % own.length]![axis];
    const first = Math.floor(cell / own.length);
    return [first + Math.floor(start / block), first + Math.ceil(end / block)];
  };
  return [along(0, y), along(1, x)];
}

/** One window around each area, all as large as the largest area. Areas that share no cell share a seed. */
export function placeWindows(areas: readonly SeededArea[], input: Size, block: number): WindowGrid {
  const side = (axis: 0 | 1): number => Math.max(...areas.map(({ area }) => area[axis][1] - area[axis][0]));
  const size = [side(0), side(1)] as const;
  const seeds = shareSeeds(areas.map(({ cells }) => cells));
  const windows = areas.map(({ area: [y, x], cells }, i) => ({
    y: Math.min(y[0], input[0] - size[0]),
    x: Math.min(x[0], input[1] - size[1]),
    ...{ cells, seed: seeds[i]! },
  }));
  return { windows, size, input, block };
}

/** Indices of a windowed backward model by name of the input. */
export function windowIndices(inputs: WindowInputs, grid: WindowGrid): Map<string, Int32Array | BigInt64Array> {
  const sizes = BigInt64Array.from([grid.windows.length, ...grid.size, ...grid.input], BigInt);
  const indices = new Map<string, Int32Array | BigInt64Array>([[inputs.sizes, sizes]]);
  for (const [stride, name] of inputs.crops) indices.set(name, cropIndices(grid, grid.block / stride));
  for (const [stride, name] of inputs.spreads) indices.set(name, spreadIndices(grid, grid.block / stride));
  for (const [stride, name] of inputs.picks) indices.set(name, pickIndices(grid, stride));
  return indices;
}

/** For each piece of each window: its index in the whole map. A block has `rows` rows of cells. */
function cropIndices({ windows, size: [height, width], input }: WindowGrid, rows: number): Int32Array {
  const indices = new Int32Array(windows.length * height * rows * width);
  let at = 0;
  for (const { y, x } of windows) {
    for (let row = y * rows; row < (y + height) * rows; row++) {
      for (let column = x; column < x + width; column++) indices[at++] = row * input[1] + column;
    }
  }
  return indices;
}

/** For each piece of one whole map per window: 1 + its index in the windows, or 0. */
function spreadIndices({ windows, size: [height, width], input }: WindowGrid, rows: number): Int32Array {
  const perMap = input[0] * rows * input[1];
  const indices = new Int32Array(windows.length * perMap);
  let piece = 1;
  windows.forEach(({ y, x }, n) => {
    for (let row = y * rows; row < (y + height) * rows; row++) {
      for (let column = x; column < x + width; column++) indices[n * perMap + row * input[1] + column] = piece++;
    }
  });
  return indices;
}

/** For each cell of each window: 1 + its index in the cotangents `[K, H, W]`, or 0 if the window's seed does not cover it. */
function pickIndices({ windows, size: [height, width], input, block }: WindowGrid, stride: number): Int32Array {
  const rows = block / stride;
  const perWindow = height * rows * width * rows;
  const indices = new Int32Array(windows.length * perWindow);
  windows.forEach((window, n) => {
    for (const { x, y } of window.cells.filter((cell) => cell.stride === stride)) {
      const inWindow = (y - window.y * rows) * width * rows + (x - window.x * rows);
      const inMap = (window.seed * input[0] * rows + y) * input[1] * rows + x;
      indices[n * perWindow + inWindow] = 1 + inMap;
    }
  });
  return indices;
}

/** Assigns a seed to each set of cells so that sets with a common cell have different seeds. */
function shareSeeds(sets: readonly (readonly SeededCell[])[]): number[] {
  const taken: Set<string>[] = [];
  return sets.map((cells) => {
    const keys = cells.map(({ level, x, y }) => `${level} ${x} ${y}`);
    const free = taken.findIndex((seed) => keys.every((key) => !seed.has(key)));
    const seed = free < 0 ? taken.push(new Set()) - 1 : free;
    for (const key of keys) taken[seed]!.add(key);
    return seed;
  });
}
