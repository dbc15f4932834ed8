import type { LoadedModel } from "./model/loaded-model.js";
import type { ResolvedExplainOptions } from "./options/resolve-options.js";
import type { Scratch } from "./passes/scratch.js";
import type { ExplainPlan } from "./plan/explain-plan.js";
import type { Progress } from "./progress.js";

/** The data that every step of one explanation reads. */
export interface ExplainJob {
  readonly loaded: LoadedModel;
  readonly plan: ExplainPlan;
  readonly options: ResolvedExplainOptions;
  readonly scratch: Scratch;
  readonly signal: AbortSignal | undefined;
  readonly progress: Progress;
}
