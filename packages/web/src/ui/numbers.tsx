import { percent } from "@whybox/report";
import { methodOf } from "../controller/methods.js";
import type { MapFacts, ShownMap, State } from "../controller/state.js";
import type { Controller } from "../controller.js";
import { FactList } from "./fact-list.js";
import { Notice } from "./notice.js";
import { modelTypes, PickFile } from "./pick-file.js";
import { questionText, readMap } from "./reading.js";
import { Runs } from "./runs.js";
import { milliseconds, progressText, unbroken } from "./texts.js";

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
  return (
    <section class="answer" aria-label="Answer">
      {model.phase === "failed" && (
        <Notice failure={model.failure}>
          <div class="row">
            <PickFile controller={props.controller} accept={modelTypes} class="button primary">
              Open a model
            </PickFile>
            <button type="button" class="button" onClick={() => void props.controller.openModel()}>
              Default model
            </button>
          </div>
        </Notice>
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

function Numbers({ controller, state }: NumbersProps) {
  const { map, found, settings, photo } = state;
  const { shown, running } = map;
  if (found.phase === "none" || found.phase === "failed") return <Waiting state={state} />;
  if (found.phase === "running") return <p class="hint">Detecting objects…</p>;
  if (shown === undefined && running === undefined) {
    const isNothing = found.list.length === 0;
    return isNothing ? (
      <div class="numbers">
        <h2 class="question">Nothing found</h2>
        <p class="hint">
          Nothing was detected with a confidence of {percent(settings.confidence)} or more. Lower the minimum confidence
          under “Question”, or ask about your own box.
        </p>
      </div>
    ) : (
      <div class="numbers">
        <h2 class="question">{found.list.length} found. Which one?</h2>
        <p>
          {isTouch
            ? "Tap a box to see what supports it. To ask why an object was not found, use your own box. "
            : "Click a box to see what supports it, or use the arrow keys. Hold Shift to select several boxes. Drag on an empty area to ask why nothing was found there. "}
          You can also explain{" "}
          <button type="button" class="link" onClick={() => controller.selectWhole()}>
            the whole image
          </button>
          .
        </p>
      </div>
    );
  }
  const reading = readMap(state);
  return (
    <div class="numbers">
      <h2 class="question">{questionText(state)}</h2>
      {shown?.asked && <p class="verdict">{unbroken(shown.asked.verdict)}</p>}
      {reading && <p>{reading.sentence}</p>}
      {shown?.empty && (
        <p class="caution">
          <strong>The map is empty.</strong> {shown.empty}
        </p>
      )}
      {shown && !shown.empty && <Facts state={state} facts={shown.facts} />}
      {reading?.cautions.map((text) => (
        <p key={text} class="caution">
          {text}
        </p>
      ))}
      <p class="made">
        {shown && (
          <span class="faint">
            {methodOf(shown.method).title} · {milliseconds(shown.ms)}
          </span>
        )}
        {running && (
          <span class="running">
            <span class="spinner" aria-hidden="true" />
            {shown?.isQuick ? `refining with ${methodOf(running).title}` : methodOf(running).title}
            <Runs progress={map.progress} title={methodOf(running).title} />
            <button type="button" class="link" onClick={() => controller.cancel()}>
              Cancel
            </button>
          </span>
        )}
      </p>
      {shown && <More shown={shown} />}
      {photo.phase === "ready" && photo.facts.shrunkFrom && (
        <p class="hint">
          Scaled down to {photo.facts.width} × {photo.facts.height}. The file has {photo.facts.shrunkFrom.join(" × ")}.
        </p>
      )}
    </div>
  );
}

/** Shown when the photo is ready and the model is not. */
function Waiting({ state: { model } }: { readonly state: State }) {
  if (model.phase !== "opening") return null;
  const { done, total } = model.progress ?? {};
  return (
    <div class="numbers">
      <p>{progressText(model.progress)}… The boxes appear when it is ready.</p>
      {done !== undefined && total ? <progress value={done} max={total} aria-label="Loading the model" /> : null}
    </div>
  );
}

function Facts({ state, facts: { energy, peak } }: { readonly state: State; readonly facts: MapFacts }) {
  const { found, selection } = state;
  const only = selection.length === 1 && found.phase === "ready" ? found.list[selection[0]!] : undefined;
  const where = peak?.insideBox === undefined ? "" : peak.insideBox ? "inside the box" : "outside the box";
  return (
    <>
      {energy && (
        <div class="energy">
          <p>
            <strong>{percent(energy.inside)}</strong> of the heat is in the box, which covers {percent(energy.area)} of
            the image.
          </p>
          <div class="meter" aria-hidden="true">
            <span class="meter-fill" style={{ width: `${100 * energy.inside}%` }} />
            <span class="meter-mark" style={{ left: `${100 * energy.area}%` }} />
          </div>
          <p class="hint">The mark shows the share of a uniform map.</p>
        </div>
      )}
      <dl class="facts">
        {only && <Fact name="Confidence" value={percent(only.confidence)} note={`found at ${only.levelName}`} />}
        {peak && <Fact name="Hottest at" value={`${peak.x}, ${peak.y}`} note={where} />}
      </dl>
    </>
  );
}

function Fact({ name, value, note }: { readonly name: string; readonly value: string; readonly note: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value} {note && <small class="faint">{note}</small>}
      </dd>
    </div>
  );
}

/** Details for experts: layers, gradients, the method's own numbers, and timings. */
function More({ shown: { explanation } }: { readonly shown: ShownMap }) {
  if (explanation === undefined) return null;
  const { layers, notes, timings, backprop } = explanation;
  const number = (value: number) => (Number.isInteger(value) ? String(value) : value.toPrecision(3));
  const gradient = (most: number | null) => (most === null ? "" : `, largest gradient ${number(most)}`);
  const facts: (readonly [string, string])[] = layers.map(({ name, channels, size, gradientMax }) => [
    name,
    `${channels} channels, ${size.join(" × ")}${gradient(gradientMax)}`,
  ]);
  if (backprop.length > 0) facts.unshift(["Differentiated", backprop.join(", ")]);
  for (const { name, value, layer } of notes) {
    facts.push([layer === undefined ? name : `${name}, ${layer}`, number(value)]);
  }
  for (const [name, value] of Object.entries(timings)) {
    if (typeof value === "number" && value >= 0.5) facts.push([name, milliseconds(value)]);
  }
  return (
    <details class="more">
      <summary>How it was made</summary>
      <FactList facts={facts} />
    </details>
  );
}
