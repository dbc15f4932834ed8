import type { MeasurementSummary } from "./measurements.js";

/** The format of the data in the page of `whybox report`. The command writes it and the page reads it, so this file uses nothing from Node.
 * The page has four kinds of data. Each is in its own `<script type="text/plain">`:
 * - the facts (JSON),
 * - the list of images (deflated, base64),
 * - the columns of the rows (deflated, base64),
 * - blocks of images and maps (base64). They come last and are decoded on first use.
 */
export const reportVersion = 1;

/** The kinds of rows. A row is a detection, or a missed object of the ground truth. Names: TIDE (Bolya et al., ECCV 2020, section 2.2). */
export const rowKinds = [
  { id: "detection", title: "detection", about: "not compared with ground truth" },
  { id: "hit", title: "hit", about: "matches an object of the ground truth: same class, IoU at least 0.5" },
  { id: "class", title: "wrong class", about: "on an object of another class (IoU at least 0.5)" },
  { id: "place", title: "badly placed", about: "near an object of the same class (IoU 0.1 to 0.5)" },
  { id: "both", title: "wrong class, badly placed", about: "near an object of another class (IoU 0.1 to 0.5)" },
  { id: "duplicate", title: "duplicate", about: "on an object that a more confident detection matches" },
  { id: "background", title: "background", about: "on no object of the ground truth (IoU below 0.1)" },
  { id: "missed", title: "missed", about: "an object of the ground truth without a detection" },
] as const;

export type RowKind = (typeof rowKinds)[number]["id"];

/** Number of a kind in the column `kind`. */
export function kindNumber(kind: RowKind): number {
  return rowKinds.findIndex(({ id }) => id === kind);
}

/** Value of the column `object` if there is no object of the ground truth. */
export const noObject = 65_535;

/** Sides of a box, in the order of the numbers in the column `side`. */
export const rowSides = ["none", "left", "right", "above", "below"] as const;
export type RowSide = (typeof rowSides)[number];

/** Bits of the column `flags`. */
export const rowFlags = {
  /** The row has its own map with heat: inBox, area, peak and suspicion are valid. */
  heat: 1,
  peakInBox: 2,
  /** An explained layer does not affect the row's score. */
  blind: 4,
  /** The maximum raw value is 0, so there is nothing to measure. */
  cold: 8,
} as const;

/** Columns of the rows, in the order of the data. Wide types come first, so that each column is aligned.
 * - `other`: for a missed object the row of the nearest detection, for a detection the row of the missed object, else −1.
 * - `iou`: the IoU with `other`, or with the matched object of the ground truth. `object` is the class of that object.
 * - `score`: for a missed object the score of its box if the model was asked, else NaN.
 * - `side`: the side of the box with most of the heat outside the box.
 * - `onBeside`: the share of all heat on the box of the row `beside` (−1 if there is none).
 */
export const rowColumns = {
  image: Uint32Array,
  other: Int32Array,
  beside: Int32Array,
  x1: Float32Array,
  y1: Float32Array,
  x2: Float32Array,
  y2: Float32Array,
  score: Float32Array,
  inBox: Float32Array,
  area: Float32Array,
  peakX: Float32Array,
  peakY: Float32Array,
  suspicion: Float32Array,
  iou: Float32Array,
  onBeside: Float32Array,
  class: Uint16Array,
  object: Uint16Array,
  /** Index among the image's rows. Its map and crop have the same index in the block. */
  place: Uint16Array,
  level: Uint8Array,
  kind: Uint8Array,
  side: Uint8Array,
  flags: Uint8Array,
} as const;

export type ColumnName = keyof typeof rowColumns;
export type Columns = { readonly [name in ColumnName]: InstanceType<(typeof rowColumns)[name]> };
export const columnNames = Object.keys(rowColumns) as readonly ColumnName[];

/** Value of `level` if there is no level. */
export const noLevel = 255;

/** Views of the columns in one buffer. @param rows number of rows. */
export function splitColumns(buffer: ArrayBuffer, rows: number): Columns {
  let offset = 0;
  const parts = columnNames.map((name) => {
    const type = rowColumns[name];
    const column = new type(buffer, offset, rows);
    offset += column.byteLength;
    return [name, column] as const;
  });
  return Object.fromEntries(parts) as unknown as Columns;
}

export function columnBytes(rows: number): number {
  return columnNames.reduce((sum, name) => sum + rowColumns[name].BYTES_PER_ELEMENT * rows, 0);
}

/** Cells along a side of a row's maps: over the whole image, and over the region of twice the box's size. */
export const grids = { image: 32, box: 24, context: 2 } as const;
export const mapBytes = grids.image ** 2 + grids.box ** 2;

export const blockImages = 32;

/** `<id>` of the scripts with data. */
export const dataIds = { facts: "facts", images: "images", columns: "columns", block: "b" } as const;

/** The images (or frames of videos) of the rows. */
export interface ImageList {
  readonly source: readonly string[];
  /** Number of the frame in a video. −1 for an image. */
  readonly frame: readonly number[];
  readonly height: readonly number[];
  readonly width: readonly number[];
}

/** The model's answer for a missed object. */
export interface MissAnswer {
  readonly row: number;
  readonly verdict: string;
  readonly bestClass: string;
  readonly bestProbability: number;
}

export interface ClassFacts {
  /** Index into `classes`. */
  readonly class: number;
  /** Number of rows with their own heat. */
  readonly count: number;
  /** Base64 of `grids.box`² bytes: the mean of the box maps, scaled to a maximum of 255. Null without maps. */
  readonly mean: string | null;
  /** Share of the mean map's energy outside the box. Null without a map. */
  readonly context: number | null;
}

/** Tags that a person gives to a detection. */
export const tagNames = ["shortcut", "bug", "fine"] as const;
export type TagName = (typeof tagNames)[number];
export const maxNote = 1000;

/** The tags and the note of a row. */
export interface RowTags {
  readonly row: number;
  readonly tags: readonly TagName[];
  readonly note: string;
}

/** Marks a file of tags. The page writes it, and the command reads it. */
export const tagsFormat = "whybox-tags";
export const tagsVersion = 1;

/** A file of tags, beside a run. */
export interface TagsFile {
  readonly format: typeof tagsFormat;
  readonly version: typeof tagsVersion;
  readonly run: {
    readonly title: string;
    /** The folder that relative sources are below. */
    readonly root: string;
    /** SHA-256 of the model. */
    readonly model: string;
  };
  readonly tags: readonly TaggedDetection[];
}

/** A detection, or a missed object, with its tags. */
export interface TaggedDetection {
  readonly source: string;
  /** Number of the frame of a video. Null for an image. */
  readonly frame: number | null;
  /** Number of the detection in the image. Null for a missed object. */
  readonly detection: number | null;
  /** Name of the class. */
  readonly name: string;
  /** Left, top, right, bottom in image pixels. */
  readonly box: readonly number[];
  readonly tags: readonly TagName[];
  readonly note: string;
}

/** How faithful the maps of a sample are. */
export interface TrustFacts {
  readonly summary: MeasurementSummary;
  readonly measured: readonly MeasuredRow[];
  /** The first detections of the sample that could not be measured. */
  readonly failures: readonly { readonly source: string; readonly name: string; readonly message: string }[];
}

/** A row whose map was measured. */
export interface MeasuredRow {
  readonly row: number;
  /** The over-all scores of the map and of the Gaussian at the box. */
  readonly image: readonly [map: number, gaussian: number];
  /** The same with the pixels of the box only. */
  readonly withinBox: readonly [map: number, gaussian: number];
  /** What the measurement says. */
  readonly sentence: string;
}

export interface ReportFacts {
  readonly version: number;
  readonly tool: string;
  readonly title: string;
  /** Names and values for display. */
  readonly run: readonly (readonly [string, string])[];
  readonly rows: number;
  readonly images: number;
  /** False for a classifier: its rows are classes of whole images. */
  readonly hasBoxes: boolean;
  readonly items: { readonly count: number; readonly done: number; readonly failures: number };
  /** Notes for the reader, for example about an unfinished run or missing images. */
  readonly notes: readonly string[];
  readonly classes: readonly string[];
  readonly levels: readonly string[];
  readonly perClass: readonly ClassFacts[];
  /** Source of the ground truth. Null without ground truth. */
  readonly truth: { readonly from: string; readonly objects: number; readonly images: number } | null;
  readonly misses: readonly MissAnswer[];
  /** The folder that relative sources are below. */
  readonly root: string;
  /** SHA-256 of the model. */
  readonly model: string;
  /** Tags of a file beside the run. */
  readonly tags: readonly RowTags[];
  /** Null if the maps were not measured. */
  readonly trust: TrustFacts | null;
  /** The first failures. */
  readonly failures: readonly { readonly source: string; readonly message: string }[];
}
