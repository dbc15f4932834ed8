import type { ExplainOptions, Frame, InputOptions } from "@whybox/core";
import type { Device } from "../api.js";
import type { ResultKind } from "./output-names.js";

/** Options whose defaults are filled in here. Those of the others depend on the method, and are the engine's. */
type AlwaysSet =
  | "layer"
  | "classNames"
  | "backwardPerClass"
  | "topk"
  | "per"
  | "scale"
  | "eigenSmooth"
  | "augSmooth"
  | "keepTopPercent"
  | "compat"
  | "seed"
  | "confidence"
  | "iou"
  | "maxDetections"
  | "agnostic";

/** Everything that `whybox explain` can be told, checked, with the defaults filled in. */
export interface ImageSettings {
  readonly weights: string;
  readonly names: string | undefined;
  readonly device: Device;
  /** Undefined: the cores. */
  readonly threads: number | undefined;
  /** What the model is fed with, where it is to be told. */
  readonly input: InputOptions | undefined;
  readonly explain: Omit<ExplainOptions, "signal"> & Required<Pick<ExplainOptions, AlwaysSet>>;
  readonly save: readonly ResultKind[];
  /** Frame of the saved `.npy`. */
  readonly frame: Frame;
  readonly colormap: string;
  readonly opacity: number;
  readonly hideBoxes: boolean;
  readonly hideLabels: boolean;
  readonly sideBySide: boolean;
  /** What stays of the picture, where it is cut by the heatmap; undefined: the heatmap's colours lie over all of it. */
  readonly crop: "rest" | "hot" | undefined;
}

/** The frames that the maps of single detections and classes are asked for in: undefined for the picture's alone. */
export function framesOf(per: ExplainOptions["per"], frame: Frame, save: readonly ResultKind[]): "both" | undefined {
  return per !== "image" && frame === "input" && save.includes("npy") ? "both" : undefined;
}
