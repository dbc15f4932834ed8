/**
 * What the page of `whybox report` reads, as the command writes it. No Node in here: the page's script is built with this file too.
 *
 * The page has four kinds of data, each in a `<script type="text/plain">` of its own: the facts (JSON), the list of pictures and the columns of
 * the rows (both deflated, base64), and blocks of pictures and maps (base64), which come last and are decoded when they are looked at.
 */
export declare const reportVersion = 1;
/** A row is a detection, or an object of the ground truth that was missed. Named after TIDE (Bolya et al., ECCV 2020, section 2.2). */
export declare const rowKinds: readonly [
  {
    readonly id: "detection";
    readonly title: "detection";
    readonly about: "without ground truth to hold it against";
  },
  {
    readonly id: "hit";
    readonly title: "hit";
    readonly about: "an object of the ground truth: same class, IoU at least 0.5";
  },
  {
    readonly id: "class";
    readonly title: "wrong class";
    readonly about: "on an object (IoU at least 0.5) of another class";
  },
  {
    readonly id: "place";
    readonly title: "badly placed";
    readonly about: "near an object of its class (IoU 0.1 to 0.5)";
  },
  {
    readonly id: "both";
    readonly title: "wrong class, badly placed";
    readonly about: "near an object (IoU 0.1 to 0.5) of another class";
  },
  {
    readonly id: "duplicate";
    readonly title: "duplicate";
    readonly about: "on an object that a more confident detection has found";
  },
  {
    readonly id: "background";
    readonly title: "background";
    readonly about: "no object of the ground truth is there (IoU below 0.1)";
  },
  {
    readonly id: "missed";
    readonly title: "missed";
    readonly about: "an object of the ground truth that no detection found";
  },
];
export type RowKind = (typeof rowKinds)[number]["id"];
/** Number of a kind in the column `kind`. */
export declare function kindNumber(kind: RowKind): number;
/** Bits of the column `flags`. */
export declare const rowFlags: {
  /** It has a map of its own, with heat in it: inBox, area, peak and suspicion are numbers. */
  readonly heat: 1;
  readonly peakInBox: 2;
  /** A layer was asked that cannot see it. */
  readonly blind: 4;
  /** The hottest raw value is 0, so there was nothing to measure. */
  readonly cold: 8;
};
/**
 * Columns of the rows, in the order in which they lie in the data, wide ones first so that each starts where its type may start.
 * `other` is the row's partner (of a missed object the detection that comes nearest, of a detection the missed object) or −1; `iou` is theirs,
 * or that with the object of the truth. `score` of a missed object is that of the drawn box where it was asked for, else NaN.
 */
export declare const rowColumns: {
  readonly picture: Uint32ArrayConstructor;
  readonly other: Int32ArrayConstructor;
  readonly x1: Float32ArrayConstructor;
  readonly y1: Float32ArrayConstructor;
  readonly x2: Float32ArrayConstructor;
  readonly y2: Float32ArrayConstructor;
  readonly score: Float32ArrayConstructor;
  readonly inBox: Float32ArrayConstructor;
  readonly area: Float32ArrayConstructor;
  readonly peakX: Float32ArrayConstructor;
  readonly peakY: Float32ArrayConstructor;
  readonly suspicion: Float32ArrayConstructor;
  readonly iou: Float32ArrayConstructor;
  readonly class: Uint16ArrayConstructor;
  /** Place among the picture's rows: that of its map and crop in the block. */
  readonly place: Uint16ArrayConstructor;
  readonly level: Uint8ArrayConstructor;
  readonly kind: Uint8ArrayConstructor;
  readonly flags: Uint8ArrayConstructor;
};
export type ColumnName = keyof typeof rowColumns;
export type Columns = {
  readonly [name in ColumnName]: InstanceType<(typeof rowColumns)[name]>;
};
export declare const columnNames: readonly ColumnName[];
/** `level` of what has none. */
export declare const noLevel = 255;
/** The columns in one buffer. @param rows how many rows there are. */
export declare function splitColumns(buffer: ArrayBuffer, rows: number): Columns;
/** Bytes of the columns. */
export declare function columnBytes(rows: number): number;
/** Cells along a side of the maps of a row: over the whole picture, and over twice the box about its centre. */
export declare const grids: {
  readonly picture: 32;
  readonly box: 24;
  readonly context: 2;
};
export declare const mapBytes: number;
/** Pictures whose data lie in one block. */
export declare const blockPictures = 32;
/** `<id>` of the scripts with data. */
export declare const dataIds: {
  readonly facts: "facts";
  readonly pictures: "pictures";
  readonly columns: "columns";
  readonly block: "b";
};
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
  readonly items: {
    readonly count: number;
    readonly done: number;
    readonly failures: number;
  };
  /** What a person must know: unfinished, pictures gone, left out. */
  readonly notes: readonly string[];
  readonly classes: readonly string[];
  readonly levels: readonly string[];
  readonly perClass: readonly ClassFacts[];
  /** Where the ground truth came from; null without any. */
  readonly truth: {
    readonly from: string;
    readonly objects: number;
    readonly pictures: number;
  } | null;
  readonly misses: readonly MissAnswer[];
  /** The first of them. */
  readonly failures: readonly {
    readonly source: string;
    readonly message: string;
  }[];
}
