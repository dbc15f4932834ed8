import type { Box, Point } from "../frame.js";
import type { Mask } from "../mask.js";
import {
  type Canvas,
  type Colour,
  dashRect,
  fillRect,
  grow,
  type OutlinePen,
  type Rect,
  strokeRect,
} from "./canvas.js";
import { classLabel, isDrawable, numbered, platformLabel } from "./class-label.js";
import { drawMask } from "./draw-mask.js";
import { type DrawnKeypoint, drawPose } from "./draw-pose.js";
import { type Font, loadFont } from "./font.js";
import { classColours, textColourOn } from "./palette.js";
import { placeLabels } from "./place-labels.js";
import { type Segment, strokeSegments } from "./stroke.js";
import { drawText, type GlyphCache, layOut, type PaintText, type TextLine } from "./text.js";

/** The fields of a detection that are drawn. A `Detection` has all of them. */
export interface DrawnDetection {
  readonly boxImage: Box<"image">;
  readonly classIndex: number;
  readonly className: string;
  /** 0..1 */
  readonly confidence: number;
  /** Drawn as an outline. It has the size of the image. */
  readonly mask?: Mask;
  /** Drawn as dots. 17 keypoints are joined by COCO's skeleton. */
  readonly keypoints?: readonly DrawnKeypoint[];
  /** Corners of a rotated box. It is drawn instead of `boxImage`. */
  readonly corners?: readonly Point[];
  /** True for a class of the whole image. It has a label and no box. Default false. */
  readonly isWholeImage?: boolean;
  /** True for a box that the user gives, which may not be detected. It is dashed, and its label has a question mark. Default false. */
  readonly asked?: boolean;
}

/** Sizes in pixels. They grow with the image, so that a photo on a screen looks the same at each resolution. */
interface Pen {
  readonly line: number;
  /** Width of the dark rim on both sides of a line. It makes the line visible on any background. */
  readonly rim: number;
  readonly fontSize: number;
}

interface Labels {
  readonly lines: readonly TextLine[];
  readonly padding: number;
  readonly height: number;
}

/** What is drawn, and how letters are drawn that Whybox's own font lacks. */
export interface Shown {
  readonly boxes: boolean;
  readonly labels: boolean;
  readonly paintText?: PaintText | undefined;
}

/** How the labels are written: the letters, and the colour of each detection. */
interface Writing {
  readonly font: Font;
  readonly paintText: PaintText | undefined;
  readonly colourOf: (detection: DrawnDetection) => Colour;
}

const RIM: Colour = [0, 0, 0];
const RIM_ALPHA = 0.65;
/** Colour of boxes that the user gives. No class has this colour. The dark gaps between the dashes make it visible on any background. */
const ASKED: Colour = [255, 64, 255];
/** When labels cover a larger share of the image than this, they are drawn smaller. */
const CROWDED = 0.12;
/** Minimum font size in pixels that can be read. */
const MIN_FONT_SIZE = 9;
/** Minimum length of the shorter side in pixels. On a smaller image, the smallest letters would hide the image: only boxes are drawn. */
const MIN_LABELLED_SIDE = 96;

/**
 * Draws boxes, masks, keypoints and labels into the canvas. Detections with a higher confidence are on top. Boxes that the user gives are on
 * top of all others. A canvas with a side below 96 pixels has no room for labels and gets none.
 */
export function drawDetections(canvas: Canvas, detections: readonly DrawnDetection[], show: Shown): void {
  const pen = penFor(canvas);
  const classes = classColours(detections.filter(({ asked }) => !asked).map(({ classIndex }) => classIndex));
  const colourOf = ({ asked, classIndex }: DrawnDetection): Colour => (asked ? ASKED : classes.get(classIndex)!);
  const first = ({ asked }: DrawnDetection): number => (asked ? 1 : 0);
  const strongestFirst = detections.toSorted((a, b) => first(b) - first(a) || b.confidence - a.confidence);
  if (show.boxes) {
    const weakestFirst = strongestFirst.toReversed();
    const outlineOf = (one: DrawnDetection): OutlinePen => {
      return { ...pen, colour: colourOf(one), rimColour: RIM, rimAlpha: RIM_ALPHA };
    };
    for (const one of weakestFirst) {
      if (one.mask !== undefined) drawMask(canvas, one.mask, outlineOf(one));
    }
    for (const one of weakestFirst) {
      if (one.isWholeImage) continue;
      if (one.corners !== undefined) drawPolygon(canvas, one.corners, pen, colourOf(one));
      else (one.asked ? drawDashedBox : drawBox)(canvas, rectOf(one.boxImage), pen, colourOf(one));
    }
    for (const one of weakestFirst) {
      if (one.keypoints !== undefined) drawPose(canvas, one.keypoints, outlineOf(one));
    }
  }
  const hasRoom = Math.min(canvas.height, canvas.width) >= MIN_LABELLED_SIDE;
  const writing = { font: loadFont(), paintText: show.paintText, colourOf };
  if (show.labels && hasRoom) drawLabels(canvas, strongestFirst, pen, writing);
}

function penFor({ height, width }: Canvas): Pen {
  const side = Math.max(Math.min(height, width), Math.max(height, width) / 3);
  const line = side < 200 ? 1 : Math.max(2, Math.round(side / 280));
  return { line, rim: Math.max(1, Math.round(line / 3)), fontSize: Math.round(Math.max(side / 40, 8 + side / 60)) };
}

function drawBox(canvas: Canvas, rect: Rect, { line, rim }: Pen, colour: Colour): void {
  strokeRect(canvas, grow(rect, rim), rim, RIM, RIM_ALPHA);
  strokeRect(canvas, rect, line, colour);
  const inner = grow(rect, -line);
  if (inner.right > inner.left && inner.bottom > inner.top) strokeRect(canvas, inner, rim, RIM, RIM_ALPHA);
}

function drawPolygon(canvas: Canvas, corners: readonly Point[], { line, rim }: Pen, colour: Colour): void {
  const sides = corners.map((corner, i): Segment => [corner, corners[(i + 1) % corners.length]!]);
  strokeSegments(canvas, sides, line / 2 + rim, RIM, RIM_ALPHA);
  strokeSegments(canvas, sides, line / 2, colour);
}

function drawDashedBox(canvas: Canvas, rect: Rect, { line, rim }: Pen, colour: Colour): void {
  strokeRect(canvas, grow(rect, rim), line + 2 * rim, RIM, RIM_ALPHA);
  dashRect(canvas, rect, line, 5 * line, colour);
}

function drawLabels(canvas: Canvas, detections: readonly DrawnDetection[], pen: Pen, writing: Writing): void {
  const { font, colourOf } = writing;
  const labels = layOutLabels(writing, detections, pen, canvas);
  const requests = detections.map((detection, i) => ({
    box: detection.isWholeImage ? stackedAt(i, labels.height) : grow(rectOf(detection.boxImage), pen.rim),
    width: labels.lines[i]!.width + 2 * labels.padding,
    height: labels.height,
  }));
  const places = placeLabels(requests, canvas);
  const cache: GlyphCache = new Map();
  for (let i = detections.length - 1; i >= 0; i--) {
    const colour = colourOf(detections[i]!);
    fillRect(canvas, places[i]!, RIM);
    fillRect(canvas, grow(places[i]!, -pen.rim), colour);
    const origin = textOrigin(font, labels.lines[i]!, places[i]!, labels.padding);
    drawText(canvas, labels.lines[i]!, { font, origin, colour: textColourOn(colour), cache });
  }
}

/** A place for the label of a class of the whole image: below those before it, in the upper left corner. */
function stackedAt(i: number, height: number): Rect {
  const top = (i + 1) * height;
  return { left: 0, top, right: 0, bottom: top };
}

/** Lays out all labels. They are smaller when they would hide too much of the image. */
function layOutLabels(writing: Writing, detections: readonly DrawnDetection[], pen: Pen, canvas: Canvas): Labels {
  const full = layOutAt(writing, detections, pen, pen.fontSize);
  const covered = full.lines.reduce((sum, line) => sum + (line.width + 2 * full.padding) * full.height, 0);
  const share = covered / (canvas.height * canvas.width);
  if (share <= CROWDED) return full;
  const smaller = pen.fontSize * Math.max(0.6, Math.sqrt(CROWDED / share));
  return layOutAt(writing, detections, pen, Math.max(MIN_FONT_SIZE, Math.round(smaller)));
}

function layOutAt(writing: Writing, detections: readonly DrawnDetection[], pen: Pen, fontSize: number): Labels {
  const { font } = writing;
  const shared = sharedNames(detections);
  const lines = detections.map((detection) => lineOf(detection, shared.has(detection.className), writing, fontSize));
  const padding = Math.max(2, Math.round(fontSize / 4));
  const height = Math.ceil((font.capHeight * fontSize) / font.unitsPerEm) + 2 * padding + pen.rim;
  return { lines, padding, height };
}

/** Returns the start of the baseline that centres capital letters vertically in the label. */
function textOrigin(font: Font, line: TextLine, place: Rect, padding: number): readonly [number, number] {
  const capHeight = (font.capHeight * line.size) / font.unitsPerEm;
  return [place.left + padding, Math.round((place.top + place.bottom + capHeight) / 2)];
}

/** The label in Whybox's letters, or in those of the platform if Whybox lacks some. */
function lineOf(detection: DrawnDetection, isShared: boolean, writing: Writing, fontSize: number): TextLine {
  const { className, classIndex, confidence, asked } = detection;
  const { font, paintText, colourOf } = writing;
  const textOf = (name: string): string => {
    const label = isShared && !name.endsWith(`#${classIndex}`) ? numbered(name, classIndex) : name;
    return `${label}${asked ? "?" : ""} ${confidence.toFixed(2)}`;
  };
  if (paintText !== undefined && !isDrawable(className)) {
    const painted = paintText(textOf(platformLabel(detection)), fontSize, textColourOn(colourOf(detection)));
    if (painted !== undefined) return { glyphs: [], size: fontSize, width: Math.ceil(painted.advance), painted };
  }
  return layOut(font, textOf(classLabel(detection)), fontSize);
}

/** Names that several classes have. */
function sharedNames(detections: readonly DrawnDetection[]): ReadonlySet<string> {
  const classes = new Map<string, number>();
  const shared = new Set<string>();
  for (const { asked, className, classIndex } of detections) {
    if (asked) continue;
    if ((classes.get(className) ?? classIndex) !== classIndex) shared.add(className);
    classes.set(className, classIndex);
  }
  return shared;
}

function rectOf(box: Box<"image">): Rect {
  const left = Math.round(box.x1);
  const top = Math.round(box.y1);
  return {
    left,
    top,
    right: Math.max(left + 1, Math.round(box.x2)),
    bottom: Math.max(top + 1, Math.round(box.y2)),
  };
}
