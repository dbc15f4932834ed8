import {
  classLabel,
  type DetectionMap,
  type DrawnDetection,
  drawnDetections,
  type ExplainResult,
  type Map2D,
  type MapFiles,
  type ResultFiles,
  type RgbImage,
  type SaveKind,
} from "@whybox/core";
import { type FileNamer, partSuffixes, type ResultKind, resultSuffixes, sheetSuffix } from "./output-names.js";
import type { Services } from "./services.js";
import type { ImageSettings } from "./settings.js";

/** An output file. Its bytes are created just before writing. */
export interface OutputFile {
  readonly name: string;
  bytes(): Uint8Array | Promise<Uint8Array>;
}

export interface PlannedOutputs {
  readonly files: ResultFiles;
  /** In the order of the result's maps. */
  readonly mapFiles: readonly MapFiles[];
  /** All files except the JSON, which lists the others. */
  readonly outputs: readonly OutputFile[];
}

interface Subject {
  readonly image: RgbImage;
  readonly result: ExplainResult;
  readonly stem: string;
  readonly namer: FileNamer;
  /** Whether to draw a contact sheet when there are several maps. */
  readonly sheet: boolean;
  readonly services: Services;
  readonly settings: ImageSettings;
  /** A line of text in the corner of the overlay. */
  readonly caption?: string;
}

type Drawn = Pick<Subject, "image" | "result" | "services" | "settings" | "caption">;

/** Maximum number of maps on a contact sheet. */
const MAX_ON_SHEET = 12;

/** Plans the files of one image: overlay, heatmap, contact sheet if there are several maps, and the files of each map that are asked for. */
export function planOutputs(subject: Subject): PlannedOutputs {
  const { image, result, stem, services, settings } = subject;
  const saves = (kind: SaveKind): boolean => settings.save.includes(kind);
  const name = (kind: ResultKind) => (saves(kind) ? stem + resultSuffixes[kind] : null);
  const sheet = subject.sheet && result.maps.length > 1 ? stem + sheetSuffix : null;
  const files = { png: name("png"), sheet, npy: name("npy"), json: name("json") };
  const outputs: OutputFile[] = [];
  const add = (file: string | null, bytes: OutputFile["bytes"]): void => {
    if (file !== null) outputs.push({ name: file, bytes });
  };
  add(files.png, () => services.encodePng(drawWhole(subject)));
  add(files.npy, () => services.encodeNpy(settings.frame === "image" ? result.heatmap : result.heatmapInput));
  const mapFiles = result.maps.map((map) => {
    if (!saves("maps") && !saves("npy")) return { png: null, npy: null };
    const part = partName(subject, map);
    const own = {
      png: saves("maps") ? part + partSuffixes.png : null,
      npy: saves("npy") ? part + partSuffixes.npy : null,
    };
    add(own.png, () => services.encodePng(overlay(subject, map.heatmap, detectionsOf(map, result))));
    add(own.npy, () => services.encodeNpy(settings.frame === "image" ? map.heatmap : map.heatmapInput!));
    return own;
  });
  const look = { ...drawOptions(settings), limit: MAX_ON_SHEET };
  add(sheet, () => services.encodePng(services.renderContactSheet(image, sheetTiles(subject), look)));
  return { files, mapFiles, outputs };
}

function partName({ stem, namer, result, settings }: Subject, map: DetectionMap): string {
  return namer.part(stem, partIndex(map, { result, settings }), map.className);
}

/** The number of a map in file names and captions: the index of its class or of its detection. */
function partIndex(map: DetectionMap, { result, settings }: Pick<Subject, "result" | "settings">): number {
  const [first] = detectionsOf(map, result);
  return settings.explain.per === "class" ? first!.classIndex : first!.index;
}

function detectionsOf({ detections }: DetectionMap, result: ExplainResult) {
  return detections.map((index) => result.detections[index]!);
}

/** Draws the overlay. Without boxes the image is unchanged. An empty heatmap adds no colour, but the boxes are drawn. */
export function drawWhole(subject: Drawn): RgbImage {
  const { result } = subject;
  const drawn = drawnDetections(result);
  return drawn.length === 0 ? subject.image : overlay(subject, result.heatmap, drawn, subject.caption);
}

function overlay(
  { image, services, settings }: Pick<Subject, "image" | "services" | "settings">,
  heatmap: Map2D,
  detections: readonly DrawnDetection[],
  caption?: string,
) {
  return services.renderOverlay(image, heatmap, {
    ...drawOptions(settings),
    detections,
    labels: !settings.hideLabels,
    sideBySide: settings.sideBySide,
    ...(caption === undefined ? {} : { caption }),
  });
}

function sheetTiles({ result, settings }: Pick<Subject, "result" | "settings">) {
  return result.maps.map((map) => {
    const detections = detectionsOf(map, result);
    const [best] = detections; // highest confidence first
    const name = classLabel(best!);
    const what = detections.length === 1 ? name : `${detections.length} × ${name}`;
    return {
      // Read when the tile is drawn, so that only one heatmap is in memory.
      get heatmap() {
        return map.heatmap;
      },
      detections,
      // The number is first: a caption that does not fit is cut at its end.
      caption: `${partIndex(map, { result, settings })}  ${what}  ${best!.confidence.toFixed(2)}`,
    };
  });
}

function drawOptions({ colormap, opacity, hideBoxes, crop }: ImageSettings) {
  return { colormap, opacity, boxes: !hideBoxes, ...(crop === undefined ? {} : { crop }) };
}
