import type { Layer } from "../../detector/layer.js";
import type { ScoreResult } from "../../scores/score.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { LoadedModel } from "../model/loaded-model.js";
import { feedsPrototypes, levelsBehind } from "../model/reach.js";
import type { Backward, TapPlan } from "../plan/tap-plan.js";
import { runBackward } from "./backward-run.js";
import type { ForwardResult } from "./forward-pass.js";
import { readFloats } from "./runtime-tensors.js";
import { sumGradients } from "./seeds.js";

/** What one backward pass is asked for: layers, and the scores that are differentiated together. */
export interface GradientRequest {
  readonly layers: readonly Layer[];
  readonly results: readonly ScoreResult[];
  /** Levels of the rows that carry those scores. */
  readonly levels: readonly number[];
}

/** Requests on one forward pass. */
export interface GradientRuns {
  readonly forward: ForwardResult;
  readonly plan: TapPlan;
  readonly requests: readonly GradientRequest[];
  readonly signal: AbortSignal | undefined;
}

/** Maximum number of seeds in one run: more take more memory and save no time. */
const MAX_SEEDS = 8;

/**
 * Gradients `[C, H, W]` by layer value for each request, requests for the same layers together in one run. A layer without an entry
 * has the gradient zero.
 */
export async function gradientsOf(
  loaded: LoadedModel,
  { forward, plan, requests, signal }: GradientRuns,
): Promise<ReadonlyMap<string, Tensor>[]> {
  const found: ReadonlyMap<string, Tensor>[] = requests.map(() => new Map());
  const alike = new Map<string, number[]>();
  requests.forEach(({ layers }, i) => {
    const key = layers.map((layer) => layer.value).join("\n");
    alike.set(key, [...(alike.get(key) ?? []), i]);
  });
  for (const together of alike.values()) {
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
    }
  }
  return found;
}

/** Where a backward pass may start and end. */
interface BackwardEnds {
  readonly layers: readonly Layer[];
  /** Levels of the rows that carry a seed. */
  readonly levels: ReadonlySet<number>;
  /** Whether the mask prototypes carry one too. */
  readonly masks: boolean;
}

/** The backward pass from those of `levels` that the layers feed, and from the mask prototypes if they feed them; null when they feed none. */
export function backwardFor(
  loaded: LoadedModel,
  plan: TapPlan,
  { layers, levels, masks }: BackwardEnds,
): Backward | null {
  const reach = new Set(layers.flatMap((layer) => [...levelsBehind(loaded, layer)]));
  const used = [...levels].filter((level) => reach.has(level)).sort((a, b) => a - b);
  const reachesMasks = masks && layers.some((layer) => feedsPrototypes(loaded, layer));
  return used.length === 0 && !reachesMasks ? null : plan.backward({ layers, levels: used, masks: reachesMasks });
}
