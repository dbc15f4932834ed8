import { deflateRawSync, inflateRawSync } from "node:zlib";
import { WhyboxError } from "@whybox/core";
import { kindNumber, mapBytes, noLevel, noObject, packMaps, type Row, rowFlags, rowSides } from "@whybox/report";
import type { RunDetection } from "../runs/schema.js";
import { isCamera } from "../runs/sources/source-kind.js";
import { ClassMaps } from "./class-maps.js";
import { outsideOf } from "./outside.js";
import { locate, type OpenRun, type RunImage, readRun, type SmallMap } from "./read-run.js";
import { suspicionOf } from "./suspicion.js";
import { type Judged, type Judgement, judge } from "./truth/judge.js";
import type { Truth } from "./truth/truth.js";

/** An image or frame with its rows. */
export interface ReportImage {
  readonly source: string;
  readonly frame: number | undefined;
  readonly size: readonly [height: number, width: number];
  /** Path of the file. Undefined for URLs and frames. */
  readonly location: string | undefined;
  /** Path of the frame's video. Undefined for images, streams and cameras. */
  readonly video: string | undefined;
  /** Numbers of its rows, in order. */
  readonly rows: number[];
  /** The maps of its rows, one after another, deflated. */
  maps: Uint8Array;
}

/** The data of a run for a report, without the pixels of the images. */
export interface Collected {
  readonly rows: Row[];
  readonly images: ReportImage[];
  readonly classMaps: ClassMaps;
  readonly done: number;
  readonly failures: number;
  readonly firstFailures: readonly { readonly source: string; readonly message: string }[];
  readonly truth: { readonly objects: number; readonly images: number };
  /** Number of explained rows without a map. */
  readonly withoutMap: number;
}

/** Maximum number of rows. Browsers cannot open a larger page. */
const MAX_ROWS = 300_000;
const SHOWN_FAILURES = 200;

/**
 * Reads a run into rows.
 * @param onItem called with the number of items read so far.
 * @throws bad-input if the run is damaged. limit if it is too large for a page.
 */
export async function collect(
  run: OpenRun,
  truth: Truth | undefined,
  onItem: (done: number) => void = () => {},
): Promise<Collected> {
  const state = {
    rows: [] as Row[],
    images: [] as ReportImage[],
    classMaps: new ClassMaps(),
    done: 0,
    failures: 0,
    firstFailures: [] as { source: string; message: string }[],
    truth: { objects: 0, images: 0 },
    withoutMap: 0,
  };
  for await (const entry of readRun(run)) {
    if (entry.kind !== "picture" || entry.frame === undefined) onItem(++state.done);
    if (entry.kind === "failure") {
      state.failures++;
      const { source, error } = entry;
      if (state.firstFailures.length < SHOWN_FAILURES) state.firstFailures.push({ source, message: error.message });
    }
    if (entry.kind !== "picture") continue;
    const location = entry.frame === undefined ? locate(run, entry.source) : undefined;
    const objects = await truth?.objectsOf(entry.source, location, entry.size);
    const judged = objects === undefined ? undefined : judge(entry.detections, objects);
    if (objects !== undefined) {
      state.truth.images++;
      state.truth.objects += objects.length;
    }
    const video = entry.frame === undefined ? undefined : videoOf(run, entry.source);
    addImage(state, entry, { location, video }, judged);
    if (state.rows.length > MAX_ROWS) throw tooLarge(run);
  }
  return state;
}

type State = Omit<Collected, "withoutMap"> & { withoutMap: number };

/** The path of a source's video. Undefined if the source cannot be read again. */
function videoOf(run: OpenRun, source: string): string | undefined {
  return isCamera(source) ? undefined : locate(run, source);
}

type Place = Pick<ReportImage, "location" | "video">;

function addImage(state: State, entry: RunImage, place: Place, judged: Judged | undefined): void {
  const { source, frame, size, detections, maps } = entry;
  if (detections.length === 0 && (judged?.missed.length ?? 0) === 0) return;
  const image: ReportImage = { source, frame, size, ...place, rows: [], maps: new Uint8Array() };
  const parts: Uint8Array[] = [];
  const first = state.rows.length;
  for (const [index, detection] of detections.entries()) {
    const map = maps.find((one) => one.detections.includes(index));
    if (map === undefined && detection.explained) state.withoutMap++;
    const judgement = judged?.detections[index] ?? { kind: "detection", iou: 0 };
    add(image, state, { ...detectionRow(detection, judgement, map), ...besideOf(index, map, entry, first) });
    parts.push(packMaps(map, { box: detection.box, size }));
    if (detection.heat !== null && map?.box !== undefined) state.classMaps.add(detection.class, map.box);
  }
  for (const { object, nearest, iou } of judged?.missed ?? []) {
    const other = nearest < 0 ? -1 : first + nearest;
    const row = { ...emptyRow, class: object.class, kind: kindNumber("missed"), iou, other, ...corners(object.box) };
    if (other >= 0 && state.rows[other]!.other < 0) state.rows[other]!.other = state.rows.length;
    add(image, state, row);
    parts.push(new Uint8Array(mapBytes));
  }
  image.maps = deflateRawSync(Buffer.concat(parts));
  state.images.push(image);
}

/** Where the heat outside the box of a detection is. @param first number of the image's first row. */
function besideOf(index: number, map: SmallMap | undefined, { detections, size }: RunImage, first: number) {
  const { heat } = detections[index]!;
  if (heat === null || map === undefined || !(heat.maximum > 0)) return {};
  const { other, onOther, side } = outsideOf(
    map.whole,
    size,
    detections.map(({ box }) => box),
    index,
  );
  // The small map is coarser than the measured one.
  const onBeside = Math.min(onOther, 1 - heat.inBox);
  return { beside: other < 0 ? -1 : first + other, onBeside, side: rowSides.indexOf(side) };
}

function add(image: ReportImage, state: State, row: Row): void {
  const place = image.rows.push(state.rows.length) - 1;
  state.rows.push({ ...row, image: state.images.length, place });
}

/** Replaces the maps of a row. @param maps output of `packMaps`. */
export function setMaps(image: ReportImage, place: number, maps: Uint8Array): void {
  const all = inflateRawSync(image.maps);
  all.set(maps, place * mapBytes);
  image.maps = deflateRawSync(all);
}

const emptyRow: Row = {
  ...{ image: 0, place: 0, other: -1, x1: 0, y1: 0, x2: 0, y2: 0, class: 0, level: noLevel, kind: 0, flags: 0 },
  ...{ beside: -1, onBeside: 0, side: 0, object: noObject },
  ...{ score: NaN, inBox: NaN, area: NaN, peakX: NaN, peakY: NaN, suspicion: NaN, iou: 0 },
};

function corners([x1, y1, x2, y2]: readonly [number, number, number, number]) {
  return { x1, y1, x2, y2 };
}

function detectionRow(detection: RunDetection, { kind, iou, object }: Judgement, map: SmallMap | undefined): Row {
  const { heat, score, blind } = detection;
  const flags = blind.length > 0 ? rowFlags.blind : 0;
  const base = { class: detection.class, level: detection.level, score, iou, ...corners(detection.box) };
  const row = { ...emptyRow, ...base, kind: kindNumber(kind), object: object?.class ?? noObject, flags };
  return heat === null ? row : withHeat(row, heat, map?.whole);
}

/** A row with the measurements of its map. A map without heat has none. @param map the small map of the whole image. */
export function withHeat(row: Row, heat: Omit<NonNullable<RunDetection["heat"]>, "ratio">, map?: Uint8Array): Row {
  if (!(heat.maximum > 0)) return { ...row, area: heat.area, flags: row.flags | rowFlags.cold };
  const { inBox, area, peak } = heat;
  const flags = row.flags | rowFlags.heat | (heat.peakInBox ? rowFlags.peakInBox : 0);
  const suspicion = Number.isNaN(row.score) ? NaN : suspicionOf(row.score, heat, map);
  return { ...row, inBox, area, peakX: peak[0], peakY: peak[1], suspicion, flags };
}

function tooLarge(run: OpenRun): WhyboxError {
  const message = `${run.folder} has more than ${MAX_ROWS} detections, the maximum for a page. Use whybox export, or raise --conf and run again.`;
  return new WhyboxError("limit", message, { details: { folder: run.folder, limit: MAX_ROWS } });
}
