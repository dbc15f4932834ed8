import { methodOf } from "../controller/methods.js";
import type { State } from "../controller/state.js";
import type { Controller } from "../controller.js";
import { Legend } from "./legend.js";
import { milliseconds, percent } from "./texts.js";

/** What is shown: method, time and the numbers that belong to the map. */
export function Numbers({ controller, state }: { readonly controller: Controller; readonly state: State }) {
  const { map, found, settings, selection } = state;
  if (found.phase === "none" || found.phase === "failed") {
    return <p class="hint">{state.model.phase === "opening" ? "The boxes come as soon as the model is ready." : ""}</p>;
  }
  if (found.phase === "running") return <p class="hint">Looking for objects…</p>;
  if (found.list.length === 0 && state.ownBox === undefined) {
    return (
      <p class="hint">
        Nothing was detected with a confidence of {percent(settings.confidence)} or more. Lower it on the side, or drag
        a box over what you expected to be found.
      </p>
    );
  }
  const { shown, running } = map;
  if (shown === undefined && running === undefined) {
    return (
      <p class="hint">
        Click a box to see what spoke for it. Shift adds another; drag over empty ground to ask why nothing is there. Or
        look at{" "}
        <button type="button" class="link" onClick={() => controller.selectWhole()}>
          the whole picture
        </button>
        .
      </p>
    );
  }
  const only = selection.length === 1 ? found.list[selection[0]!] : undefined;
  return (
    <div class="numbers">
      <p class="numbers-head">
        <strong>{subjectText(state)}</strong>
        {shown && (
          <span class="faint">
            {methodOf(shown.method).title} · {milliseconds(shown.ms)}
          </span>
        )}
        {running && (
          <span class="running">
            <span class="spinner" aria-hidden="true" />
            {shown?.isQuick ? `refining with ${methodOf(running).title}` : methodOf(running).title}
            {map.progress?.done !== undefined && map.progress.stage === "run" ? "…" : ""}
            <button type="button" class="link" onClick={() => controller.cancel()}>
              Cancel
            </button>
          </span>
        )}
      </p>
      {shown?.asked && <p class="verdict">{shown.asked.verdict}</p>}
      {shown?.empty && <p class="hint">{shown.empty}</p>}
      {shown && !shown.empty && (
        <dl class="facts">
          {shown.facts.energy && (
            <Fact
              name="Heat inside the box"
              value={percent(shown.facts.energy.inside)}
              note={`the box is ${percent(shown.facts.energy.area)} of the picture`}
            />
          )}
          {shown.facts.peak && (
            <Fact
              name="Hottest at"
              value={`${shown.facts.peak.x}, ${shown.facts.peak.y}`}
              note={
                shown.facts.peak.insideBox === undefined
                  ? ""
                  : shown.facts.peak.insideBox
                    ? "inside the box"
                    : "outside the box"
              }
            />
          )}
          {only && <Fact name="Confidence" value={percent(only.confidence)} note={`found at ${only.levelName}`} />}
        </dl>
      )}
      {settings.crop === "off" && <Legend name={settings.colormap} />}
    </div>
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

function subjectText({ ownBox, whole, selection, found }: State): string {
  if (ownBox !== undefined) return `Why no ${ownBox.className} here?`;
  if (whole) return "The whole picture";
  if (found.phase !== "ready") return "";
  const names = selection.map((index) => found.list[index]?.className);
  return names.length <= 3 ? `Why ${names.join(" and ")}?` : `Why these ${names.length}?`;
}
