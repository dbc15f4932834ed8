import { percent } from "@whybox/report";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { methodOf } from "../controller/methods.js";
import { isClassifier, type MapFacts, type State } from "../controller/state.js";
import type { Controller } from "../controller.js";
import { Button } from "./button.js";
import { later } from "./later.js";
import { ModelNotice, Notice } from "./notice.js";
import { modelTypes, PickFile } from "./pick-file.js";
import { howToRead, questionText, readMap } from "./reading.js";
import { RESULT } from "./result-focus.js";
import { Runs } from "./runs.js";
import { progressText, unbroken } from "./texts.js";

const MeasureCard = later(() => import("./measure-card.js").then((part) => part.MeasureCard));

/** Touch screens have no Shift key, and a drag scrolls the page. */
const isTouch = matchMedia("(pointer: coarse)").matches;

interface NumbersProps {
  readonly controller: Controller;
  readonly state: State;
}

/** The result in one sentence, with its numbers. It is beside the photo, or below it on narrow screens. */
export function Answer(props: NumbersProps) {
  const { model, found, map, settings } = props.state;
  const provider = model.phase === "ready" ? model.model.provider : undefined;
  // It is there with the first map, so that nothing moves when it comes.
  useEffect(() => void MeasureCard.ahead(), []);
  return (
    <section class="answer" aria-label="Answer" aria-busy={map.running !== undefined || found.phase === "running"}>
      {model.phase === "failed" && (
        <ModelNotice controller={props.controller} failure={model.failure}>
          <div class="row">
            <PickFile controller={props.controller} accept={modelTypes} class="button primary">
              Open a model
            </PickFile>
            <button type="button" class="button" onClick={() => void props.controller.openModel()}>
              Default model
            </button>
          </div>
        </ModelNotice>
      )}
      {settings.device === "webgpu" && provider?.device === "wasm" && (
        <p class="caution">It runs on the CPU. {provider.note}</p>
      )}
      {found.phase === "failed" && <Notice failure={found.failure} />}
      {map.failure && <Notice failure={map.failure} />}
      <Numbers {...props} />
    </section>
  );
}

function howToAsk(state: State): string {
  if (isClassifier(state)) return "Choose a class to see what supports it.";
  return isTouch
    ? "Tap a box to see what supports it. To ask why an object was not found, use your own box."
    : "Click a box to see what supports it, or use the arrow keys. Hold Shift to select several boxes. Drag on an empty area to ask why nothing was found there.";
}

function Numbers({ controller, state }: NumbersProps) {
  const { map, found, photo, settings } = state;
  const { shown, running } = map;
  if (found.phase === "none" || found.phase === "failed") return <Waiting state={state} />;
  if (found.phase === "running")
    return <p class="hint">{isClassifier(state) ? "Classifying…" : "Detecting objects…"}</p>;
  if (shown === undefined && running === undefined) return <Nothing controller={controller} state={state} />;
  const reading = readMap(state);
  const question = questionText(state);
  const verdict = shown?.asked && unbroken(shown.asked.verdict);
  const sentence = verdict ?? reading?.sentence;
  return (
    <div class="numbers">
      <ResultHeading>{question}</ResultHeading>
      {sentence !== undefined && (
        <Sentence
          key={`${question} ${state.selection.join()}`}
          isQuick={shown?.isQuick === true}
          isVerdict={verdict !== undefined}
        >
          {sentence}
        </Sentence>
      )}
      {verdict !== undefined && reading && <p>{reading.sentence}</p>}
      {shown?.empty && (
        <p class="caution">
          <strong>The map is empty.</strong> {shown.empty}
        </p>
      )}
      {shown && !shown.empty && methodOf(shown.method).dependsOnScore && settings.crop === "off" && (
        <p>{howToRead(settings.colormap)}</p>
      )}
      {shown && !shown.empty && <Energy facts={shown.facts} />}
      <p class="running-line">
        {running ? (
          <span class="running">
            <span class="spinner" aria-hidden="true" />
            {shown?.isQuick ? "Refining the map" : "Making the map"}
            <Runs progress={map.progress} title={methodOf(running).title} />
            <button type="button" class="link" onClick={() => controller.cancel()}>
              Cancel
            </button>
          </span>
        ) : (
          shown?.facts.energy && !shown.empty && <span class="hint">The mark shows the share of a uniform map.</span>
        )}
      </p>
      {/* A better map than the quick one may need no warning. */}
      {(running === undefined ? reading?.cautions : undefined)?.map((text) => (
        <p key={text} class="caution">
          {text}
        </p>
      ))}
      {shown && <MeasureCard controller={controller} state={state} />}
      {photo.phase === "ready" && photo.facts.shrunkFrom && (
        <p class="hint">
          Scaled down to {photo.facts.width} × {photo.facts.height}. The file has {photo.facts.shrunkFrom.join(" × ")}.
        </p>
      )}
    </div>
  );
}

interface SentenceProps {
  readonly isQuick: boolean;
  readonly isVerdict: boolean;
  readonly children: string;
}

/** The answer in one sentence. A shorter one of a better map takes the room of the one before, so nothing below moves. */
function Sentence({ isQuick, isVerdict, children }: SentenceProps) {
  const line = useRef<HTMLParagraphElement>(null);
  const [room, setRoom] = useState(0);
  useLayoutEffect(() => {
    if (isQuick) setRoom(line.current!.offsetHeight);
  }, [isQuick, children]);
  return (
    <p ref={line} class={`sentence${isVerdict ? " verdict" : ""}`} style={room > 0 ? { minHeight: `${room}px` } : {}}>
      {children}
    </p>
  );
}

/** The heading of the answer. It takes the focus when the result is there. */
function ResultHeading({ children }: { readonly children: ComponentChildren }) {
  return (
    <h2 id={RESULT} class="question" tabIndex={-1}>
      {children}
    </h2>
  );
}

/** The confidence that finds more objects, if the current one finds nothing. */
const LOW_CONFIDENCE = 0.1;

/** What to do if no box is selected, or if there is none. */
function Nothing({ controller, state }: NumbersProps) {
  const { found, settings } = state;
  const count = found.phase === "ready" ? found.list.length : 0;
  if (count > 0) {
    return (
      <div class="numbers">
        <ResultHeading>{count} found</ResultHeading>
        <p class="sentence">Which one?</p>
        <p>
          {howToAsk(state)} You can also explain{" "}
          <button type="button" class="link" onClick={() => controller.selectWhole()}>
            {isClassifier(state) ? "all of them together" : "the whole image"}
          </button>
          .
        </p>
      </div>
    );
  }
  return (
    <div class="numbers">
      <ResultHeading>Nothing found</ResultHeading>
      <p class="hint">
        {isClassifier(state)
          ? `No class has a probability above ${percent(settings.confidence)}.`
          : `Nothing was detected with a confidence from ${percent(settings.confidence)}. Ask about your own box, or look for less certain objects.`}
      </p>
      {settings.confidence > LOW_CONFIDENCE && (
        <div class="row">
          <Button onClick={() => controller.set({ confidence: LOW_CONFIDENCE })}>
            Show what is found from {percent(LOW_CONFIDENCE)}
          </Button>
        </div>
      )}
    </div>
  );
}

/** Shown when the photo is ready and the model is not. */
function Waiting({ state: { model } }: { readonly state: State }) {
  if (model.phase !== "opening") return null;
  const { received, total } = model.progress?.download ?? {};
  return (
    <div class="numbers">
      <p>{progressText(model.progress)}… The boxes appear when it is ready.</p>
      {received !== undefined && total ? (
        <progress value={received} max={total} aria-label="Loading the model" />
      ) : null}
    </div>
  );
}

/** The share of the heat in the box, if there is exactly one box. The line below it says what the mark is, or what runs. */
function Energy({ facts: { energy } }: { readonly facts: MapFacts }) {
  if (energy === undefined) return null;
  return (
    <div class="energy">
      <p>
        <strong>{percent(energy.inside)}</strong> of the heat is in the box, which covers {percent(energy.area)} of the
        image.
      </p>
      <div class="meter" aria-hidden="true">
        <span class="meter-fill" style={{ width: `${100 * energy.inside}%` }} />
        <span class="meter-mark" style={{ left: `${100 * energy.area}%` }} />
      </div>
    </div>
  );
}
