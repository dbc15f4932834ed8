import type { ForwardValues } from "../autodiff/backward-model.js";
import type { GradRule } from "../autodiff/rule.js";
import type { DetectorHead } from "../detector/head.js";
import type { Layer } from "../detector/layer.js";
import type { Model } from "../onnx/model.js";
import type { RuntimePort } from "../runtime/port.js";
import type { SessionCache } from "../runtime/sessions.js";
import type { PlanContext } from "./plan.js";

/** A model that was read, understood and given a runtime. */
export interface LoadedModel {
  readonly model: Model;
  readonly head: DetectorHead;
  readonly layers: readonly Layer[];
  readonly classNames: readonly string[];
  /** Largest stride: dynamic inputs are multiples of it. */
  readonly stride: number;
  readonly inputName: string;
  /** `[h, w]` where the model fixes it. */
  readonly fixedSize: readonly [number, number] | undefined;
  readonly runtime: RuntimePort;
  readonly sessions: SessionCache;
  readonly rules: readonly GradRule[];
  readonly forwardValues: ForwardValues | undefined;
  /** Sessions by key → how many items they take at once, as found by trying. */
  readonly batches: Map<string, number>;
}

/** What the planner needs of it. */
export function planContext(loaded: LoadedModel): PlanContext {
  return { model: loaded.model, head: loaded.head, rules: loaded.rules, forwardValues: loaded.forwardValues };
}
