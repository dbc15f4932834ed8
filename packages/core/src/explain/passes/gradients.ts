import type { Layer } from "../../detector/layer.js";
import type { RuntimeTensor } from "../../runtime/port.js";
import type { ScoreResult } from "../../scores/score.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type LoadedModel, planContext } from "../model/loaded-model.js";
import { type Backward, feedsPrototypes, levelsBehind, type TapPlan } from "../plan/tap-plan.js";
import { readFloats, runBackward, type Seed, sumGradients } from "./backward-run.js";
import type { ForwardResult } from "./forward-pass.js";

/** What one backward pass is asked for: layers, and the scores that are differentiated together. */
export interface GradientRequest {
  readonly layers: readonly Layer[];
  readonly results: readonly ScoreResult[];
  /** Levels of the rows that carry those scores. */
  readonly levels: readonly number[];
}

/** Seeds in one run at most: past it memory grows and nothing is gained. */
const MOST_SEEDS = 8;

/**
 * Gradients `[C, H, W]` by layer value for each request, requests for the same layers together in one run. A layer without an entry
 * has the gradient zero.
 */
export async function gradientsOf(
  loaded: LoadedModel,
  forward: ForwardResult,
  plan: TapPlan,
  requests: readonly GradientRequest[],
  signal?: AbortSignal,
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
    const readsMasks = together.some((i) => requests[i]!.results.some((result) => result.prototypes.length > 0));
    const backward = backwardFor(loaded, plan, layers, levels, readsMasks);
    if (backward === null) continue;
    const step = backward.model.manySeeds ? MOST_SEEDS : 1;
    for (let start = 0; start < together.length; start += step) {
      const chunk = together.slice(start, start + step);
      const seeds = chunk.map((i) => sumGradients(requests[i]!.results, forward.predictions.columns));
      const gradients = await backwardRun(loaded, forward, forward.tensors, backward, seeds, signal);
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

/** The backward pass from those of `levels` that the layers feed, and from the mask prototypes when a score reads them; null when they feed none. */
export function backwardFor(
  loaded: LoadedModel,
  plan: TapPlan,
  layers: readonly Layer[],
  levels: ReadonlySet<number>,
  readsMasks = false,
): Backward | null {
  const context = planContext(loaded);
  const reach = new Set(layers.flatMap((layer) => [...levelsBehind(context, layer)]));
  const used = [...levels].filter((level) => reach.has(level)).sort((a, b) => a - b);
  const masks = readsMasks && layers.some((layer) => feedsPrototypes(context, layer));
  return used.length === 0 && !masks ? null : plan.backward(layers, used, masks);
}

/** Runs a backward pass on the values that a forward pass saved. */
export async function backwardRun(
  loaded: LoadedModel,
  forward: Pick<ForwardResult, "predictions" | "letterbox">,
  saved: Readonly<Record<string, RuntimeTensor>>,
  backward: Backward,
  seeds: readonly Seed[],
  signal: AbortSignal | undefined,
): Promise<Map<string, RuntimeTensor>> {
  const { head } = loaded;
  return runBackward({
    runtime: loaded.runtime,
    session: await loaded.sessions.get(`backward\n${backward.key}`, () => backward.model.model, signal),
    backward,
    predictions: forward.predictions,
    prototypes: head.prototypes,
    seeds,
    saved,
    rangeOf: (value) => {
      const level = head.levels.findIndex(({ rows }) => rows === value);
      return level < 0 ? [0, forward.predictions.rows] : head.rowRange(level, forward.letterbox.inputSize);
    },
    signal,
  });
}
