import type { Contour, OutlinePoint } from "./font.js";

/** The share of each pixel that a shape covers, 0..1, and the position of the first pixel. */
export interface Coverage {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Straight segments per curve. Enough for letters of a few hundred pixels. */
const PIECES = 6;

/**
 * Computes the exact area coverage of a closed outline. `y` points down. Each edge adds the area to its right, signed by its
 * direction. A running sum along the row converts these areas to coverage.
 * @param place maps font units to pixels.
 */
export function rasterize(contours: readonly Contour[], place: (point: OutlinePoint) => Point): Coverage {
  const lines = contours.map((contour) => flatten(contour.map((point) => ({ ...place(point), on: point.on }))));
  const bounds = boundsOf(lines.flat());
  const accumulated = new Float32Array((bounds.width + 1) * bounds.height);
  for (const line of lines) {
    line.forEach((from, i) => {
      addEdge(accumulated, bounds, from, line[(i + 1) % line.length]!);
    });
  }
  return { ...bounds, data: sumRows(accumulated, bounds.width, bounds.height) };
}

/** Replaces the quadratic curves of a TrueType contour by straight segments. */
function flatten(contour: Contour): Point[] {
  const full = withImpliedPoints(contour);
  const start = full.findIndex((point) => point.on);
  const points: Point[] = [];
  for (let i = 0; i < full.length; i++) {
    const point = full[(start + i) % full.length]!;
    if (point.on) points.push(point);
    else points.push(...curve(points.at(-1)!, point, full[(start + i + 1) % full.length]!));
  }
  return points;
}

/** TrueType implies a point on the curve between two control points. */
function withImpliedPoints(contour: Contour): OutlinePoint[] {
  return contour.flatMap((point, i) => {
    const next = contour[(i + 1) % contour.length]!;
    const middle = { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2, on: true };
    return point.on || next.on ? [point] : [point, middle];
  });
}

/** The points of a curve, without its ends. */
function curve(from: Point, control: Point, to: Point): Point[] {
  return Array.from({ length: PIECES - 1 }, (_, i) => {
    const t = (i + 1) / PIECES;
    const a = (1 - t) ** 2;
    const b = 2 * t * (1 - t);
    return { x: a * from.x + b * control.x + t * t * to.x, y: a * from.y + b * control.y + t * t * to.y };
  });
}

function boundsOf(points: readonly Point[]): Omit<Coverage, "data"> {
  if (points.length === 0) return { left: 0, top: 0, width: 0, height: 0 };
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const left = Math.floor(Math.min(...xs));
  const top = Math.floor(Math.min(...ys));
  return { left, top, width: Math.ceil(Math.max(...xs)) - left, height: Math.ceil(Math.max(...ys)) - top };
}

/** Splits an edge at the pixel rows it crosses. */
function addEdge(into: Float32Array, bounds: Omit<Coverage, "data">, from: Point, to: Point): void {
  if (from.y === to.y) return;
  const sign = from.y < to.y ? 1 : -1;
  const [upper, lower] = sign === 1 ? [from, to] : [to, from];
  const slope = (lower.x - upper.x) / (lower.y - upper.y);
  const y0 = upper.y - bounds.top;
  const y1 = lower.y - bounds.top;
  for (let row = Math.floor(y0); row < y1; row++) {
    const a = Math.max(row, y0);
    const b = Math.min(row + 1, y1);
    const x = (y: number) => upper.x - bounds.left + (y - y0) * slope;
    addSpan(into, row * (bounds.width + 1), x(a), x(b), sign * (b - a));
  }
}

/** Adds an edge that lies within one row. It runs from `x0` to `x1` and covers `height` of the row. */
function addSpan(into: Float32Array, rowStart: number, x0: number, x1: number, height: number): void {
  const left = Math.min(x0, x1);
  const right = Math.max(x0, x1);
  const first = Math.floor(left);
  const last = Math.max(first, Math.ceil(right) - 1);
  let before = 0;
  for (let column = first; column <= last; column++) {
    // Area to the right of the edge in this pixel, as a share of the span's height.
    const share = areaRight(left, right, column);
    into[rowStart + column]! += height * (share - before);
    before = share;
  }
  into[rowStart + last + 1]! += height * (1 - before);
}

/** Mean share of pixel `column` that lies to the right of an edge from `left` to `right`. */
function areaRight(left: number, right: number, column: number): number {
  if (right - left < 1e-9) return clamp01(column + 1 - left);
  return (integral(column + 1 - left) - integral(column + 1 - right)) / (right - left);
}

/** Integral of `clamp01` from −∞ to `x`. */
function integral(x: number): number {
  if (x <= 0) return 0;
  return x < 1 ? (x * x) / 2 : x - 0.5;
}

function clamp01(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}

function sumRows(accumulated: Float32Array, width: number, height: number): Float32Array {
  const data = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    let sum = 0;
    for (let x = 0; x < width; x++) {
      sum += accumulated[y * (width + 1) + x]!;
      data[y * width + x] = clamp01(Math.abs(sum));
    }
  }
  return data;
}
