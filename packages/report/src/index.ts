/** The public surface of @whybox/report, listed by hand. */

export {
  type CheckDocument,
  type CheckedMethod,
  type CheckParts,
  checkDocument,
  checkSchemaVersion,
} from "./check/check-document.js";
export type { CheckFigures } from "./check/check-figures.js";
export {
  type CheckId,
  type CheckVerdict,
  checkIds,
  checkRules,
  MIN_IMAGES as minCheckedImages,
} from "./check/check-rules.js";
export { checkTable, stageTable, type TextTable } from "./check/check-table.js";
export {
  blockImages,
  type ClassFacts,
  type ColumnName,
  type Columns,
  columnBytes,
  columnNames,
  dataIds,
  grids,
  type ImageList,
  kindNumber,
  type MeasuredRow,
  type MissAnswer,
  mapBytes,
  maxNote,
  noLevel,
  noObject,
  type ReportFacts,
  type RowKind,
  type RowSide,
  type RowTags,
  reportVersion,
  rowColumns,
  rowFlags,
  rowKinds,
  rowSides,
  splitColumns,
  type TaggedDetection,
  type TagName,
  type TagsFile,
  type TrustFacts,
  tagNames,
  tagsFormat,
  tagsVersion,
} from "./format.js";
export { classSentence, mapSentence, mostlyInside, type SentenceFacts } from "./map-sentence.js";
export { type MeasuredFacts, measureSentence } from "./measure-sentence.js";
export {
  type Comparison,
  type ConfidenceGroup,
  confidenceGroupOf,
  confidenceGroups,
  type Estimate,
  type GroupFigures,
  type MeasuredGroup,
  type MeasurementLine,
  type MeasurementSummary,
  measurementsVersion,
  type PlainMeasurement,
  type SampleFacts,
  type SizeGroup,
  sizeGroupOf,
  sizeGroups,
} from "./measurements.js";
export { type Around, packColumns, packMaps, type Row, type RowMaps } from "./rows.js";
export { type SearchedFacts, searchSentence } from "./search-sentence.js";
export { summarizeMeasurements } from "./summarize-measurements.js";

export { percent } from "./texts.js";
