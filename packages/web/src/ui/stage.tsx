import type { AskedBox, Detection } from "@whybox/core";
import { useState } from "preact/hooks";
import type { State } from "../controller/state.js";
import type { Controller } from "../controller.js";
import { AskForm } from "./ask-form.js";
import { type Corners, useDrawing } from "./drawing.js";
import { HeatCanvas } from "./heat-canvas.js";
import { Notice } from "./notice.js";
import { Numbers } from "./numbers.js";
import { percent } from "./texts.js";
import { useObjectUrl } from "./use-state.js";

/** The photo with its detections, and what was found about the one that is selected. */
export function Stage({ controller, state }: { readonly controller: Controller; readonly state: State }) {
  const { photo, found, model, map, settings, preview } = state;
  const file = photo.phase === "ready" || photo.phase === "decoding" ? photo.file : undefined;
  const url = useObjectUrl(file);
  const [drawn, setDrawn] = useState<Corners>();
  const size = photo.phase === "ready" ? photo.facts : undefined;
  const drawing = useDrawing(size, setDrawn);
  const heat = preview ?? map.shown?.heat;
  const own = drawing.box ?? drawn ?? state.ownBox;
  return (
    <section class="stage" aria-label="Photo">
      <div
        class={`photo${found.phase === "running" || map.running !== undefined ? " is-busy" : ""}`}
        style={size && { aspectRatio: `${size.width} / ${size.height}`, "--ratio": size.width / size.height }}
        {...drawing.handlers}
      >
        {url && (
          <img
            class="picture"
            src={url}
            alt={photo.phase === "ready" ? `Photo: ${photo.name}` : ""}
            draggable={false}
          />
        )}
        {heat && (map.shown?.empty === undefined || preview) && <HeatCanvas heat={heat} settings={settings} />}
        {size && <Boxes controller={controller} state={state} size={size} />}
        {own && size && <div class="own-box" style={place(own, size)} />}
      </div>
      {drawn && size && model.phase === "ready" && (
        <AskForm
          box={drawn}
          size={size}
          classNames={model.model.classNames}
          onBox={setDrawn}
          onAsk={(box: AskedBox) => {
            setDrawn(undefined);
            controller.ask(box);
          }}
          onDiscard={() => setDrawn(undefined)}
        />
      )}
      {model.phase === "failed" && <Notice failure={model.failure} />}
      {found.phase === "failed" && <Notice failure={found.failure} />}
      {map.failure && <Notice failure={map.failure} />}
      <Numbers controller={controller} state={state} />
      {size && found.phase === "ready" && !drawn && (
        <button type="button" class="link" onClick={() => setDrawn(middleOf(size))}>
          Ask about a box of your own
        </button>
      )}
    </section>
  );
}

function middleOf({ width, height }: Size): Corners {
  return {
    x1: Math.round(width / 4),
    y1: Math.round(height / 4),
    x2: Math.round(width * 0.75),
    y2: Math.round(height * 0.75),
  };
}

interface Size {
  readonly width: number;
  readonly height: number;
}

interface BoxesProps {
  readonly controller: Controller;
  readonly state: State;
  readonly size: Size;
}

/** Detections as buttons, large ones below small ones. */
function Boxes({ controller, state, size }: BoxesProps) {
  const area = ({ boxImage: { x1, y1, x2, y2 } }: Detection) => (x2 - x1) * (y2 - y1);
  const list = [...controller.shownDetections()].sort((a, b) => area(b) - area(a));
  return (
    <>
      {list.map((one) => {
        const selected = state.selection.includes(one.index);
        return (
          <button
            type="button"
            key={one.index}
            class={`box${selected ? " is-selected" : ""}${labelHidden(one, list, size) ? " has-label-below" : ""}`}
            style={place(one.boxImage, size)}
            aria-pressed={selected}
            aria-label={`${one.className}, ${percent(one.confidence)}`}
            onClick={(event) => controller.select(one.index, event.shiftKey)}
            onPointerEnter={() => controller.hover(one.index)}
            onPointerLeave={() => controller.hover(undefined)}
          >
            <span class="box-label">
              {one.className} <span class="box-score">{percent(one.confidence)}</span>
            </span>
          </button>
        );
      })}
    </>
  );
}

/** Whether the label of a box that is drawn later would lie over this one's. */
function labelHidden({ index, boxImage }: Detection, drawn: readonly Detection[], { width, height }: Size): boolean {
  const later = drawn.slice(drawn.findIndex((one) => one.index === index) + 1);
  return later.some(
    (one) =>
      Math.abs(one.boxImage.x1 - boxImage.x1) < width * 0.12 && Math.abs(one.boxImage.y1 - boxImage.y1) < height * 0.05,
  );
}

/** Where a box lies, in percent of the photo. */
export function place({ x1, y1, x2, y2 }: Corners, { width, height }: Size) {
  const [left, top] = [Math.max(0, x1), Math.max(0, y1)];
  return {
    left: `${(100 * left) / width}%`,
    top: `${(100 * top) / height}%`,
    width: `${(100 * (Math.min(x2, width) - left)) / width}%`,
    height: `${(100 * (Math.min(y2, height) - top)) / height}%`,
  };
}
