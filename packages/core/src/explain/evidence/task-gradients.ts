import { allFinite, rangeOf } from "../../kernels/range.js";
import { needsGradients } from "../../methods/needs.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { ExplainJob } from "../job.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import { gradientsOf } from "../passes/gradients.js";
import { requestOf } from "../targets/detection-score.js";
import type { MapTask } from "../targets/score-targets.js";

/** Gradients of the scores at the layers. */
export interface TaskGradients {
  /** For each task: layer value → gradient `[C, H, W]`, or `[K + 1]` if the plan reduces gradients: the values, and the largest magnitude. A layer without an entry has the gradient zero. */
  readonly byTask: readonly ReadonlyMap<string, Tensor>[];
  /** Layer value → largest absolute gradient. */
  readonly largest: ReadonlyMap<string, number>;
  /** Values of layers whose gradients have NaN or infinity. */
  readonly nonFinite: ReadonlySet<string>;
  /** Milliseconds of the backward passes. */
  readonly ms: number;
}

/** Differentiates the score of each task. If the method reads no gradients, there are none. */
export async function taskGradients(
  { loaded, plan, signal, progress }: ExplainJob,
  forward: ForwardResult,
  tasks: readonly MapTask[],
): Promise<TaskGradients> {
  const started = performance.now();
  const requests = tasks.map(({ layers, entries }) => requestOf(layers, entries));
  const byTask = needsGradients(plan.needs)
    ? await progress.share(tasks.length, () =>
        gradientsOf(loaded, { forward, plan: plan.main, requests, signal, progress }),
      )
    : tasks.map(() => new Map<string, Tensor>());
  const ms = performance.now() - started;
  const largest = new Map<string, number>();
  const nonFinite = new Set<string>();
  const isReduced = plan.main.reduction !== undefined;
  for (const gradients of byTask) {
    for (const [value, { data }] of gradients) {
      const high = isReduced ? data.at(-1)! : largestMagnitude(data);
      largest.set(value, Math.max(largest.get(value) ?? 0, high));
      if (!allFinite(data)) nonFinite.add(value);
    }
  }
  return { byTask, largest, nonFinite, ms };
}

function largestMagnitude(data: Float32Array): number {
  const { low, high } = rangeOf(data);
  return Math.max(0, high, -low);
}
