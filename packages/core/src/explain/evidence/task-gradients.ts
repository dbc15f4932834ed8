import { allFinite, rangeOf } from "../../kernels/range.js";
import { needsGradients } from "../../methods/needs.js";
import type { ExplainJob } from "../job.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import { eachGradient, type LayerGradients } from "../passes/gradients.js";
import { requestOf } from "../targets/detection-score.js";
import type { MapTask } from "../targets/score-targets.js";

/** Gradients of the scores at the layers, computed while they are read. */
export interface TaskGradients {
  /**
   * The index of each task, with the gradients of its layers: `[C, H, W]`, or `[K + 1]` if the plan reduces gradients (the values, and the largest
   * magnitude). To be read once. The rest is complete after that.
   */
  readonly byTask: AsyncIterable<readonly [task: number, gradients: LayerGradients]>;
  /** Layer value → largest absolute gradient. */
  readonly largest: ReadonlyMap<string, number>;
  /** Values of layers whose gradients have NaN or infinity. */
  readonly nonFinite: ReadonlySet<string>;
  /** Milliseconds of the backward passes. */
  readonly ms: number;
}

/** Differentiates the score of each task. If the method reads no gradients, there are none. */
export function taskGradients(
  { loaded, plan, signal, progress }: ExplainJob,
  forward: ForwardResult,
  tasks: readonly MapTask[],
): TaskGradients {
  const largest = new Map<string, number>();
  const nonFinite = new Set<string>();
  let ms = 0;
  const isReduced = plan.main.reduction !== undefined;
  const note = (gradients: LayerGradients): void => {
    for (const [value, { data }] of gradients) {
      const high = isReduced ? data.at(-1)! : largestMagnitude(data);
      largest.set(value, Math.max(largest.get(value) ?? 0, high));
      if (!allFinite(data)) nonFinite.add(value);
    }
  };
  const requests = tasks.map(({ layers, entries }) => requestOf(layers, entries));
  const each = async function* (): AsyncGenerator<readonly [number, LayerGradients]> {
    if (!needsGradients(plan.needs)) {
      for (const t of tasks.keys()) yield [t, new Map()];
      return;
    }
    const found = eachGradient(loaded, { forward, plan: plan.main, requests, signal, progress });
    for (;;) {
      const started = performance.now();
      const next = await found.next();
      ms += performance.now() - started;
      if (next.done) return;
      note(next.value[1]);
      yield next.value;
    }
  };
  return {
    byTask: each(),
    largest,
    nonFinite,
    get ms() {
      return ms;
    },
  };
}

function largestMagnitude(data: Float32Array): number {
  const { low, high } = rangeOf(data);
  return Math.max(0, high, -low);
}
