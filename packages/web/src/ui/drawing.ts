import type { MetricBox } from "@whybox/core";
import { useRef, useState } from "preact/hooks";
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

/** Lets the user draw a box by dragging. A press that hardly moves stays a click. A drawn box and its corners can be dragged until the
 * user asks about it. Touch input can drag only then. Otherwise it scrolls the page.
 */
export function useDrawing(size: Size | undefined, waiting: MetricBox | undefined, done: (box: MetricBox) => void) {
  const drag = useRef<Drag | undefined>(undefined);
  const drew = useRef(false);
  const [box, setBox] = useState<MetricBox>();
  const at = (event: PointerEvent, element: Element): Point => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return {
      x: clamp(((event.clientX - left) / width) * size!.width, size!.width),
      y: clamp(((event.clientY - top) / height) * size!.height, size!.height),
    };
  };
  const stop = () => {
    drag.current = undefined;
    setBox(undefined);
  };
  const handlers = {
    onPointerDown: (event: PointerEvent & { currentTarget: HTMLElement }) => {
      drew.current = false;
      const isFinger = event.pointerType === "touch";
      if (size === undefined || event.button !== 0 || (isFinger && waiting === undefined)) return;
      const point = at(event, event.currentTarget);
      const grip = event.target instanceof HTMLElement ? event.target.dataset.grip : undefined;
      const { clientX, clientY } = event;
      const isBody = grip === "body" && waiting !== undefined;
      const from = grip === undefined || isBody || waiting === undefined ? point : opposite(waiting, grip);
      drag.current = { from, moved: isBody ? waiting : undefined, clientX, clientY };
    },
    onPointerMove: (event: PointerEvent & { currentTarget: HTMLElement }) => {
      const held = drag.current;
      if (held === undefined) return;
      if (!drew.current && Math.hypot(event.clientX - held.clientX, event.clientY - held.clientY) < SLACK) return;
      if (!drew.current) event.currentTarget.setPointerCapture(event.pointerId);
      drew.current = true;
      const point = at(event, event.currentTarget);
      setBox(held.moved ? shifted(held.moved, held.from, point, size!) : between(held.from, point));
    },
    onPointerUp: () => {
      if (drew.current && box !== undefined && box.x2 - box.x1 >= 2 && box.y2 - box.y1 >= 2) done(rounded(box));
      stop();
    },
    onPointerCancel: stop,
    onClickCapture: (event: Event) => {
      if (!drew.current) return;
      drew.current = false;
      event.stopPropagation();
    },
  };
  return { box, handlers };
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
