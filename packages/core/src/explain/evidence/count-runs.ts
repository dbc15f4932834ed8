import type { Layer } from "../../detector/layer.js";
import { readsGradients } from "../../methods/needs.js";
import type { ExplainJob } from "../job.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import type { ScoredTargets } from "../targets/score-targets.js";

/** The data that the runs of an explanation are counted from. */
export type CountedJob = Pick<ExplainJob, "plan" | "options">;

/** The number of runs after the forward pass: one for each gradient, and those of the maps. */
export function runsOf(job: CountedJob, forward: ForwardResult, scored: ScoredTargets): number {
  const gradients = readsGradients(job.options.method) ? scored.tasks.length : 0;
  return gradients + runsOfMaps(job, forward, scored);
}

/** The number of runs that all maps take at most. */
export function runsOfMaps(job: CountedJob, forward: ForwardResult, { tasks }: ScoredTargets): number {
  const read = tasks.flatMap(({ layers }): readonly (Layer | undefined)[] =>
    layers.length > 0 && !job.plan.needs.has("depths") ? layers : [undefined],
  );
  const runs = read.map((layer) => runsOfMap(job, forward, layer));
  return job.options.method.sharesRuns ? (runs[0] ?? 0) : runs.reduce((sum, own) => sum + own, 0);
}

/** The number of runs that the map at a layer takes at most. */
export function runsOfMap({ plan, options }: CountedJob, { tensors }: ForwardResult, layer: Layer | undefined): number {
  const output = layer && plan.main.activations.get(layer.value);
  const dims = output === undefined ? [] : tensors[output]!.dims.slice(1);
  return options.method.runs?.({ dims, samples: options.samples }) ?? 1;
}
