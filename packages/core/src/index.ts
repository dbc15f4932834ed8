/**
 * The engine of Whybox: detectors, methods, scores and their parts. It needs neither Node nor a DOM.
 * @module @whybox/core
 */

export { createRandom, type Random } from "./algebra/random.js";
export type { ForwardValues } from "./autodiff/backward-model.js";
export type { GradRule, VjpContext } from "./autodiff/rule.js";
export { defaultRules, webgpuRules } from "./autodiff/rules/index.js";
export { cocoNames } from "./detector/coco-names.js";
export type { Detection, DetectResult, Extra, Keypoint, Predictions } from "./detector/detection.js";
export type { FamilyPreparation } from "./detector/family-preparation.js";
export type { DetectorHead, DetectorTask, HeadLevel, RowOrigin, Selection } from "./detector/head.js";
export { anchorTableNames } from "./detector/heads/anchors.js";
export type { InputFacts, InputOptions } from "./detector/input/pixel-form.js";
export type { Preparation, PreparationOptions, PreparationSource } from "./detector/input/preparation.js";
export type { PerChannel } from "./detector/input/preprocessor.js";
export type { Layer, LayerSelector } from "./detector/layer.js";
export type { ClassNames, ClassNamesSource } from "./detector/names.js";
export type { KeypointLayout } from "./detector/tasks/keypoints.js";
export { didYouMean, foundOf, WhyboxError, type WhyboxErrorCode } from "./errors.js";
export { type CheckImage, type CheckOptions, checkMethods, checkOptions } from "./explain/check/check-options.js";
export {
  type CheckedDetection,
  type CheckedMap,
  type CheckResult,
  type CheckStage,
  checkControl,
  type WeightFigures,
} from "./explain/check/check-result.js";
export { type CoreDetector, createDetector } from "./explain/create-detector.js";
export {
  type DrawingContext,
  type DrawResultOptions,
  drawHeatmap,
  drawnDetections,
  drawResult,
} from "./explain/draw-result.js";
export { MIN_SCORE as minMeasuredScore } from "./explain/measure/still-there.js";
export type { CreateDetectorOptions } from "./explain/model/create-options.js";
export { namesText, pixelText, preparedText } from "./explain/model/input-texts.js";
export type { LayerFacts, MissingRule, ModelFacts, PortFacts } from "./explain/model/inspect.js";
export { contradictions, type ReadExplainOptions, type Written } from "./explain/options/contradictions.js";
export {
  type AskedBox,
  type DetectAliases,
  type DetectAloneOptions,
  type DetectOptions,
  detectDefaults,
  detectOptions,
  type ExplainAliases,
  type ExplainOptions,
  type ExplainValues,
  explainOptions,
} from "./explain/options/options.js";
export { checkExplainOptions, readMethod } from "./explain/options/resolve-options.js";
export type { ExplainProgress } from "./explain/progress.js";
export type { DocumentDevice, DocumentLook, OptionParts, SaveKind } from "./explain/result/document-options.js";
export { mapHeats } from "./explain/result/map-heats.js";
export type { MapFigures, MeasuredCurves, Measurement, RegionFigures } from "./explain/result/measurement.js";
export { type PlainResult, plainDetections, plainResult } from "./explain/result/plain-result.js";
export type {
  AskedAnswer,
  DetectionMap,
  EmptyReason,
  ExplainResult,
  LayerDiagnosis,
  MapNote,
  ScoreReport,
  Searched,
  Timings,
} from "./explain/result/result.js";
export {
  type MapFiles,
  type ModelOrigin,
  type NamedModel,
  type ResultDocument,
  type ResultFiles,
  type ResultParts,
  resultDocument,
  resultSchemaVersion,
} from "./explain/result/result-document.js";
export { type ResultData, resultFrom, type SentResult, sendResult } from "./explain/sent-result.js";
export { type FileNameOptions, fileName, jsonText, printable, safeJson, shown } from "./foreign-text.js";
export { type Colormap, type ColormapName, colormap, colormapNames } from "./image/colormap.js";
export { renderContactSheet, type SheetOptions, type SheetTile } from "./image/contact-sheet.js";
export { cropByHeatmap } from "./image/crop.js";
export type { Colour } from "./image/draw/canvas.js";
export { classLabel, isDrawable, type NamedClass, platformLabel } from "./image/draw/class-label.js";
export type { DrawnKeypoint } from "./image/draw/draw-pose.js";
export type { PaintedText, PaintText } from "./image/draw/text.js";
export { type DrawingOptions, drawingOptions } from "./image/drawing-options.js";
export type { Box, Frame, Letterbox, PlanePart, Point, RgbImage, Size } from "./image/frame.js";
export { cellToInput, toImage, toInput, unletterbox } from "./image/frame-map.js";
export { jointMap } from "./image/joint-map.js";
export { type Fit, type LetterboxTarget, letterbox, type PaddingSide, planLetterbox } from "./image/letterbox.js";
export { type Mask, maskArea, maskPixels } from "./image/mask.js";
export { type DrawnDetection, type OverlayOptions, renderOverlay } from "./image/overlay.js";
export { isPixelArray, type PixelArray, rgbPixels } from "./image/pixels.js";
export { checkRgbImage } from "./image/rgb-image.js";
export { keepsNothing } from "./keeps-nothing.js";
export { resizeBilinear } from "./kernels/resample.js";
export { type Cost, type MethodCost, methodCost } from "./methods/cost.js";
export {
  type AnyCamMethod,
  defaultMethodId,
  defaultMethods,
  type MethodQuestion,
  resolveMethod,
} from "./methods/index.js";
export type {
  Biases,
  Blends,
  CamMethod,
  ChannelNeeds,
  ClassMap,
  Depth,
  Evidence,
  MaskedInputs,
  Pixels,
  Place,
  ProductNeed,
  RunFacts,
  Setting,
  Tail,
} from "./methods/method.js";
export type { MethodId } from "./methods/method-id.js";
export { dependsOnScore } from "./methods/needs.js";
export type { Search, SearchCurves, SearchMixture, SearchPart, SearchSurroundings } from "./methods/search/found.js";
export {
  type BoxHeat,
  boxHeat,
  curveArea,
  type EnergyInBox,
  energyInBox,
  gaussianAtBox,
  hottestPixels,
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
export type { AttributeLiteral } from "./onnx/attributes.js";
export type { GraphBuilder, Value } from "./onnx/builder.js";
export { type DecodeModelOptions, decodeModel } from "./onnx/decode.js";
export { encodeModel } from "./onnx/encode.js";
export { type ExternalData, externalDataFiles, withExternalData } from "./onnx/external-data.js";
export type {
  Attribute,
  AttributeValue,
  Dim,
  Graph,
  Model,
  Node,
  Precision,
  TensorProto,
  UnknownField,
  ValueInfo,
} from "./onnx/model.js";
export type { FactSource, StaticDim } from "./onnx/shapes/static-dims.js";
export {
  type NamedOptions,
  type NameOptions,
  nameOptions,
  namesIn,
  pickOptions,
  refuseUnknown,
} from "./options/names.js";
export { type PlainOption, type PlainOptions, plainOptions, plainValue, type WithInDocument } from "./options/plain.js";
export type {
  AliasOf,
  BoxKind,
  ChoiceKind,
  Filled,
  FlagKind,
  KindOf,
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
  PageControl,
  ScoresKind,
  SizeKind,
  TextKind,
  WithDefault,
} from "./options/spec.js";
export { checkValue, expectedOf, inRange, readOptions, sideOf } from "./options/values.js";
export {
  type BesideFile,
  classNamesIn,
  type ExportMetadata,
  exportMetadataIn,
  type LoadYaml,
  MAX_BESIDE_BYTES,
  MAX_PREPROCESSOR_BYTES,
  preprocessorIn,
  refuseBeside,
  refusePreprocessor,
} from "./readers/beside-files.js";
export type { DownloadProgress } from "./readers/download-progress.js";
export { type ModelFormat, modelFormat } from "./readers/model-format.js";
export { restoreNanodet } from "./readers/nanodet/restore-nanodet.js";
export { readModel } from "./readers/read-model.js";
export type { RestoreOptions } from "./readers/restored.js";
export { readTfjs } from "./readers/tfjs/read-tfjs.js";
export { readTfjsDetector } from "./readers/tfjs/read-tfjs-detector.js";
export { tfjsWeightFiles } from "./readers/tfjs/topology.js";
export type { PlainValue } from "./readers/torch/plain.js";
export { readCheckpoint, readTorch, type TorchCheckpoint } from "./readers/torch/read-torch.js";
export { restoreYolov5 } from "./readers/yolov5/restore-yolov5.js";
export { isOutOfMemory } from "./runtime/model-fault.js";
export {
  createOrtPort,
  type OrtModule,
  type OrtPortOptions,
  type OrtSession,
  type OrtTensor,
} from "./runtime/ort-port.js";
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
export type { ScoreId } from "./scores/score-id.js";
export type { Scalar, Tape } from "./scores/tape.js";
export { decodeNpy, encodeNpy } from "./tensor/npy.js";
export type { Map2D, Tensor } from "./tensor/tensor.js";
