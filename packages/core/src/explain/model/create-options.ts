import type { ForwardValues } from "../../autodiff/backward-model.js";
import type { GradRule } from "../../autodiff/rule.js";
import type { InputOptions } from "../../detector/input/pixel-form.js";
import { WhyboxError } from "../../errors.js";
import type { AnyCamMethod } from "../../methods/index.js";
import type { ExternalData } from "../../onnx/external-data.js";
import { refuseUnknown } from "../../options/names.js";
import type { SessionOptions } from "../../runtime/port.js";
import type { Score } from "../../scores/score.js";

export interface CreateDetectorOptions extends Omit<SessionOptions, "key" | "weights"> {
  /** Class names; default: the model's metadata, else those of `metadata`, else COCO's for 80, 90 or 91 classes, else class0, class1, … */
  readonly names?: readonly string[];
  /**
   * Anchors of a model whose boxes are not decoded in its file: widths and heights in pixels, finest level first, or the name of a table of a
   * published model. Default: those in the file, else of the table that fits.
   */
  readonly anchors?: string | readonly number[];
  /**
   * The files with the weights of an ONNX model that does not contain them, by the names that the model gives them (`externalDataFiles`):
   * `model.onnx.data` beside `model.onnx`. Default: none.
   */
  readonly externalData?: ExternalData;
  /** The input format of the model, if the file does not declare it or declares it wrongly. Default: as found in the graph. */
  readonly input?: InputOptions;
  /** Content of the model's `preprocessor_config.json` (Hugging Face): how its images are prepared. `input` overrides it. Default: none. */
  readonly preprocessor?: unknown;
  /**
   * Metadata that came beside a file without class names, such as the `metadata.yaml` of an Ultralytics export: `names`, `task`, `stride`, … in the
   * form that they have in ONNX files. Entries in the file take precedence, and a file with class names needs none. Default: none.
   */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Methods that `method` can select by id. Default: all methods of Whybox. Pass `[...defaultMethods, mine]` to add one. */
  readonly methods?: readonly AnyCamMethod[];
  /** Scores that `backprop` can select by id. Default: all scores of Whybox. */
  readonly scores?: readonly Score[];
  /** Gradient rules. Default: all rules of Whybox. */
  readonly rules?: readonly GradRule[];
  /** Whether the backward pass reads saved forward values or computes them again. Default: "saved", which is faster. */
  readonly forwardValues?: ForwardValues;
  /**
   * Keep the values of the forward pass until the next image. Another explanation of the same image (the same object, unchanged) then
   * skips the forward pass. The values use memory between calls. Default false.
   */
  readonly keepForward?: boolean;
}

/** Names of the options of `createDetector`. */
const optionNames = Object.keys({
  names: true,
  anchors: true,
  externalData: true,
  input: true,
  preprocessor: true,
  metadata: true,
  methods: true,
  scores: true,
  rules: true,
  forwardValues: true,
  keepForward: true,
  executionProviders: true,
  threads: true,
  disabledOptimizers: true,
} satisfies Record<keyof CreateDetectorOptions, true>);

/** Names of the options in `input`. */
const inputNames = Object.keys({
  range: true,
  channels: true,
  padding: true,
  fit: true,
  crop: true,
  mean: true,
  std: true,
} satisfies Record<keyof InputOptions, true>);

/** Checks the names of the options of `createDetector`. @throws usage for an unknown name. */
export function checkCreateOptions(options: CreateDetectorOptions): void {
  refuseUnknown(options, optionNames);
  const { input = {} } = options;
  if (typeof input !== "object" || input === null) {
    throw new WhyboxError(
      "usage",
      `input is ${String(input).slice(0, 64)}; expected an object with ${inputNames.join(", ")}.`,
    );
  }
  refuseUnknown(input, inputNames, "input.");
}
