import type { ExplainOptions, Frame } from "@whybox/core";
import type { Device } from "../api.js";
import type { ResultKind } from "./names.js";

/** Everything that `whybox explain` can be told, checked, with the defaults filled in. */
export interface BatchSettings {
  readonly weights: string;
  readonly names: string | undefined;
  readonly device: Device;
  /** Undefined: the cores. */
  readonly threads: number | undefined;
  readonly explain: Omit<ExplainOptions, "signal"> &
    Required<
      Pick<
        ExplainOptions,
        "layer" | "classNames" | "backwardPerClass" | "topk" | "confidence" | "iou" | "maxDetections" | "agnostic"
      >
    >;
  readonly save: readonly ResultKind[];
  /** Frame of the saved `.npy`. */
  readonly frame: Frame;
  readonly colormap: string;
  readonly opacity: number;
  readonly hideBoxes: boolean;
  readonly hideLabels: boolean;
  readonly sideBySide: boolean;
}
