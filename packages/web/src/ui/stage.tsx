import type { AskedBox, MetricBox } from "@whybox/core";
import { useEffect, useRef, useState } from "preact/hooks";
import { isClassifier, type State } from "../controller/state.js";
import type { Controller } from "../controller.js";
import type { Size } from "./beside.js";
import { Button } from "./button.js";
import { FoundChips } from "./found-chips.js";
import { later } from "./later.js";
import { Answer } from "./numbers.js";
import { shownRegion } from "./region.js";
import { useNarrow, useObjectUrl, useShownWidth } from "./use-state.js";
import { lookOf } from "./why-box.js";

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
  const isNarrow = useNarrow();
  const [frame, shownWidth] = useShownWidth();
  const [drawn, setDrawn] = useState<MetricBox>();
  const [dragged, setDragged] = useState<MetricBox>();
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
  const heat = preview ?? (map.shown?.empty === undefined ? map.shown?.heat : undefined);
  const canAsk = size !== undefined && found.phase === "ready" && model.phase === "ready";
  const isBusy = found.phase === "running" || map.running !== undefined || state.incoming !== undefined;
  const isWide = size !== undefined && size.width >= WIDE * size.height;
  return (
    <section class="stage" aria-label="Photo">
      <div class={`frame${isWide ? " is-wide" : ""}`} style={size && { "--ratio": size.width / size.height }}>
        <why-box
          ref={frame}
          class={`photo${isBusy ? " is-busy" : ""}${drawn ? " is-armed" : ""}`}
          style={size && { aspectRatio: `${size.width} / ${size.height}` }}
          view={{
            image: url,
            alt: photo.phase === "ready" ? `Photo: ${photo.name}` : "",
            size,
            detections: controller.shownDetections(),
            selected: state.selection,
            heat,
            look: lookOf(settings),
            region: shownRegion(state),
            fades: true,
            marks: state.ownBox ? [{ box: state.ownBox, label: `${state.ownBox.className}?`, isAsked: true }] : [],
            isDrawable: hasBoxes,
            drawn,
          }}
          onpress={({ detail: { detection, isAdded } }) => controller.select(detection.index, isAdded)}
          onhover={({ detail }) => controller.hover(detail?.index)}
          ondrawing={({ detail }) => setDragged(detail)}
          ondraw={({ detail }) => setDrawn(detail)}
        />
        {drawn && canAsk && (
          <AskForm
            box={dragged ?? drawn}
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

function middleOf({ width, height }: Size): MetricBox {
  const part = (length: number, share: number) => Math.round(length * share);
  return { x1: part(width, 1 / 3), y1: part(height, 1 / 3), x2: part(width, 2 / 3), y2: part(height, 2 / 3) };
}
