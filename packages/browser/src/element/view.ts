import type { Detection, DrawingOptions, Map2D } from "@whybox/core";
import { part } from "../stage/parts.js";
import { Stage } from "../stage/stage.js";
import { style } from "./style.js";

interface ViewEvents {
  readonly onSelect: (index: number | undefined) => void;
}

/** What `<why-box>` shows of what it finds, in its shadow tree: a stage, the progress, and what is said. */
export class View {
  readonly stage: Stage;
  readonly #progress = part("div", "progress");
  readonly #error = part("p", "error");
  readonly #status = part("div", "status");
  readonly #events: ViewEvents;

  constructor(root: ShadowRoot, events: ViewEvents) {
    this.#events = events;
    const sheet = document.createElement("style");
    sheet.textContent = style;
    const place = part("div", "stage");
    place.addEventListener("keydown", (event) => this.#key(event));
    this.stage = new Stage(place, {
      onPress: ({ index }) => events.onSelect(this.stage.view.selected?.includes(index) ? undefined : index),
    });
    this.#error.setAttribute("role", "alert");
    this.#status.setAttribute("role", "status");
    root.append(sheet, place, this.#progress, this.#error, this.#status);
  }

  /** Shows an image, or none. Its former detections and heat go. */
  showImage(image: string | Blob | undefined, alt: string): void {
    this.stage.view = { image, alt };
    this.fail("");
  }

  /** Reserves the image's place before it is there. */
  reserve(width: string | null, height: string | null): void {
    const ratio = Number(width) > 0 && Number(height) > 0 ? `${Number(width)} / ${Number(height)}` : "";
    this.stage.image.style.setProperty("--ratio", ratio);
  }

  set alt(alt: string) {
    this.stage.view = { ...this.stage.view, alt };
  }

  clear(): void {
    const { image, alt = "" } = this.stage.view;
    this.stage.view = { image, alt };
    this.fail("");
  }

  showBoxes(detections: readonly Detection[], [height, width]: readonly [number, number]): void {
    this.stage.view = { ...this.stage.view, detections, size: { width, height } };
  }

  /** Marks the selected detection. */
  mark(index: number | undefined): void {
    this.stage.view = { ...this.stage.view, selected: index === undefined ? [] : [index] };
  }

  showHeat(heat: Map2D | undefined, look: Omit<DrawingOptions, "crop">): void {
    this.stage.view = { ...this.stage.view, heat, look, fades: true };
  }

  /** The share that is done, or undefined when nothing runs. */
  set progress(share: number | undefined) {
    this.#progress.style.width = share === undefined ? "0" : `${Math.max(5, 100 * share)}%`;
  }

  /** Tells a screen reader. */
  say(text: string): void {
    this.#status.textContent = text;
  }

  fail(message: string): void {
    this.#error.textContent = message;
  }

  /** Arrow keys go from box to box, in the order of confidence. Escape selects none. */
  #key(event: KeyboardEvent): void {
    if (event.key === "Escape") this.#events.onSelect(undefined);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    const boxes = this.stage.buttons;
    const at = boxes.indexOf(event.target as HTMLButtonElement);
    boxes[(at + step + boxes.length) % boxes.length]?.focus();
    event.preventDefault();
  }
}
