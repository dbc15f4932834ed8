import type { MetricBox } from "@whybox/core";
import type { Size } from "./labels.js";

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A drag moves one corner to the pointer, or moves the whole box. */
interface Drag {
  readonly from: Point;
  readonly moved: MetricBox | undefined;
  readonly clientX: number;
  readonly clientY: number;
}

/** Minimum distance of a drag in screen pixels. Shorter movements are clicks. */
const SLACK = 6;

/** The handles at the corners of a box. Each names the edges that meet there. The elements have it as `data-grip`. */
export const grips = ["x1 y1", "x2 y1", "x1 y2", "x2 y2"] as const;

interface DrawingOptions {
  /** Size of the image, or undefined while nothing can be drawn. */
  readonly size: () => Size | undefined;
  /** The box that was drawn before. */
  readonly waiting: () => MetricBox | undefined;
  readonly onChange: (box: MetricBox | undefined) => void;
  readonly onDone: (box: MetricBox) => void;
}

/** Lets the user draw a box by dragging. A press that hardly moves stays a click. A drawn box and its corners can be dragged until the
 * user asks about it. Touch input can drag only then. Otherwise it scrolls the page.
 */
export class Drawing {
  readonly #root: HTMLElement;
  readonly #options: DrawingOptions;
  #drag: Drag | undefined;
  #drew = false;
  #box: MetricBox | undefined;

  constructor(root: HTMLElement, options: DrawingOptions) {
    this.#root = root;
    this.#options = options;
    root.addEventListener("pointerdown", (event) => this.#down(event));
    root.addEventListener("pointermove", (event) => this.#move(event));
    root.addEventListener("pointerup", () => this.#up());
    root.addEventListener("pointercancel", () => this.#stop());
    root.addEventListener("click", (event) => this.#click(event), { capture: true });
  }

  /** The box while it is drawn or moved. */
  get box(): MetricBox | undefined {
    return this.#box;
  }

  #down(event: PointerEvent): void {
    this.#drew = false;
    const waiting = this.#options.waiting();
    const size = this.#options.size();
    const isFinger = event.pointerType === "touch";
    if (size === undefined || event.button !== 0 || (isFinger && waiting === undefined)) return;
    const point = this.#at(event, size);
    const grip = event.target instanceof HTMLElement ? event.target.dataset.grip : undefined;
    const { clientX, clientY } = event;
    const isBody = grip === "body" && waiting !== undefined;
    const from = grip === undefined || isBody || waiting === undefined ? point : opposite(waiting, grip);
    this.#drag = { from, moved: isBody ? waiting : undefined, clientX, clientY };
  }

  #move(event: PointerEvent): void {
    const held = this.#drag;
    const size = this.#options.size();
    if (held === undefined || size === undefined) return;
    if (!this.#drew && Math.hypot(event.clientX - held.clientX, event.clientY - held.clientY) < SLACK) return;
    if (!this.#drew) this.#root.setPointerCapture(event.pointerId);
    this.#drew = true;
    const point = this.#at(event, size);
    this.#set(held.moved ? shifted(held.moved, held.from, point, size) : between(held.from, point));
  }

  #up(): void {
    const box = this.#box;
    if (this.#drew && box !== undefined && box.x2 - box.x1 >= 2 && box.y2 - box.y1 >= 2) {
      this.#options.onDone(rounded(box));
    }
    this.#stop();
  }

  #stop(): void {
    this.#drag = undefined;
    if (this.#box !== undefined) this.#set(undefined);
  }

  #set(box: MetricBox | undefined): void {
    this.#box = box;
    this.#options.onChange(box);
  }

  /** The end of a drag is no press of the box below. */
  #click(event: Event): void {
    if (!this.#drew) return;
    this.#drew = false;
    event.stopPropagation();
  }

  #at(event: PointerEvent, size: Size): Point {
    const { left, top, width, height } = this.#root.getBoundingClientRect();
    return {
      x: clamp(((event.clientX - left) / width) * size.width, size.width),
      y: clamp(((event.clientY - top) / height) * size.height, size.height),
    };
  }
}

function clamp(value: number, max: number): number {
  return Math.min(Math.max(value, 0), max);
}

function opposite({ x1, y1, x2, y2 }: MetricBox, grip: string): Point {
  return { x: grip.includes("x1") ? x2 : x1, y: grip.includes("y1") ? y2 : y1 };
}

function between(a: Point, b: Point): MetricBox {
  return { x1: Math.min(a.x, b.x), y1: Math.min(a.y, b.y), x2: Math.max(a.x, b.x), y2: Math.max(a.y, b.y) };
}

/** The box moved with the pointer, but not out of the photo. */
function shifted(box: MetricBox, from: Point, to: Point, size: Size): MetricBox {
  const x = Math.min(Math.max(to.x - from.x, -box.x1), size.width - box.x2);
  const y = Math.min(Math.max(to.y - from.y, -box.y1), size.height - box.y2);
  return { x1: box.x1 + x, y1: box.y1 + y, x2: box.x2 + x, y2: box.y2 + y };
}

function rounded({ x1, y1, x2, y2 }: MetricBox): MetricBox {
  return { x1: Math.floor(x1), y1: Math.floor(y1), x2: Math.ceil(x2), y2: Math.ceil(y2) };
}
