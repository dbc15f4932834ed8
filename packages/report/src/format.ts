/**
 * What the page of `whybox report` reads, as the command writes it. No Node in here: the page's script is built with this file too.
 *
 * The page has four kinds of data, each in a `<script type="text/plain">` of its own: the facts (JSON), the list of pictures and the columns of
 * the rows (both deflated, base64), and blocks of pictures and maps (base64), which come last and are decoded when they are looked at.
 */
export const reportVersion = 1;

/** A row is a detection, or an object of the ground truth that was missed. Named after TIDE (Bolya et al., ECCV 2020, section 2.2). */
export const rowKinds = [
  { id: "detection", title: "detection", about: "without ground truth to hold it against" },
  { id: "hit", title: "hit", about: "an object of the ground truth: same class, IoU at least 0.5" },
  { id: "class", title: "wrong class", about: "on an object (IoU at least 0.5) of another class" },
  { id: "place", title: "badly placed", about: "near an object of its class (IoU 0.1 to 0.5)" },
  { id: "both", title: "wrong class, badly placed", about: "near an object (IoU 0.1 to 0.5) of another class" },
  { id: "duplicate", title: "duplicate", about: "on an object that a more confident detection has found" },
  { id: "background", title: "background", about: "no object of the ground truth is there (IoU below 0.1)" },
  { id: "missed", title: "missed", about: "an object of the ground truth that no detection found" },
] as const;

export type RowKind = (typeof rowKinds)[number]["id"];

/** Number of a kind in the column `kind`. */
export function kindNumber(kind: RowKind): number {
  return rowKinds.findIndex(({ id }) => id === kind);
}

/** Number of what an object of the ground truth is, in the column `object`, where there is none. */
export const noObject = 65_535;

/** Sides of a box, in the order of the numbers in the column `side`. */
export const rowSides = ["none", "left", "right", "above", "below"] as const;
export type RowSide = (typeof rowSides)[number];

/** Bits of the column `flags`. */
export const rowFlags = {
  /** It has a map of its own, with heat in it: inBox, area, peak and suspicion are numbers. */
  heat: 1,
  peakInBox: 2,
  /** A layer was asked that cannot see it. */
  blind: 4,
  /** The hottest raw value is 0, so there was nothing to measure. */
  cold: 8,
} as const;

/**
 * Columns of the rows, in the order in which they lie in the data, wide ones first so that each starts where its type may start.
 * `other` is the row's partner (of a missed object the detection that comes nearest, of a detection the missed object) or −1; `iou` is theirs,
 * or that with the object of the truth, whose class is `object`. `score` of a missed object is that of the drawn box where it was asked for,
 * else NaN. Of the heat outside of the box, most lies on its `side`, and `onBeside` of all heat on the box of the row `beside` (−1: on none).
 */
export const rowColumns = {
  picture: Uint32Array,
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
  /** Place among the picture's rows: that of its map and crop in the block. */
  place: Uint16Array,
  level: Uint8Array,
  kind: Uint8Array,
  side: Uint8Array,
  flags: Uint8Array,
} as const;

export type ColumnName = keyof typeof rowColumns;
export type Columns = { readonly [name in ColumnName]: InstanceType<(typeof rowColumns)[name]> };
export const columnNames = Object.keys(rowColumns) as readonly ColumnName[];

/** `level` of what has none. */
export const noLevel = 255;

/** The columns in one buffer. @param rows how many rows there are. */
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

/** Bytes of the columns. */
export function columnBytes(rows: number): number {
  return columnNames.reduce((sum, name) => sum + rowColumns[name].BYTES_PER_ELEMENT * rows, 0);
}

/** Cells along a side of the maps of a row: over the whole picture, and over twice the box about its centre. */
export const grids = { picture: 32, box: 24, context: 2 } as const;
export const mapBytes = grids.picture ** 2 + grids.box ** 2;

/** Pictures whose data lie in one block. */
export const blockPictures = 32;

/** `<id>` of the scripts with data. */
export const dataIds = { facts: "facts", pictures: "pictures", columns: "columns", block: "b" } as const;

/** The pictures (or frames of videos) that rows are of. */
export interface PictureList {
  readonly source: readonly string[];
  /** Number of the frame in a video, −1 for a picture. */
  readonly frame: readonly number[];
  readonly height: readonly number[];
  readonly width: readonly number[];
}

/** What the model made of an object that was missed. */
export interface MissAnswer {
  readonly row: number;
  readonly verdict: string;
  readonly bestClass: string;
  readonly bestProbability: number;
}

export interface ClassFacts {
  /** Index into `classes`. */
  readonly class: number;
  /** Rows that have heat of their own. */
  readonly count: number;
  /** Base64 of `grids.box`² bytes: mean of the box maps, scaled so that the hottest cell is 255; null without one. */
  readonly mean: string | null;
  /** Share of the mean map's energy that lies outside of the box, within twice the box; null without a map. */
  readonly context: number | null;
}

export interface ReportFacts {
  readonly version: number;
  readonly tool: string;
  readonly title: string;
  /** Name and value, to be shown as they are. */
  readonly run: readonly (readonly [string, string])[];
  readonly rows: number;
  readonly pictures: number;
  readonly items: { readonly count: number; readonly done: number; readonly failures: number };
  /** What a person must know: unfinished, pictures gone, left out. */
  readonly notes: readonly string[];
  readonly classes: readonly string[];
  readonly levels: readonly string[];
  readonly perClass: readonly ClassFacts[];
  /** Where the ground truth came from; null without any. */
  readonly truth: { readonly from: string; readonly objects: number; readonly pictures: number } | null;
  readonly misses: readonly MissAnswer[];
  /** The first of them. */
  readonly failures: readonly { readonly source: string; readonly message: string }[];
}
