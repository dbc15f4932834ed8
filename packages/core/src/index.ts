/** The public surface of @whybox/core, listed by hand. */

export type { Detection, DetectResult, Predictions } from "./detector/detection.js";
export type { DetectorHead, HeadLevel, RowOrigin } from "./detector/head.js";
export type { Layer, LayerSelector } from "./detector/layer.js";
export { didYouMean, WhyboxError, type WhyboxErrorCode } from "./errors.js";
export type { DetectOptions, ExplainOptions } from "./explain/options.js";
export type { EmptyReason, ExplainResult, LayerDiagnosis, ScoreReport, Timings } from "./explain/result.js";
export type { Box, Frame, Letterbox, RgbImage, Size } from "./image/frame.js";
export type { CamMethod, Evidence } from "./methods/method.js";
export type {
  RuntimeData,
  RuntimePort,
  RuntimeSession,
  RuntimeTensor,
  RuntimeType,
  SessionOptions,
} from "./runtime/port.js";
export type { Map2D, Tensor } from "./tensor/tensor.js";
