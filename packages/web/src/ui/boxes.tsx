import { type Detection, type MetricBox, platformLabel } from "@whybox/core";
import { percent } from "@whybox/report";
import type { State } from "../controller/state.js";
import type { Controller } from "../controller.js";
import { Button } from "./button.js";
import { firstPlace, type LabelRequest, placeLabels, type Size } from "./labels.js";

interface BoxesProps {
  readonly controller: Controller;
  readonly state: State;
  readonly size: Size;
  /** Width of the photo on the screen in CSS pixels. */
  readonly shownWidth: number;
}

/** Detections as buttons. Small boxes are above large ones. A class of the whole image has no box. */
export function Boxes({ controller, state, size, shownWidth }: BoxesProps) {
  const list = controller.shownDetections().filter(({ isWholeImage }) => !isWholeImage);
  const labels = labelPlaces(list, state.selection, size, shownWidth);
  const area = ({ boxImage: { x1, y1, x2, y2 } }: Detection) => (x2 - x1) * (y2 - y1);
  return (
    <>
      {[...list]
        .sort((a, b) => area(b) - area(a))
        .map((one) => {
          const selected = state.selection.includes(one.index);
          const label = labels.get(one.index);
          return (
            <Button
              key={one.index}
              class={`box${selected ? " is-selected" : ""}`}
              style={place(one.boxImage, size)}
              aria-pressed={selected}
              aria-label={`${one.className}, ${percent(one.confidence)}`}
              onClick={(event) => controller.select(one.index, event.shiftKey)}
              onPointerEnter={(event) => event.pointerType !== "touch" && controller.hover(one.index)}
              onPointerLeave={() => controller.hover(undefined)}
            >
              {label && (
                <span
                  class={`box-label${label.crowded ? " is-crowded" : ""}`}
                  style={{ left: `${label.left}px`, top: `${label.top}px`, maxWidth: `${shownWidth}px` }}
                >
                  {platformLabel(one)} <span class="box-score">{percent(one.confidence)}</span>
                </span>
              )}
            </Button>
          );
        })}
    </>
  );
}

/** Maximum number of visible labels. The most confident detections get them. The others show theirs under the pointer. */
const MAX_LABELS = 16;

/** Width of a box's border in CSS pixels. Label positions start inside the border. */
const BORDER = 2;

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

/** The position and size of a box in percent of the photo, as CSS. */
export function place({ x1, y1, x2, y2 }: MetricBox, { width, height }: Size) {
  const [left, top] = [Math.max(0, x1), Math.max(0, y1)];
  return {
    left: `${(100 * left) / width}%`,
    top: `${(100 * top) / height}%`,
    width: `${(100 * (Math.min(x2, width) - left)) / width}%`,
    height: `${(100 * (Math.min(y2, height) - top)) / height}%`,
  };
}
