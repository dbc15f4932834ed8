import type { Size } from "../../image/frame.js";
import type { Map2D } from "../../tensor/tensor.js";
import type { ResolvedExplainOptions } from "../options/resolve-options.js";
import type { ScoredTargets } from "../targets/score-targets.js";
import { finishLayers } from "./finish-layers.js";
import { applied, type FinishedMap, maximumOf } from "./finished-map.js";

/** The map of one group for one score: the signed maps of its layers, or a map over the input made from them. */
export type GroupMap = { readonly layers: readonly Map2D[] } | { readonly input: Map2D };

/** For each group: one map per score. */
export type GroupMaps = readonly (readonly GroupMap[])[];

/** Sorts the maps of the tasks by group and score. A method that fuses layers first combines the maps of each task into one. */
export function groupMaps(
  options: ResolvedExplainOptions,
  { groups, tasks }: ScoredTargets,
  { byTask, inputSize }: { readonly byTask: readonly (readonly Map2D[])[]; readonly inputSize: Size },
): GroupMaps {
  const { fuse, fuseStride = 1 } = options.method;
  const size = [Math.ceil(inputSize[0] / fuseStride), Math.ceil(inputSize[1] / fuseStride)] as const;
  const isScaled = options.scale === "each";
  const fused = byTask.map((maps) =>
    fuse === undefined ? maps : [applied(finishLayers(maps, { size, isScaled, fuse }))],
  );
  return groups.map((_, group) =>
    options.scores.map((_score, scoreIndex): GroupMap => {
      const isOwn = (t: number) => tasks[t]!.group === group && tasks[t]!.scoreIndex === scoreIndex;
      return { layers: fused.filter((_maps, t) => isOwn(t)).flat() };
    }),
  );
}

/** For each group: the largest value of the method's raw maps, at least 0. */
export function rawMaxima({ groups, tasks }: ScoredTargets, byTask: readonly (readonly Map2D[])[]): number[] {
  return groups.map((_, group) => {
    const own = byTask.filter((_maps, t) => tasks[t]!.group === group).flat();
    return Math.max(0, ...own.map((values) => maximumOf({ values })));
  });
}

/** Options of `inputMap`. */
export interface InputMapOptions {
  readonly inputSize: Size;
  /** False for maps that are compared with each other: their values are not scaled. */
  readonly isScaled: boolean;
  /** Buffer for the new map, as long as the input has pixels. It may stay unused. Default: a new array. */
  readonly into?: Float32Array | undefined;
}

/** The map of a group over the input. Each call returns a new map with the same values. */
export function inputMap(map: GroupMap, options: InputMapOptions): FinishedMap {
  const { inputSize, isScaled, into } = options;
  if ("layers" in map) return finishLayers(map.layers, { size: inputSize, isScaled, into });
  return { values: { ...map.input, data: map.input.data.slice() } };
}
