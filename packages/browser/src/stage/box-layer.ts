import { type Detection, platformLabel } from "@whybox/core";
import { firstPlace, type LabelRequest, placeLabels, type Size } from "./labels.js";
import { part, percent, placeAt } from "./parts.js";
import type { StageEvents } from "./stage-view.js";

/** Maximum number of visible labels. The most confident detections get them. The others show theirs under the pointer. */
const MAX_LABELS = 16;

/** Width of a box's border in CSS pixels. Label positions start inside the border. */
const BORDER = 2;

interface BoxParts {
  readonly box: HTMLButtonElement;
  readonly label: HTMLElement;
  one: Detection;
}

interface ShownBoxes {
  readonly detections: readonly Detection[];
  readonly selected: readonly number[];
  readonly size: Size | undefined;
  /** Width of the image on the screen in CSS pixels. */
  readonly shownWidth: number;
}

/** Detections as buttons. Small boxes are above large ones. A class of the whole image has no box. */
export class BoxLayer {
  readonly element = part("div", "boxes");
  readonly #events: StageEvents;
  readonly #parts = new Map<number, BoxParts>();

  constructor(events: StageEvents) {
    this.#events = events;
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", "Detections");
  }

  show({ detections, selected, size, shownWidth }: ShownBoxes): void {
    const list = size === undefined ? [] : detections.filter(({ isWholeImage }) => !isWholeImage);
    const labels = size === undefined ? undefined : labelPlaces(list, selected, size, shownWidth);
    const kept = new Set(list.map(({ index }) => index));
    for (const [index, { box }] of this.#parts) {
      if (kept.has(index)) continue;
      box.remove();
      this.#parts.delete(index);
    }
    for (const one of list) {
      const { box, label } = this.#partsOf(one);
      const isSelected = selected.includes(one.index);
      box.className = `box${isSelected ? " is-selected" : ""}`;
      box.setAttribute("part", isSelected ? "box selected" : "box");
      box.setAttribute("aria-pressed", String(isSelected));
      placeAt(box, one.boxImage, size!);
      const at = labels?.get(one.index);
      label.hidden = at === undefined;
      if (at === undefined) continue;
      label.className = `box-label${at.crowded ? " is-crowded" : ""}`;
      label.style.left = `${at.left}px`;
      label.style.top = `${at.top}px`;
      label.style.maxWidth = `${shownWidth}px`;
    }
    this.#order(list);
  }

  /** The buttons, in the order of confidence. */
  get buttons(): readonly HTMLButtonElement[] {
    return [...this.#parts].sort(([a], [b]) => a - b).map(([, { box }]) => box);
  }

  #partsOf(one: Detection): BoxParts {
    let parts = this.#parts.get(one.index);
    if (parts === undefined) {
      parts = this.#make(one);
      this.#parts.set(one.index, parts);
    } else if (parts.one !== one) {
      parts.one = one;
      write(parts);
    }
    return parts;
  }

  #make(one: Detection): BoxParts {
    const box = part("button", "box");
    box.type = "button";
    const label = part("span", "label", "box-label");
    const parts = { box, label, one };
    write(parts);
    box.append(label);
    box.addEventListener("click", (event) => this.#events.onPress(parts.one, event.shiftKey));
    box.addEventListener("pointerenter", (event) => {
      if (event.pointerType !== "touch") this.#events.onHover?.(parts.one);
    });
    box.addEventListener("pointerleave", () => this.#events.onHover?.(undefined));
    return parts;
  }

  /** Puts the buttons in order. A button that has its place is not moved, because it would lose the focus. */
  #order(list: readonly Detection[]): void {
    const area = ({ boxImage: { x1, y1, x2, y2 } }: Detection) => (x2 - x1) * (y2 - y1);
    const wanted = [...list].sort((a, b) => area(b) - area(a)).map(({ index }) => this.#parts.get(index)!.box);
    const { children } = this.element;
    if (wanted.some((box, i) => children[i] !== box)) this.element.replaceChildren(...wanted);
  }
}

function write({ box, label, one }: BoxParts): void {
  box.setAttribute("aria-label", `${one.className}, ${percent(one.confidence)}`);
  const score = document.createElement("span");
  score.className = "box-score";
  score.textContent = percent(one.confidence);
  label.replaceChildren(`${platformLabel(one)} `, score);
}

/** The position of each detection's label, relative to its box's corner. Selected detections come first, then the most confident. */
function labelPlaces(list: readonly Detection[], selection: readonly number[], size: Size, shownWidth: number) {
  const scale = shownWidth / size.width;
  const photo = { width: shownWidth, height: size.height * scale };
  const em = 0.83 * Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const first = (one: Detection) => Number(!selection.includes(one.index));
  const order = [...list].sort((a, b) => first(a) - first(b));
  const requests = order.map((one): LabelRequest => {
    const { x1, y1, x2, y2 } = one.boxImage;
    const letters = platformLabel(one).length + 1 + percent(one.confidence).length;
    const width = Math.min(shownWidth, letters * em * 0.63 + 16);
    return { x1: x1 * scale, y1: y1 * scale, x2: x2 * scale, y2: y2 * scale, width, height: em * 1.6 };
  });
  const places = shownWidth > 0 ? placeLabels(requests.slice(0, MAX_LABELS), photo) : [];
  return new Map(
    shownWidth > 0
      ? order.map(({ index }, i) => {
          const request = requests[i]!;
          const { left, top } = places[i] ?? firstPlace(request, photo);
          const [x, y] = [Math.max(0, request.x1), Math.max(0, request.y1)];
          return [index, { left: left - x - BORDER, top: top - y - BORDER, crowded: places[i] === undefined }] as const;
        })
      : [],
  );
}
