import { useRef, useState } from "preact/hooks";

/** Corners in image pixels. */
export interface Corners {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** Screen pixels that a pointer must move before a press is a drag. */
const SLACK = 6;

/** Drawing a box by dragging. A press that hardly moves stays a click. */
export function useDrawing(
  size: { readonly width: number; readonly height: number } | undefined,
  done: (box: Corners) => void,
) {
  const start = useRef<{ x: number; y: number; clientX: number; clientY: number } | undefined>(undefined);
  const drew = useRef(false);
  const [box, setBox] = useState<Corners>();
  const at = (event: PointerEvent, element: Element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    const clamp = (value: number, most: number) => Math.min(Math.max(value, 0), most);
    return {
      x: clamp(((event.clientX - left) / width) * size!.width, size!.width),
      y: clamp(((event.clientY - top) / height) * size!.height, size!.height),
    };
  };
  const handlers = {
    onPointerDown: (event: PointerEvent & { currentTarget: HTMLElement }) => {
      drew.current = false;
      // A finger scrolls the page; a pen and a mouse draw.
      if (size === undefined || event.button !== 0 || event.pointerType === "touch") return;
      start.current = { ...at(event, event.currentTarget), clientX: event.clientX, clientY: event.clientY };
    },
    onPointerMove: (event: PointerEvent & { currentTarget: HTMLElement }) => {
      const from = start.current;
      if (from === undefined) return;
      const moved = Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY);
      if (!drew.current && moved < SLACK) return;
      if (!drew.current) event.currentTarget.setPointerCapture(event.pointerId);
      drew.current = true;
      const { x, y } = at(event, event.currentTarget);
      setBox({ x1: Math.min(x, from.x), y1: Math.min(y, from.y), x2: Math.max(x, from.x), y2: Math.max(y, from.y) });
    },
    onPointerUp: () => {
      start.current = undefined;
      if (drew.current && box !== undefined && box.x2 - box.x1 >= 2 && box.y2 - box.y1 >= 2) done(rounded(box));
      setBox(undefined);
    },
    onPointerCancel: () => {
      start.current = undefined;
      setBox(undefined);
    },
    onClickCapture: (event: Event) => {
      if (!drew.current) return;
      drew.current = false;
      event.stopPropagation();
    },
  };
  return { box, handlers };
}

function rounded({ x1, y1, x2, y2 }: Corners): Corners {
  return { x1: Math.floor(x1), y1: Math.floor(y1), x2: Math.ceil(x2), y2: Math.ceil(y2) };
}
