/** The public surface of @whybox/core, listed by hand. */

export { defaultRules, webgpuRules } from "./autodiff/rules/index.js";
export type { Detection, DetectResult, Extra, Keypoint, Predictions } from "./detector/detection.js";
export type { DetectorHead, HeadLevel, RowOrigin } from "./detector/head.js";
export type { InputFacts, InputOptions } from "./detector/input/pixel-form.js";
export type { Layer, LayerSelector } from "./detector/layer.js";
export { didYouMean, WhyboxError, type WhyboxErrorCode } from "./errors.js";
export { type CoreDetector, createDetector } from "./explain/create-detector.js";
export type { CreateDetectorOptions } from "./explain/model/create-options.js";
export type { LayerFacts, ModelFacts, PortFacts } from "./explain/model/inspect.js";
export { contradictions, type ReadExplainOptions, type Written } from "./explain/options/contradictions.js";
export {
  type AskedBox,
  type DetectAliases,
  type DetectAloneOptions,
  type DetectOptions,
  detectOptions,
  type ExplainAliases,
  type ExplainOptions,
  type ExplainValues,
  explainOptions,
} from "./explain/options/options.js";
export { readMethod } from "./explain/options/resolve-options.js";
export type { DocumentDevice, DocumentLook, OptionParts } from "./explain/result/document-options.js";
export { type PlainResult, plainResult } from "./explain/result/plain-result.js";
export type {
  AskedAnswer,
  DetectionMap,
  EmptyReason,
  ExplainResult,
  LayerDiagnosis,
  MapNote,
  ScoreReport,
  Timings,
} from "./explain/result/result.js";
export {
  type MapFiles,
  type ModelOrigin,
  type ResultDocument,
  type ResultFiles,
  type ResultParts,
  resultDocument,
  resultSchemaVersion,
} from "./explain/result/result-document.js";
export { type ColormapName, colormap, colormapNames } from "./image/colormap.js";
export { renderContactSheet, type SheetTile } from "./image/contact-sheet.js";
export { cropByHeatmap } from "./image/crop.js";
export { type DrawingOptions, drawingOptions } from "./image/drawing-options.js";
export type { Box, Frame, Letterbox, RgbImage, Size } from "./image/frame.js";
export { cellToInput, toImage, toInput, unletterbox } from "./image/frame-map.js";
export { type LetterboxTarget, letterbox, type PaddingSide, planLetterbox } from "./image/letterbox.js";
export { type Mask, maskArea, maskPixels } from "./image/mask.js";
export { type DrawnDetection, type OverlayOptions, renderOverlay } from "./image/overlay.js";
export { checkRgbImage } from "./image/rgb-image.js";
export { resizeBilinear, resizeRgb } from "./kernels/resample.js";
export { type AnyCamMethod, defaultMethodId, defaultMethods, resolveMethod } from "./methods/index.js";
export type {
  Biases,
  CamMethod,
  ClassMap,
  Evidence,
  MaskedInputs,
  Pixels,
  Place,
  Setting,
  Tail,
} from "./methods/method.js";
export {
  curveArea,
  type EnergyInBox,
  energyInBox,
  type Interval,
  type MeanIntervalOptions,
  type MetricBox,
  meanInterval,
  overAll,
  type PerturbationCurve,
  type PerturbedScore,
  peakOf,
  perturbationCurve,
  perturbationFractions,
  pixelOrder,
  pointingGame,
  type ScoredBox,
  sampleGrid,
  stillDetected,
} from "./metrics/index.js";
export { decodeModel } from "./onnx/decode.js";
export { encodeModel } from "./onnx/encode.js";
export { type NamedOptions, nameOptions, namesIn, pickOptions, refuseUnknown } from "./options/names.js";
export { type PlainOptions, plainOptions } from "./options/plain.js";
export type {
  AliasOf,
  BoxKind,
  ChoiceKind,
  Filled,
  FlagKind,
  LayersKind,
  ListKind,
  MethodKind,
  MethodTraits,
  NoneMissing,
  NumberKind,
  OptionFacts,
  OptionGroup,
  OptionKind,
  OptionRows,
  OptionSpec,
  OptionTable,
  ScoresKind,
  SizeKind,
  TextKind,
  WithDefault,
} from "./options/spec.js";
export { checkValue, expectedOf, inRange, readOptions } from "./options/values.js";
export { type ModelFormat, modelFormat } from "./readers/model-format.js";
export { type RestoreNanodetOptions, restoreNanodet } from "./readers/nanodet/restore-nanodet.js";
export { readModel } from "./readers/read-model.js";
export { readTfjs } from "./readers/tfjs/read-tfjs.js";
export { type ReadTfjsDetectorOptions, readTfjsDetector } from "./readers/tfjs/read-tfjs-detector.js";
export { tfjsWeightFiles } from "./readers/tfjs/topology.js";
export type { PlainValue } from "./readers/torch/plain.js";
export { readCheckpoint, readTorch, type TorchCheckpoint } from "./readers/torch/read-torch.js";
export { type RestoreYolov5Options, restoreYolov5 } from "./readers/yolov5/restore-yolov5.js";
export { createOrtPort, type OrtModule, type OrtPortOptions } from "./runtime/ort-port.js";
export type {
  RuntimeData,
  RuntimePort,
  RuntimeSession,
  RuntimeTensor,
  RuntimeType,
  SessionOptions,
} from "./runtime/port.js";
export { defaultScores, evaluateScore, resolveScore } from "./scores/index.js";
export type {
  PredictionView,
  PrototypeGradient,
  Score,
  ScoredModel,
  ScoreOptions,
  ScoreResult,
  ScoreTarget,
} from "./scores/score.js";
export type { Scalar, Tape } from "./scores/tape.js";
export { decodeNpy, encodeNpy } from "./tensor/npy.js";
export type { Map2D, Tensor } from "./tensor/tensor.js";
