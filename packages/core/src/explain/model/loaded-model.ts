import type { ForwardValues } from "../../autodiff/backward-model.js";
import type { GradRule } from "../../autodiff/rule.js";
import type { DetectorHead } from "../../detector/head.js";
import type { InputFacts } from "../../detector/input/pixel-form.js";
import type { Layer } from "../../detector/layer.js";
import type { ClassNames } from "../../detector/names.js";
import type { Size } from "../../image/frame.js";
import type { Graph, Model } from "../../onnx/model.js";
import type { RuntimePort } from "../../runtime/port.js";
import type { SessionCache } from "../../runtime/sessions.js";
import type { Reach } from "./reach.js";

/** A model with its head, layers and runtime. Its input is RGB planes `[1, 3, H, W]` of float32 in 0..1, regardless of the file's input format. */
export interface LoadedModel extends ClassNames {
  readonly model: Model;
  readonly head: DetectorHead;
  readonly layers: readonly Layer[];
  /** Largest stride. Sizes of dynamic inputs are multiples of it. */
  readonly stride: number;
  readonly inputName: string;
  /** Input format of the file. */
  readonly input: InputFacts;
  /** Inputs and outputs as declared in the file. */
  readonly ports: Pick<Graph, "inputs" | "outputs">;
  readonly runtime: RuntimePort;
  readonly sessions: SessionCache;
  readonly rules: readonly GradRule[];
  readonly forwardValues: ForwardValues | undefined;
  /** Session key → maximum number of items in one run, found by a trial run. */
  readonly batches: Map<string, number>;
  /** The outputs that depend on a value of the graph. */
  readonly reach: (value: string) => Reach;
}

/** Default size of the network's input. For sides that the model does not fix: `told` by its preprocessor, else 640. */
export function defaultInputSize([height, width]: InputFacts["sides"], told?: Size): Size {
  return [height ?? told?.[0] ?? 640, width ?? told?.[1] ?? 640];
}

/** The size of the network's input if the model fixes a side of it. */
export function fixedInputSize(sides: InputFacts["sides"]): Size | undefined {
  return sides.every((side) => side === undefined) ? undefined : defaultInputSize(sides);
}
