import type { Layer } from "../../detector/layer.js";
import type { RuntimeTensor } from "../../runtime/port.js";
import type { ScoreResult } from "../../scores/score.js";
import { sizeOf, type Tensor } from "../../tensor/tensor.js";
import type { LoadedModel } from "../model/loaded-model.js";
import { dependentLevels, feedsPrototypes } from "../model/reach.js";
import type { Backward, BackwardRequest } from "../plan/backward-plan.js";
import type { TapPlan } from "../plan/tap-plan.js";
import type { Windowed } from "../plan/window-plan.js";
import type { Progress } from "../progress.js";
import { runBackward } from "./backward-run.js";
import type { ForwardResult } from "./forward-pass.js";
import { readFloats } from "./runtime-tensors.js";
import { sumGradients } from "./seeds.js";
import { blocksIn, runWindows, savesWork, type WindowSeed, windowSeed } from "./window-run.js";

/** A request for one backward pass: the layers, and the scores that are differentiated together. */
export interface GradientRequest {
  readonly layers: readonly Layer[];
  readonly results: readonly ScoreResult[];
  /** Levels of the rows that carry these scores. */
  readonly levels: readonly number[];
}

/** Requests for gradients of one forward pass. */
export interface GradientRuns {
  readonly forward: ForwardResult;
  readonly plan: TapPlan;
  readonly requests: readonly GradientRequest[];
  readonly signal: AbortSignal | undefined;
  /** Counts the requests that are done. Default: not counted. */
  readonly progress?: Progress;
}

/** Maximum number of seeds in one run on whole maps. Eight save no time, and need more memory. */
const MAX_SEEDS = 6;

/** On windows, more seeds save time, because the seeds of a run share more of its work. With large layers they need more than 1 GB. */
const MAX_SMALL = 8;

/** The number of values of a layer that is not large. */
const SMALL = 500_000;

/** The gradients of one request `[C, H, W]` by layer value. A layer without an entry has the gradient zero. */
export type LayerGradients = ReadonlyMap<string, Tensor>;

/** For each request: its gradients. Requests for the same layers share runs. */
export async function gradientsOf(loaded: LoadedModel, runs: GradientRuns): Promise<LayerGradients[]> {
  const found: LayerGradients[] = runs.requests.map(() => new Map());
  for await (const [i, gradients] of eachGradient(loaded, runs)) found[i] = gradients;
  return found;
}

/**
 * The index of each request, with its gradients, in the order in which they are computed. Only the gradients of one run are in memory,
 * because those of a thousand requests may not fit.
 */
export async function* eachGradient(
  loaded: LoadedModel,
  runs: GradientRuns,
): AsyncGenerator<readonly [request: number, gradients: LayerGradients]> {
  const passes = passesOf(loaded, runs);
  const differentiated = new Set(passes.flatMap(({ requests }) => requests));
  for (const i of runs.requests.keys()) if (!differentiated.has(i)) yield [i, new Map()];
  for (const pass of passes) {
    const found = pass.requests.map(() => new Map<string, Tensor>());
    for (const [value, tensor] of await pass.start()) {
      const { dims, data } = await readFloats(value, tensor);
      tensor.dispose();
      const size = data.length / found.length;
      found.forEach((own, n) => {
        const part = found.length === 1 ? data : data.slice(n * size, (n + 1) * size);
        own.set(value, { dims: dims.slice(1), data: part });
      });
    }
    runs.progress?.step(found.length);
    for (const [n, i] of pass.requests.entries()) yield [i, found[n]!];
  }
}

/** A run of a backward session for some of the requests. */
interface Pass {
  /** Indices of the requests, in the order of the seeds. */
  readonly requests: readonly number[];
  start(): Promise<Map<string, RuntimeTensor>>;
}

/** The runs for all requests. Requests whose gradient stays in a window run on windows, the others on whole maps. */
function passesOf(loaded: LoadedModel, runs: GradientRuns): Pass[] {
  const { forward, plan, requests, signal } = runs;
  const seeds = requests.map(({ results }) => sumGradients(results, forward.predictions.columns));
  const onWindows = new Map<Windowed, { request: number; window: WindowSeed }[]>();
  const onMaps = new Map<string, number[]>();
  requests.forEach(({ layers, levels }, i) => {
    const ends = { layers, levels: new Set(levels), masks: seeds[i]!.prototypes.length > 0 };
    const windowed = endOf(loaded, ends, (request) => plan.windowed(request));
    const { inputSize } = forward.letterbox;
    const window = windowed === null ? undefined : windowSeed(loaded, windowed, seeds[i]!, inputSize);
    if (windowed !== null && window !== undefined && savesWork(window, windowed, inputSize)) {
      onWindows.set(windowed, [...(onWindows.get(windowed) ?? []), { request: i, window }]);
    } else {
      const key = layers.map((layer) => layer.value).join("\n");
      onMaps.set(key, [...(onMaps.get(key) ?? []), i]);
    }
  });
  const passes: Pass[] = [];
  for (const [windowed, all] of onWindows) {
    // The windows of a run are as large as its largest one.
    const sorted = all.sort((a, b) => blocksIn(b.window.area) - blocksIn(a.window.area));
    const { layers } = requests[sorted[0]!.request]!;
    const isSmall = layers.every((layer) => valuesOf(runs, layer) <= SMALL);
    for (const chunk of chunksOf(sorted, isSmall ? MAX_SMALL : MAX_SEEDS)) {
      const windows = chunk.map(({ window }) => window);
      passes.push({
        requests: chunk.map(({ request }) => request),
        start: () => runWindows(loaded, { forward, windowed, seeds: windows, signal }),
      });
    }
  }
  for (const together of onMaps.values()) {
    const { layers } = requests[together[0]!]!;
    const levels = new Set(together.flatMap((i) => requests[i]!.levels));
    const masks = together.some((i) => seeds[i]!.prototypes.length > 0);
    const backward = backwardFor(loaded, plan, { layers, levels, masks });
    if (backward === null) continue;
    for (const chunk of chunksOf(together, backward.model.manySeeds ? MAX_SEEDS : 1)) {
      const own = chunk.map((i) => seeds[i]!);
      passes.push({ requests: chunk, start: () => runBackward(loaded, { forward, backward, seeds: own, signal }) });
    }
  }
  return passes;
}

/** The number of values of a layer. Infinite if the forward pass did not output them. */
function valuesOf({ forward, plan }: GradientRuns, { value }: Layer): number {
  const output = plan.activations.get(value);
  return output === undefined ? Number.POSITIVE_INFINITY : sizeOf(forward.tensors[output]!.dims);
}

function chunksOf<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}

/** The possible ends of a backward pass. */
interface BackwardEnds {
  readonly layers: readonly Layer[];
  /** Levels of the rows that carry a seed. */
  readonly levels: ReadonlySet<number>;
  /** Whether the mask prototypes also carry a seed. */
  readonly masks: boolean;
}

/** The backward pass from the `levels` and mask prototypes that depend on the layers. Null if none depend on them. */
export function backwardFor(loaded: LoadedModel, plan: TapPlan, ends: BackwardEnds): Backward | null {
  return endOf(loaded, ends, (request) => plan.backward(request));
}

/** `make` for the levels and mask prototypes that depend on the layers. Null if none depend on them. */
function endOf<T>(
  loaded: LoadedModel,
  { layers, levels, masks }: BackwardEnds,
  make: (request: BackwardRequest) => T | null,
): T | null {
  const reach = new Set(layers.flatMap((layer) => [...dependentLevels(loaded, layer)]));
  const used = [...levels].filter((level) => reach.has(level)).sort((a, b) => a - b);
  const reachesMasks = masks && layers.some((layer) => feedsPrototypes(loaded, layer));
  return used.length === 0 && !reachesMasks ? null : make({ layers, levels: used, masks: reachesMasks });
}
