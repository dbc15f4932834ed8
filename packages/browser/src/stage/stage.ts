import { BoxLayer } from "./box-layer.js";
import { Drawing, grips } from "./drawing.js";
import { HeatLayer } from "./heat-layer.js";
import type { Size } from "./labels.js";
import { part, placeAt } from "./parts.js";
import { RegionLayer } from "./region-layer.js";
import type { Mark, StageEvents, StageView } from "./stage-view.js";

/** An image with its heat and its boxes, in an element of the size of the image. */
export class Stage {
  readonly image = part("img", "image");
  readonly #canvas = part("canvas", "image");
  readonly #heat = new HeatLayer();
  readonly #region = new RegionLayer();
  readonly #boxes: BoxLayer;
  readonly #marks = part("div", "marks");
  readonly #drawn = part("div", "drawn", "own-box is-waiting");
  readonly #drawing: Drawing;
  readonly #watcher: ResizeObserver;
  readonly #root: HTMLElement;
  #view: StageView = {};
  #shownWidth = 0;
  /** URL of the image's file. */
  #url: string | undefined;
  #shownMarks = "";

  constructor(root: HTMLElement, events: StageEvents) {
    this.#root = root;
    this.image.alt = "";
    this.image.draggable = false;
    this.#boxes = new BoxLayer(events);
    this.#drawn.dataset.grip = "body";
    for (const grip of grips) {
      const corner = part("span", "grip");
      corner.dataset.grip = grip;
      this.#drawn.append(corner);
    }
    this.#drawing = new Drawing(root, {
      size: () => (this.#view.isDrawable ? this.#view.size : undefined),
      waiting: () => this.#view.drawn,
      onChange: (box) => {
        this.#showDrawn();
        events.onDrawing?.(box);
      },
      onDone: (box) => events.onDraw?.(box),
    });
    this.#watcher = new ResizeObserver(([entry]) => {
      this.#shownWidth = entry!.contentRect.width;
      this.#showBoxes();
    });
    root.append(this.image, this.#heat.element, this.#region.element, this.#boxes.element, this.#marks);
  }

  get view(): StageView {
    return this.#view;
  }

  /** Shows other things. What is the same stays as it is. */
  set view(view: StageView) {
    const before = this.#view;
    this.#view = view;
    // A canvas may have other pixels by now.
    if (view.image !== before.image || view.image instanceof HTMLCanvasElement) this.#showImage(view.image);
    this.image.alt = view.alt ?? "";
    const below = this.image.hidden ? this.#canvas : this.image;
    this.#region.show(view.heat, view.region);
    this.#heat.show(view.region ? undefined : view.heat, view.look ?? {}, { fades: view.fades === true, below });
    const keys = ["detections", "selected", "size"] as const;
    if (keys.some((key) => view[key] !== before[key])) this.#showBoxes();
    this.#showDrawn();
  }

  /** The boxes of the detections as buttons, in the order of confidence. */
  get buttons(): readonly HTMLButtonElement[] {
    return this.#boxes.buttons;
  }

  /** Starts to follow the size of its element. */
  connect(): void {
    this.#watcher.observe(this.#root);
  }

  disconnect(): void {
    this.#watcher.disconnect();
  }

  #showImage(image: StageView["image"]): void {
    if (this.#url !== undefined) URL.revokeObjectURL(this.#url);
    this.#url = image instanceof Blob ? URL.createObjectURL(image) : undefined;
    const isCanvas = image instanceof HTMLCanvasElement;
    this.image.hidden = isCanvas;
    if (!isCanvas) this.#canvas.remove();
    else {
      if (this.#canvas.parentNode === null) this.image.after(this.#canvas);
      this.#canvas.width = image.width;
      this.#canvas.height = image.height;
      if (image.width > 0) this.#canvas.getContext("2d")!.drawImage(image, 0, 0);
    }
    const url = this.#url ?? image;
    if (typeof url === "string") this.image.src = url;
    else this.image.removeAttribute("src");
  }

  #showBoxes(): void {
    const { detections = [], selected = [], size } = this.#view;
    this.#boxes.show({ detections, selected, size, shownWidth: this.#shownWidth });
  }

  /** Shows the box that is drawn or was drawn, else the marks. */
  #showDrawn(): void {
    const { size, marks = [], drawn } = this.#view;
    const box = this.#drawing.box ?? drawn;
    if (box !== undefined && size !== undefined) {
      placeAt(this.#drawn, box, size);
      if (this.#drawn.parentNode === null) this.#root.append(this.#drawn);
    } else this.#drawn.remove();
    this.#showMarks(size === undefined ? [] : marks.filter(({ isAsked }) => !isAsked || box === undefined), size);
  }

  #showMarks(marks: readonly Mark[], size: Size | undefined): void {
    const text = JSON.stringify([marks, size]);
    if (text === this.#shownMarks) return;
    this.#shownMarks = text;
    this.#marks.replaceChildren(...marks.map((mark) => markOf(mark, size!)));
  }
}

/** A box with its label. That of an asked box is above it if there is room. */
function markOf({ box, label, detail, isAsked }: Mark, size: Size): HTMLElement {
  const element = part("div", "mark", `own-box${isAsked ? "" : " is-plain"}`);
  placeAt(element, box, size);
  if (label === undefined) return element;
  const side = box.y1 < size.height * 0.08 ? " is-below" : " is-above";
  const text = part("span", "label", `box-label${isAsked ? side : ""}`);
  text.append(label);
  if (detail !== undefined) {
    const score = document.createElement("span");
    score.className = "box-score";
    score.textContent = detail;
    text.append(" ", score);
  }
  element.append(text);
  return element;
}
