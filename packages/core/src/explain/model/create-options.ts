import type { ForwardValues } from "../../autodiff/backward-model.js";
import type { GradRule } from "../../autodiff/rule.js";
import type { InputOptions } from "../../detector/input/pixel-form.js";
import type { AnyCamMethod } from "../../methods/index.js";
import type { SessionOptions } from "../../runtime/port.js";
import type { Score } from "../../scores/score.js";

export interface CreateDetectorOptions extends SessionOptions {
  /** Class names; default: the model's metadata, else class0, class1, … */
  readonly names?: readonly string[];
  /** What the model is fed with, where its file does not tell, or tells wrongly. Default: what the graph tells. */
  readonly input?: InputOptions;
  /** Methods that `method` may name. Default: all that come with Whybox; pass `[...defaultMethods, mine]` to add one. */
  readonly methods?: readonly AnyCamMethod[];
  /** Scores that `backprop` may name. Default: all that come with Whybox. */
  readonly scores?: readonly Score[];
  /** Gradient rules. Default: all that come with Whybox. */
  readonly rules?: readonly GradRule[];
  /** Where the backward pass gets forward values from. Default: the faster way as measured. */
  readonly forwardValues?: ForwardValues;
  /**
   * Keep the values of the last picture's forward pass until the next picture: another question about it (the same object, unchanged) then
   * costs only what comes after the pass. They take their memory between calls. Default false.
   */
  readonly keepForward?: boolean;
}

/** Names of the options of a detector. */
export const createOptionNames = Object.keys({
  names: true,
  input: true,
  methods: true,
  scores: true,
  rules: true,
  forwardValues: true,
  keepForward: true,
  executionProviders: true,
  threads: true,
  disabledOptimizers: true,
} satisfies Record<keyof CreateDetectorOptions, true>);
