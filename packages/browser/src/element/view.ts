import { colormap, type Detection, type DrawingOptions, drawingOptions, type Map2D, platformLabel } from "@whybox/core";
import { heatImage } from "../heat-image.js";
import { style } from "./style.js";

interface ViewEvents {
  readonly onSelect: (index: number | undefined) => void;
}

/** What `<why-box>` shows, in its shadow tree. */
export class View {
  readonly #image = part("img", "image");
  readonly #heat = part("canvas", "heat");
  readonly #boxes = part("div", "boxes");
  readonly #progress = part("div", "progress");
  readonly #error = part("p", "error");
  readonly #status = part("div", "status");
  readonly #events: ViewEvents;
  #url: string | undefined;

  constructor(root: ShadowRoot, events: ViewEvents) {
    this.#events = events;
    const sheet = document.createElement("style");
    sheet.textContent = style;
    const stage = part("div", "stage");
    this.#image.alt = "";
    this.#heat.setAttribute("aria-hidden", "true");
    this.#boxes.setAttribute("role", "group");
    this.#boxes.setAttribute("aria-label", "Detections");
    this.#boxes.addEventListener("keydown", (event) => this.#key(event));
    this.#error.setAttribute("role", "alert");
    this.#status.setAttribute("role", "status");
    stage.append(this.#image, this.#heat, this.#boxes);
    root.append(sheet, stage, this.#progress, this.#error, this.#status);
  }

  /** Shows an image, or none. Its former detections and heat go. */
  showImage(source: string | Blob | undefined, alt: string): void {
    this.clear();
    if (this.#url !== undefined) URL.revokeObjectURL(this.#url);
    this.#url = source instanceof Blob ? URL.createObjectURL(source) : undefined;
    const src = this.#url ?? source;
    if (src === undefined) this.#image.removeAttribute("src");
    else this.#image.src = String(src);
    this.#image.alt = alt;
  }

  /** Reserves the image's place before it is there. */
  reserve(width: string | null, height: string | null): void {
    const ratio = Number(width) > 0 && Number(height) > 0 ? `${Number(width)} / ${Number(height)}` : "";
    this.#image.style.setProperty("--ratio", ratio);
  }

  set alt(text: string) {
    this.#image.alt = text;
  }

  clear(): void {
    this.#boxes.replaceChildren();
    this.showHeat(undefined, {});
    this.fail("");
  }

  showBoxes(detections: readonly Detection[], [height, width]: readonly [number, number]): void {
    const area = ({ boxImage: { x1, y1, x2, y2 } }: Detection) => (x2 - x1) * (y2 - y1);
    const percent = (value: number, side: number) => `${(100 * Math.min(Math.max(value, 0), side)) / side}%`;
    // Small boxes lie above large ones.
    const boxes = [...detections]
      .sort((a, b) => area(b) - area(a))
      .map((one) => {
        const { x1, y1, x2, y2 } = one.boxImage;
        const box = part("button", "box");
        box.type = "button";
        box.dataset.index = String(one.index);
        box.setAttribute("aria-pressed", "false");
        box.setAttribute("aria-label", `${one.className}, ${percentOf(one.confidence)}`);
        Object.assign(box.style, {
          left: percent(x1, width),
          top: percent(y1, height),
          right: percent(width - x2, width),
          bottom: percent(height - y2, height),
        });
        const label = part("span", "label");
        label.textContent = `${platformLabel(one)} ${percentOf(one.confidence)}`;
        label.classList.toggle("is-below", y1 < height * 0.08);
        box.append(label);
        box.addEventListener("click", () => {
          this.#events.onSelect(box.getAttribute("aria-pressed") === "true" ? undefined : one.index);
        });
        return box;
      });
    this.#boxes.replaceChildren(...boxes);
  }

  /** Marks the selected detection. */
  mark(index: number | undefined): void {
    for (const box of this.#all()) {
      const isSelected = box.dataset.index === String(index);
      box.setAttribute("aria-pressed", String(isSelected));
      box.setAttribute("part", isSelected ? "box selected" : "box");
    }
  }

  showHeat(heat: Map2D | undefined, look: DrawingOptions): void {
    const { colormap: name = drawingOptions.colormap.default, opacity } = look;
    this.#heat.classList.toggle("is-shown", heat !== undefined);
    if (opacity === undefined) this.#heat.style.removeProperty("opacity");
    else this.#heat.style.opacity = heat === undefined ? "" : String(opacity);
    if (heat === undefined) return;
    const pixels = heatImage(heat, colormap(name));
    this.#heat.width = pixels.width;
    this.#heat.height = pixels.height;
    this.#heat.getContext("2d")!.putImageData(pixels, 0, 0);
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
    const boxes = this.#all().sort((a, b) => Number(a.dataset.index) - Number(b.dataset.index));
    const at = boxes.indexOf(event.target as HTMLButtonElement);
    boxes[(at + step + boxes.length) % boxes.length]?.focus();
    event.preventDefault();
  }

  #all(): HTMLButtonElement[] {
    return [...this.#boxes.querySelectorAll("button")];
  }
}

export function percentOf(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function part<K extends keyof HTMLElementTagNameMap>(tag: K, name: string): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.setAttribute("part", name);
  return element;
}
