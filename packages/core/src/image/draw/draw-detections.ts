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
import { drawMask } from "./draw-mask.js";
import { type DrawnKeypoint, drawPose } from "./draw-pose.js";
import { type Font, loadFont } from "./font.js";
import { classColours, textColourOn } from "./palette.js";
import { placeLabels } from "./place-labels.js";
import { type Segment, strokeSegments } from "./stroke.js";
import { drawText, type GlyphCache, layOut, type TextLine } from "./text.js";

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

const RIM: Colour = [0, 0, 0];
const RIM_ALPHA = 0.65;
/** Colour of boxes that the user gives. No class has this colour. The dark gaps between the dashes make it visible on any background. */
const ASKED: Colour = [255, 64, 255];
/** Maximum number of letters of a class name. */
const MAX_NAME = 32;
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
export function drawDetections(
  canvas: Canvas,
  detections: readonly DrawnDetection[],
  show: { readonly boxes: boolean; readonly labels: boolean },
): void {
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
      if (one.corners !== undefined) drawPolygon(canvas, one.corners, pen, colourOf(one));
      else (one.asked ? drawDashedBox : drawBox)(canvas, rectOf(one.boxImage), pen, colourOf(one));
    }
    for (const one of weakestFirst) {
      if (one.keypoints !== undefined) drawPose(canvas, one.keypoints, outlineOf(one));
    }
  }
  const hasRoom = Math.min(canvas.height, canvas.width) >= MIN_LABELLED_SIDE;
  if (show.labels && hasRoom) drawLabels(canvas, strongestFirst, pen, colourOf);
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

function drawLabels(
  canvas: Canvas,
  detections: readonly DrawnDetection[],
  pen: Pen,
  colourOf: (detection: DrawnDetection) => Colour,
): void {
  const font = loadFont();
  const labels = layOutLabels(font, detections, pen, canvas);
  const requests = detections.map((detection, i) => ({
    box: grow(rectOf(detection.boxImage), pen.rim),
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

/** Lays out all labels. They are smaller when they would hide too much of the image. */
function layOutLabels(font: Font, detections: readonly DrawnDetection[], pen: Pen, canvas: Canvas): Labels {
  const full = layOutAt(font, detections, pen, pen.fontSize);
  const covered = full.lines.reduce((sum, line) => sum + (line.width + 2 * full.padding) * full.height, 0);
  const share = covered / (canvas.height * canvas.width);
  if (share <= CROWDED) return full;
  const smaller = pen.fontSize * Math.max(0.6, Math.sqrt(CROWDED / share));
  return layOutAt(font, detections, pen, Math.max(MIN_FONT_SIZE, Math.round(smaller)));
}

function layOutAt(font: Font, detections: readonly DrawnDetection[], pen: Pen, fontSize: number): Labels {
  const lines = detections.map((detection) => layOut(font, labelOf(detection), fontSize));
  const padding = Math.max(2, Math.round(fontSize / 4));
  const height = Math.ceil((font.capHeight * fontSize) / font.unitsPerEm) + 2 * padding + pen.rim;
  return { lines, padding, height };
}

/** Returns the start of the baseline that centres capital letters vertically in the label. */
function textOrigin(font: Font, line: TextLine, place: Rect, padding: number): readonly [number, number] {
  const capHeight = (font.capHeight * line.size) / font.unitsPerEm;
  return [place.left + padding, Math.round((place.top + place.bottom + capHeight) / 2)];
}

function labelOf({ className, confidence, asked }: DrawnDetection): string {
  const letters = [...className];
  const name = letters.length > MAX_NAME ? `${letters.slice(0, MAX_NAME - 1).join("")}…` : className;
  return `${name}${asked ? "?" : ""} ${confidence.toFixed(2)}`;
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
