import type { AskedBox, MetricBox } from "@whybox/core";
import { useEffect, useRef, useState } from "preact/hooks";
import { isClassifier, type State } from "../controller/state.js";
import type { Controller } from "../controller.js";
import { Boxes, place } from "./boxes.js";
import { Button } from "./button.js";
import { grips, useDrawing } from "./drawing.js";
import { FoundChips } from "./found-chips.js";
import { HeatCanvas } from "./heat-canvas.js";
import type { Size } from "./labels.js";
import { later } from "./later.js";
import { Answer } from "./numbers.js";
import { useNarrow, useObjectUrl, useShownWidth } from "./use-state.js";

/** With this aspect ratio or more, a photo leaves room for controls below it on a phone. The style sheet uses the same ratio. */
const WIDE = 1.25;

const AskForm = later(() => import("./ask-form.js").then((part) => part.AskForm));
const LookBar = later(() => import("./look-bar.js").then((part) => part.LookBar));

/** The photo with its detections and the heatmap of the selection. */
export function Stage({ controller, state }: { readonly controller: Controller; readonly state: State }) {
  const { photo, found, model, map, settings, preview } = state;
  // Both are there when the boxes are: who draws one types at once.
  useEffect(() => void Promise.all([AskForm.ahead(), LookBar.ahead()]), []);
  const file = photo.phase === "ready" || photo.phase === "decoding" ? photo.file : undefined;
  const url = useObjectUrl(file);
  const image = useRef<HTMLImageElement>(null);
  const isNarrow = useNarrow();
  const [frame, shownWidth] = useShownWidth();
  const [drawn, setDrawn] = useState<MetricBox>();
  // A new selection replaces a drawn box that is not explained yet.
  useEffect(() => setDrawn(undefined), [state.selection, state.whole, file]);
  const askButton = useRef<HTMLButtonElement>(null);
  const isDiscarded = useRef(false);
  useEffect(() => {
    // The focus was in the form, which is gone. Focus the button without scrolling, so that the photo stays visible.
    if (isDiscarded.current) askButton.current?.focus({ preventScroll: true });
    isDiscarded.current = false;
  }, [drawn]);
  const size = photo.phase === "ready" ? photo.facts : undefined;
  const hasBoxes = !isClassifier(state);
  const drawing = useDrawing(hasBoxes ? size : undefined, drawn, setDrawn);
  const heat = preview ?? map.shown?.heat;
  const waiting = drawing.box ?? drawn;
  const canAsk = size !== undefined && found.phase === "ready" && model.phase === "ready";
  const isBusy = found.phase === "running" || map.running !== undefined || state.incoming !== undefined;
  const isWide = size !== undefined && size.width >= WIDE * size.height;
  return (
    <section class="stage" aria-label="Photo">
      <div class={`frame${isWide ? " is-wide" : ""}`} style={size && { "--ratio": size.width / size.height }}>
        <div
          ref={frame}
          class={`photo${isBusy ? " is-busy" : ""}${drawn ? " is-armed" : ""}`}
          style={size && { aspectRatio: `${size.width} / ${size.height}` }}
          {...drawing.handlers}
        >
          {url && (
            <img
              ref={image}
              class="image"
              src={url}
              alt={photo.phase === "ready" ? `Photo: ${photo.name}` : ""}
              draggable={false}
            />
          )}
          {heat && (map.shown?.empty === undefined || preview) && (
            <HeatCanvas heat={heat} settings={settings} photo={image} fades />
          )}
          {size && <Boxes controller={controller} state={state} size={size} shownWidth={shownWidth} />}
          {size && waiting === undefined && state.ownBox && <OwnBox box={state.ownBox} size={size} />}
          {size && waiting && (
            <div class="own-box is-waiting" data-grip="body" style={place(waiting, size)}>
              {grips.map((grip) => (
                <span key={grip} class="grip" data-grip={grip} />
              ))}
            </div>
          )}
        </div>
        {drawn && canAsk && (
          <AskForm
            box={waiting ?? drawn}
            size={size}
            shownWidth={shownWidth}
            classNames={model.model.report.classNames}
            onBox={setDrawn}
            onAsk={(box: AskedBox) => {
              setDrawn(undefined);
              controller.ask(box);
            }}
            onDiscard={() => {
              isDiscarded.current = true;
              setDrawn(undefined);
            }}
          />
        )}
      </div>
      <FoundChips controller={controller} state={state} />
      {isNarrow && <Answer controller={controller} state={state} />}
      {canAsk && <LookBar controller={controller} state={state} />}
      {canAsk && !drawn && (
        <div class="row stage-actions">
          {hasBoxes && (
            <button ref={askButton} type="button" class="button" onClick={() => setDrawn(middleOf(size))}>
              Ask about your own box
            </button>
          )}
          <Button disabled={map.shown === undefined} onClick={() => controller.compare(true)}>
            Compare methods
          </Button>
        </div>
      )}
    </section>
  );
}

/** The box that the user asked about, with its class. The label is above the box if there is room. */
function OwnBox({ box, size }: { readonly box: AskedBox; readonly size: Size }) {
  const isHigh = box.y1 < size.height * 0.08;
  return (
    <div class="own-box" style={place(box, size)}>
      <span class={`box-label${isHigh ? " is-below" : " is-above"}`}>{box.className}?</span>
    </div>
  );
}

function middleOf({ width, height }: Size): MetricBox {
  const part = (length: number, share: number) => Math.round(length * share);
  return { x1: part(width, 1 / 3), y1: part(height, 1 / 3), x2: part(width, 2 / 3), y2: part(height, 2 / 3) };
}
