import type { BoxHeat } from "../../metrics/box-heat.js";
import type { ModelFacts } from "../model/inspect.js";
import { documentOptions, type OptionParts } from "./document-options.js";
import { plainResult } from "./plain-result.js";

/** Version of the result document. It increases when the meaning of a field changes or a field is removed, but not when a field is added. */
export const resultSchemaVersion = 1;

/** Where a model comes from. */
export interface ModelOrigin {
  /** Path or name, as given by the caller. */
  readonly source: string;
  readonly format: string;
  readonly bytes: number;
  /** SHA-256 of the model file, in hex. */
  readonly sha256: string;
  /** Licence of weights that Whybox downloaded. Undefined for a file of the user. */
  readonly licence: string | undefined;
}

/** A model for display: its origin, name and owner. The page of `whybox ui` gets its default weights with this description. */
export interface NamedModel extends ModelOrigin {
  readonly name: string;
  /** Owner and licence of weights that Whybox downloaded, as text. Undefined for a file of the user. */
  readonly notice: string | undefined;
}

/** The parts of a result document. */
export interface ResultParts extends OptionParts {
  /** Version of Whybox. */
  readonly version: string;
  readonly model: ModelOrigin & Pick<ModelFacts, "opset" | "classNames" | "classNamesFrom" | "input" | "head">;
  /** Path, address or file name of the image. */
  readonly source: string;
  readonly files?: ResultFiles;
  /** Files of the maps, in the order of the maps. */
  readonly mapFiles?: readonly MapFiles[];
  /** Where the heat of each map lies, in the order of the maps (`mapHeats`). */
  readonly heats: readonly (BoxHeat | undefined)[];
  /** Milliseconds for decoding the image, and for drawing and encoding the files. */
  readonly timings: { readonly decode: number; readonly render: number };
}

/** File names of a result. Null for files that were not saved. */
export interface ResultFiles extends MapFiles {
  /** The contact sheet of the maps. */
  readonly sheet: string | null;
  readonly json: string | null;
}

/** Names of the files of one map. */
export interface MapFiles {
  readonly png: string | null;
  readonly npy: string | null;
}

/** The JSON document of one explained image (docs/result-json.md). */
export type ResultDocument = ReturnType<typeof resultDocument>;

const noFiles: ResultFiles = { png: null, sheet: null, npy: null, json: null };

/**
 * The JSON document of one explained image, as written by the command (docs/result-json.md, docs/result.schema.json). Equal parts give equal
 * documents, with the fields in the same order.
 */
export function resultDocument(parts: ResultParts) {
  const { result, files = noFiles, mapFiles = [], heats } = parts;
  const plain = plainResult(result);
  return {
    schemaVersion: resultSchemaVersion as typeof resultSchemaVersion,
    tool: { name: "whybox" as const, version: parts.version },
    model: documentModel(parts.model),
    image: { source: parts.source, size: plain.letterbox.imageSize },
    letterbox: plain.letterbox,
    options: documentOptions(parts),
    detections: plain.detections,
    explained: plain.explained,
    maps: plain.maps.map((map, i) => ({
      ...map,
      heat: plainHeat(heats[i]),
      files: { png: mapFiles[i]?.png ?? null, npy: mapFiles[i]?.npy ?? null },
    })),
    asked: plain.asked,
    layers: plain.layers,
    scores: plain.scores,
    notes: plain.notes,
    searched: plain.searched,
    measured: plain.measured,
    empty: plain.empty,
    files: { png: files.png, sheet: files.sheet, npy: files.npy, json: files.json },
    timings: { decode: parts.timings.decode, ...plain.timings, render: parts.timings.render },
  };
}

function plainHeat(heat: BoxHeat | undefined) {
  if (heat === undefined) return null;
  const { inBox, area, ratio, peak, peakInBox } = heat;
  return { inBox, area, ratio, peak, peakInBox };
}

function documentModel({
  source,
  sha256,
  bytes,
  licence,
  format,
  opset,
  classNames,
  classNamesFrom,
  input,
  head,
}: ResultParts["model"]) {
  const { name, layout, batch, sides, range, channels, padding, rangeFrom } = input;
  const { fit, fitFrom, crop = null, mean = null, std = null, normalisationFrom } = input;
  const preparation = { fit, fitFrom, crop, mean, std, normalisationFrom };
  const [height = null, width = null] = sides;
  return {
    source,
    sha256,
    bytes,
    licence: licence ?? null,
    format,
    opset,
    classCount: classNames.length,
    classNamesFrom,
    input: {
      name,
      layout,
      batch,
      sides: [height, width] as const,
      range,
      channels,
      padding,
      rangeFrom,
      ...preparation,
    },
    head: {
      kind: head.kind,
      task: head.task,
      output: head.output,
      source: head.source,
      hasObjectness: head.hasObjectness,
      selection: { nms: head.selection.nms, labels: head.selection.labels },
      levels: head.levels.map(({ name, stride, anchors, inputs }) => ({ name, stride, anchors, inputs })),
    },
  };
}
