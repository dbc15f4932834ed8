import type { ForwardValues } from "../../autodiff/backward-model.js";
import type { GradRule } from "../../autodiff/rule.js";
import type { DetectorHead } from "../../detector/head.js";
import type { InputFacts } from "../../detector/input/pixel-form.js";
import type { Layer } from "../../detector/layer.js";
import type { Size } from "../../image/frame.js";
import type { Graph, Model } from "../../onnx/model.js";
import type { RuntimePort } from "../../runtime/port.js";
import type { SessionCache } from "../../runtime/sessions.js";
import type { Reach } from "./reach.js";

/** A model that was read, understood and given a runtime. Its input is RGB planes `[1, 3, H, W]` of float32 in 0..1, whatever the file's. */
export interface LoadedModel {
  readonly model: Model;
  readonly head: DetectorHead;
  readonly layers: readonly Layer[];
  readonly classNames: readonly string[];
  /** Largest stride: dynamic inputs are multiples of it. */
  readonly stride: number;
  readonly inputName: string;
  /** What the file's own input is. */
  readonly input: InputFacts;
  /** Inputs and outputs as the file declares them. */
  readonly ports: Pick<Graph, "inputs" | "outputs">;
  readonly runtime: RuntimePort;
  readonly sessions: SessionCache;
  readonly rules: readonly GradRule[];
  readonly forwardValues: ForwardValues | undefined;
  /** Sessions by key → how many items they take at once, as found by trying. */
  readonly batches: Map<string, number>;
  /** What lies behind a value of the graph. */
  readonly reach: (value: string) => Reach;
}

/** The size of a network's input where nothing else is asked for: 640 for the sides that the model leaves open. */
export function usualSize([height, width]: InputFacts["sides"]): Size {
  return [height ?? 640, width ?? 640];
}
