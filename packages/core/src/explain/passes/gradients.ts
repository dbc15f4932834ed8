import type { Layer } from "../../detector/layer.js";
import type { ScoreResult } from "../../scores/score.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { LoadedModel } from "../model/loaded-model.js";
import { dependentLevels, feedsPrototypes } from "../model/reach.js";
import type { Backward, TapPlan } from "../plan/tap-plan.js";
import type { Progress } from "../progress.js";
import { runBackward } from "./backward-run.js";
import type { ForwardResult } from "./forward-pass.js";
import { readFloats } from "./runtime-tensors.js";
import { sumGradients } from "./seeds.js";

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

/** Maximum number of seeds in one run. More seeds need more memory and save no time. */
const MAX_SEEDS = 8;

/**
 * For each request: gradients `[C, H, W]` by layer value. Requests for the same layers share a run. A layer without an entry has the
 * gradient zero.
 */
export async function gradientsOf(
  loaded: LoadedModel,
  { forward, plan, requests, signal, progress }: GradientRuns,
): Promise<ReadonlyMap<string, Tensor>[]> {
  const found: ReadonlyMap<string, Tensor>[] = requests.map(() => new Map());
  const byLayers = new Map<string, number[]>();
  requests.forEach(({ layers }, i) => {
    const key = layers.map((layer) => layer.value).join("\n");
    byLayers.set(key, [...(byLayers.get(key) ?? []), i]);
  });
  for (const together of byLayers.values()) {
    const { layers } = requests[together[0]!]!;
    const levels = new Set(together.flatMap((i) => requests[i]!.levels));
    const masks = together.some((i) => requests[i]!.results.some((result) => result.prototypes.length > 0));
    const backward = backwardFor(loaded, plan, { layers, levels, masks });
    if (backward === null) continue;
    const step = backward.model.manySeeds ? MAX_SEEDS : 1;
    for (let start = 0; start < together.length; start += step) {
      const chunk = together.slice(start, start + step);
      const seeds = chunk.map((i) => sumGradients(requests[i]!.results, forward.predictions.columns));
      const gradients = await runBackward(loaded, { forward, backward, seeds, signal });
      for (const [value, tensor] of gradients) {
        const { dims, data } = await readFloats(value, tensor);
        tensor.dispose();
        const size = data.length / chunk.length;
        chunk.forEach((i, n) => {
          const own = chunk.length === 1 ? data : data.slice(n * size, (n + 1) * size);
          (found[i] as Map<string, Tensor>).set(value, { dims: dims.slice(1), data: own });
        });
      }
      progress?.step(chunk.length);
    }
  }
  return found;
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
export function backwardFor(
  loaded: LoadedModel,
  plan: TapPlan,
  { layers, levels, masks }: BackwardEnds,
): Backward | null {
  const reach = new Set(layers.flatMap((layer) => [...dependentLevels(loaded, layer)]));
  const used = [...levels].filter((level) => reach.has(level)).sort((a, b) => a - b);
  const reachesMasks = masks && layers.some((layer) => feedsPrototypes(loaded, layer));
  return used.length === 0 && !reachesMasks ? null : plan.backward({ layers, levels: used, masks: reachesMasks });
}
