import type { Size } from "../../image/frame.js";
import type { RuntimeTensor } from "../../runtime/port.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { Windowed } from "../plan/window-plan.js";
import { runBackward } from "./backward-run.js";
import type { ForwardResult } from "./forward-pass.js";
import type { Seed } from "./seeds.js";
import { areaOf, placeWindows, type SeededArea, type SeededCell, windowIndices } from "./window-index.js";

/** A window that is larger than this share of the input saves little. */
const MAX_SHARE = 0.6;

/** A seed, its cells, and the area that its gradient is in. */
export interface WindowSeed extends SeededArea {
  readonly seed: Seed;
}

/** The window of a seed on the levels of a windowed pass. Undefined if no cell has a seed, or the maps of this input size have no windows. */
export function windowSeed(
  { head }: LoadedModel,
  { windows, levels }: Windowed,
  seed: Seed,
  inputSize: Size,
): WindowSeed | undefined {
  if (!windows.fits(inputSize)) return undefined;
  const cells: SeededCell[] = [];
  for (const row of seed.rows.keys()) {
    const { level, cell } = head.originOf(row, inputSize, [0, 0]);
    if (levels.includes(level)) cells.push({ level, stride: head.levels[level]!.stride, x: cell[0], y: cell[1] });
  }
  const area = areaOf(windows, cells, blocksOf(windows, inputSize));
  return area && { seed, cells, area };
}

/** Whether the window of a seed is small enough to save work. */
export function savesWork({ area }: WindowSeed, { windows }: Windowed, inputSize: Size): boolean {
  const [height, width] = blocksOf(windows, inputSize);
  return blocksIn(area) <= MAX_SHARE * height * width;
}

/** The number of blocks in an area. */
export function blocksIn([y, x]: SeededArea["area"]): number {
  return (y[1] - y[0]) * (x[1] - x[0]);
}

function blocksOf({ block }: Windowed["windows"], [height, width]: Size): Size {
  return [height / block, width / block];
}

/** One run of a windowed backward pass, with one window per seed. */
export interface WindowRun {
  readonly forward: ForwardResult;
  readonly windowed: Windowed;
  readonly seeds: readonly WindowSeed[];
  readonly signal: AbortSignal | undefined;
}

/** Returns gradients `[seeds, C, H, W]` by layer value, like `runBackward`. */
export function runWindows(
  loaded: LoadedModel,
  { forward, windowed, seeds, signal }: WindowRun,
): Promise<Map<string, RuntimeTensor>> {
  const { windows, backward } = windowed;
  const grid = placeWindows(seeds, blocksOf(windows, forward.letterbox.inputSize), windows.block);
  const shared = grid.windows.map((window) => window.seed);
  const merged = Array.from({ length: 1 + Math.max(...shared) }, (_, k): Seed => {
    const own = seeds.filter((__, i) => shared[i] === k);
    return { rows: new Map(own.flatMap(({ seed }) => [...seed.rows])), prototypes: [] };
  });
  const indices = windowIndices(windows.inputs, grid);
  return runBackward(loaded, { forward, backward, seeds: merged, indices, signal });
}
